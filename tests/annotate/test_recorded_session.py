"""A sitting before real Waterbirds photos and a pretrained network, from the first look to the verdict.

Each step is kept as a screenshot at two widths in the test's folder (`--basetemp DIR` says where), and the
whole as `trace.zip`, which `playwright show-trace` replays.
"""

from pathlib import Path
from typing import Any

import pytest

from model_guidance.annotate.session import Session
from model_guidance.data import open_source
from model_guidance.runs.folder import Run
from model_guidance.runs.train import train_run
from model_guidance.training.config import Config
from tests.annotate.browsing import Tab, on_disk, served, until

pytestmark = pytest.mark.slow
COUNTS = {"train": 24, "val": 12, "test": 24}
DESK, PHONE = {"width": 1280, "height": 844}, {"width": 390, "height": 844}
TRAINED = 120_000  # milliseconds that a round of two epochs may take


def photos(source: Path, root: Path) -> Path:
    """Write some photos of each class of each split in class folders, and the boxes of those for the test."""
    rows = ["file,xmin,ymin,xmax,ymax"]
    for split, count in COUNTS.items():
        found = open_source("waterbirds", source, split)
        wanted = dict.fromkeys(found.classes, count // 2)
        for index, name in enumerate(found.names):
            sample = found.read(index)
            label = found.classes[min(sample.labels)]
            if not wanted[label]:
                continue
            wanted[label] -= 1
            file = Path(split, label, Path(name).name)
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            sample.image.save(root / file, quality=95)
            if split == "test":
                rows.append(",".join(map(str, (file, *sample.annotations[0].shape))))
            if not any(wanted.values()):
                break
    (root / "regions.csv").write_text("\n".join(rows))
    return root


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, real_data: Any, pretrained: Path) -> Run:
    """Return a baseline of one epoch with ImageNet's features."""
    home = tmp_path_factory.mktemp("birds")
    root = photos(real_data("waterbirds"), home / "photos")
    settings = {"data": "folder", "root": str(root), "cache": str(home / "cache"), "accelerator": "cpu"}
    network = {"backbone": "timm/tf_efficientnet_lite0", "weights": str(pretrained), "frozen": "mid3"}
    train_run(Config(**settings, **network, size=96, epochs=1, batch=8, workers=0), home / "run")
    return Run.open(home / "run")


def test_a_sitting(session: Session, browser: Any, tmp_path: Path) -> None:
    """Open, sort, mark by mouse and by keyboard, reload, train a round, and read the verdict."""
    with served(session) as address:
        context = browser.new_context(viewport=DESK)
        context.tracing.start(screenshots=True, snapshots=True)
        tab = Tab(context, address).gallery()
        page = tab.page

        def shown(step: str) -> None:
            for place, size in {"desk": DESK, "phone": PHONE}.items():
                page.set_viewport_size(size)
                page.wait_for_timeout(150)  # until it is laid out anew
                page.screenshot(path=tmp_path / f"{step}-{place}.png")
            page.set_viewport_size(DESK)

        page.locator(".tile-prediction").first.wait_for()
        shown("1-gallery")
        page.evaluate("document.querySelector('#controls').open = true")
        page.locator("[name=order]").select_option("error")
        worst = session.gallery({"split": "train", "order": "error"})["images"][:2]
        page.locator(f".tile button[data-position='0'][title='{worst[0]['name']}']").wait_for()
        page.evaluate("document.querySelector('#controls').open = false")
        shown("2-sorted")

        first, second = (each["name"] for each in worst)
        width_, height = session.photos["train"].sample(worst[0]["index"]).image.size
        box = [[width_ * 0.25, height * 0.3], [width_ * 0.75, height * 0.8]]
        tab.image(0).keys("b").drag(tuple(box[0]), tuple(box[1]))
        tab.keys("Escape", "Escape", "i", "b").drag((4, 4), (40, 24)).saved()
        shown("3-mouse")
        mouse = on_disk(session)[first]
        assert [mark["ignored"] for mark in mouse] == [False, True]
        assert mouse[0]["points"] == [pytest.approx(corner, abs=1) for corner in box]

        tab.keys("Escape", "Escape", "Escape")
        page.locator("[data-position='0']:focus").wait_for()
        tab.keys("ArrowRight", "Enter").opened()
        tab.keys("b", "2*Shift+ArrowLeft", "Enter", "4*Shift+ArrowRight", "2*Shift+ArrowDown", "Enter")
        tab.keys("p", "Enter", "2*Shift+ArrowUp", "Enter", "2*Shift+ArrowRight", "Enter", "Enter").saved()
        shown("4-keyboard")
        keyboard = on_disk(session)[second]
        assert [mark["kind"] for mark in keyboard] == ["box", "polygon"]
        assert not any(mark["ignored"] for mark in keyboard)  # as on the image before

        page.reload()
        tab.opened().page.locator("#stage .mark").nth(1).wait_for()
        shown("5-reloaded")

        page.locator("#open-train").click()
        page.get_by_text("2 training images are marked.").wait_for()
        page.locator("[name=epochs]").fill("2")
        page.locator("#train-start").click()
        page.locator("#rounds .round.finished").wait_for(timeout=TRAINED)
        shown("6-trained")
        page.get_by_role("button", name="Compare: round-1").click()
        verdict = session.compared("round-1")["verdict"]
        until(lambda: page.locator("#verdict").inner_text() == verdict, "the verdict is not shown")
        shown("7-verdict")
        page.get_by_role("button", name="Look at both").click()
        page.locator("#close-panel").click()
        page.locator("#views svg").nth(1).wait_for()
        shown("8-before-and-after")
        page.locator("#back").click()
        page.locator(".tile:not([hidden]) .tile-said + .tile-said").first.wait_for()  # both models' answers
        page.wait_for_load_state("networkidle")
        shown("9-gallery-of-both")
        assert tab.complaints == []
        context.tracing.stop(path=tmp_path / "trace.zip")
        context.close()
