"""How long the page takes before many images, and how smoothly it scrolls: `python benchmarks/page.py`.

Writes photos in class folders, trains a baseline for an epoch, and opens `model-guidance annotate` on it in
Chromium. Printed are the seconds from the address to a full first view, and the frames that the browser's own
trace says were drawn while the gallery was scrolled for some seconds, with the longest time between two.
"""

import argparse
import io
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from model_guidance.runs.train import train_run
from model_guidance.training.config import Config

CLASSES, KINDS, SIDE = 4, 100, 320
FRAMES = "disabled-by-default-devtools.timeline.frame"
VIEW = """() => {
    const photos = [...document.querySelectorAll('.tile:not([hidden]) .frame:not([hidden]) .photo')];
    return photos.length > 0 && photos.every(each => each.complete && each.naturalWidth > 0); }"""
SCROLL = """([seconds, pixels]) => new Promise(done => {
    const list = document.querySelector('#gallery'), end = performance.now() + 1000 * seconds;
    const step = now => { list.scrollTop += pixels; now < end ? requestAnimationFrame(step) : done(); };
    requestAnimationFrame(step);
})"""


def written(root: Path, count: int) -> Path:
    """Write so many training images, and a few to validate and test, of which `KINDS` are different."""
    rng, contents = np.random.default_rng(0), []
    for _ in range(KINDS):
        content = io.BytesIO()
        pixels = rng.integers(0, 256, (20, 20, 3), np.uint8)
        Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(content, "JPEG")
        contents.append(content.getvalue())
    for split, images in {"train": count, "val": 40, "test": 40}.items():
        for number in range(images):
            place = root / split / f"class{number % CLASSES}" / f"{number:06}.jpg"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(contents[number % KINDS])
    return root


def trained(home: Path, count: int) -> Path:
    """Return the folder of a baseline of one epoch."""
    settings: dict[str, Any] = {"backbone": "small", "size": 32, "epochs": 1, "workers": 0, "lambda_": 0.0}
    root = written(home / "photos", count)
    config = Config(data="folder", root=str(root), cache=str(home / "cache"), accelerator="cpu", **settings)
    train_run(config, home / "run")
    return home / "run"


@contextmanager
def opened(run: Path) -> Iterator[str]:
    """Yield the address of the page, served by the command."""
    command = [sys.executable, "-m", "model_guidance", "annotate", str(run), "--port=0", "--browser=false"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield next(word for line in process.stdout for word in line.split() if word.startswith("http://"))
        process.terminate()


def frames(page: Page, seconds: float, pixels: int) -> list[float]:
    """Return the milliseconds between the frames that were drawn while the gallery scrolled."""
    browser = page.context.browser
    assert browser
    browser.start_tracing(page=page, categories=["devtools.timeline", FRAMES])
    page.evaluate(SCROLL, [seconds, pixels])
    events = json.loads(browser.stop_tracing())["traceEvents"]
    drawn = sorted(each["ts"] / 1000 for each in events if each["name"] == "DrawFrame")
    return [after - before for before, after in itertools.pairwise(drawn)]


def main() -> None:
    """Print one line for the first view, and one for each speed of scrolling."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=12_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--speeds", type=int, nargs="+", default=[5, 20, 80], help="pixels in a frame")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        run, chromium = trained(Path(folder), given.images), shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with opened(run) as address:
            page = browser.new_page(viewport={"width": 1280, "height": 844})
            begin = time.perf_counter()
            page.goto(address)
            page.wait_for_function(VIEW)
            print(f"{given.images} images: first view after {time.perf_counter() - begin:.1f} seconds")
            page.locator(".tile-prediction").first.wait_for(timeout=0)  # all have been looked at
            print(f"all predicted and explained after {time.perf_counter() - begin:.0f} seconds")
            for pixels in given.speeds:
                gaps = frames(page, given.seconds, pixels)
                print(
                    f"{pixels} pixels in a frame: {1000 / np.mean(gaps):.0f} frames a second, "
                    f"95 % within {np.percentile(gaps, 95):.0f} ms, the longest after {max(gaps):.0f} ms"
                )
        browser.close()


if __name__ == "__main__":
    main()
