"""The page in a real browser: its server, its tabs, and hands on the image that is open."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from model_guidance.annotate.server import application
from model_guidance.annotate.session import Session
from model_guidance.commands.annotate import HOST, listening

uvicorn = pytest.importorskip("uvicorn")
TOKEN = "a-secret"
WAIT = 20.0


@contextmanager
def served(session: Session) -> Iterator[str]:
    """Serve the page of a sitting from a thread; yield its address."""
    bound = listening(0)
    host = f"{HOST}:{bound.getsockname()[1]}"
    server = uvicorn.Server(
        uvicorn.Config(application(session, TOKEN, {host}), log_level="warning", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    yield f"http://{host}/?token={TOKEN}"
    server.should_exit = True
    thread.join()


def until(true: Callable[[], bool], said: str) -> None:
    """Wait for something that is true soon."""
    end = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < end, said
        time.sleep(0.05)


class Tab:
    """One tab before the page; `complaints` has what its console said."""

    def __init__(self, context: Any, address: str) -> None:
        self.page, self.address = context.new_page(), address
        self.complaints: list[str] = []
        self.page.set_default_timeout(1000 * WAIT)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.accept()))

    def gallery(self) -> "Tab":
        """Open the page, and wait for its images."""
        self.page.goto(self.address)
        self.page.locator(".tile:not(.waiting)").first.wait_for()
        return self

    def image(self, position: int) -> "Tab":
        """Open an image of the gallery."""
        tile = self.page.locator(f"[data-position='{position}']").first  # of two beside each other
        name = tile.get_attribute("title")
        tile.click()
        self.page.locator("#image-name", has_text=name).wait_for()  # not the one that was open before
        return self.opened()

    def opened(self) -> "Tab":
        """Wait for the image that is open."""
        self.page.locator("#stage[viewBox] image.photo[href]").wait_for(state="attached")
        self.page.locator("#facts dl").wait_for(state="attached")
        return self

    def keys(self, *names: str) -> "Tab":
        """Press keys; "3*Shift+ArrowRight" presses one three times."""
        for name in names:
            count, _, key = name.rpartition("*")
            for _ in range(int(count or 1)):
                self.page.keyboard.press(key)
        return self

    def screen(self, x: float, y: float) -> tuple[float, float]:
        """Return where on the screen the browser itself draws a point of the image."""
        return tuple(
            self.page.evaluate(
                """([x, y]) => { const svg = document.querySelector('#stage');
                const at = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM()); return [at.x, at.y]; }""",
                [x, y],
            )
        )

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> "Tab":
        """Drag the mouse from one point of the image to another."""
        self.page.mouse.move(*self.screen(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.screen(*((a + b) / 2 for a, b in zip(start, end, strict=True))))
        self.page.mouse.move(*self.screen(*end))
        self.page.mouse.up()
        return self

    def click(self, *points: tuple[float, float]) -> "Tab":
        """Click on points of the image."""
        for point in points:
            self.page.mouse.click(*self.screen(*point))
        return self

    def saved(self) -> "Tab":
        """Wait until the page says that everything is on the disk."""
        self.page.locator("#saving[data-state=saved]").wait_for()
        return self

    def drawn(self) -> list[dict[str, Any]]:
        """Return the uid, the text and the box on the screen of each region that is seen."""
        return self.page.evaluate(
            """() => [...document.querySelectorAll('#stage .mark')].map(each => {
                const line = each.querySelector('.line'), box = line.getBoundingClientRect();
                const ignored = each.classList.contains('ignored');
                return {uid: each.dataset.uid, text: each.textContent, ignored,
                        box: [box.left, box.top, box.right, box.bottom]};
            })"""
        )


Opener = Callable[..., Tab]


def on_disk(session: Session) -> dict[str, list[dict[str, Any]]]:
    """Return the regions that the file of marks has by now, by the image's name."""
    content = json.loads(session.marks.path.read_text()) if session.marks.path.exists() else {"images": []}
    names = {each["id"]: each["file_name"] for each in content["images"]}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names.values()}
    for each in content.get("annotations", []):
        found[names[each["image_id"]]].append(each["mark"])
    return found
