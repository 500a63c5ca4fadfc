"""A small finished run before whose photos the page is opened, and tabs before it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model_guidance.annotate.session import Session
from model_guidance.runs.folder import Run
from model_guidance.runs.train import train_run
from model_guidance.training.config import Config
from tests.annotate.browsing import Opener, Tab, served

ODD = "a'\"<img src=x onerror=alert(1)> ü 漢 .png"


def photos(root: Path) -> Path:
    """Write two classes of twelve pictures of different sides for each split, one with an odd name."""
    rng = np.random.default_rng(0)
    for split in ("train", "val", "test"):
        for label in ("cat", "dog"):
            home = root / split / label
            home.mkdir(parents=True)
            for number in range(12):
                sides = rng.integers(40, 90, 2)
                pixels = rng.integers(0, 120, (*sides, 3), np.uint8)
                pixels[10:30, 10:30] += np.uint8(120 if label == "cat" else 0)
                name = ODD if (split, label, number) == ("train", "cat", 0) else f"{number:02}.png"
                Image.fromarray(pixels).save(home / name)
    return root


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a baseline of one epoch; its test images have boxes, so that it can be judged."""
    home = tmp_path_factory.mktemp("annotate")
    root = photos(home / "photos")
    rows = [f"{file.relative_to(root)},10,10,30,30" for file in sorted(root.glob("test/*/*.png"))]
    (root / "regions.csv").write_text("\n".join(["file,xmin,ymin,xmax,ymax", *rows]))
    settings = {"data": "folder", "root": str(root), "cache": str(home / "cache"), "accelerator": "cpu"}
    config = Config(**settings, backbone="small", size=32, epochs=1, batch=8, workers=0, lr=1e-3)
    train_run(config, home / "run")
    return Run.open(home / "run")


@pytest.fixture
def session(finished: Run, tmp_path: Path) -> Iterator[Session]:
    """Return a sitting with no marks yet."""
    sitting = Session(finished, tmp_path / "rounds", tmp_path / "rounds" / "marks.json")
    yield sitting
    sitting.close()


@pytest.fixture
def open_tab(session: Session, browser: Any) -> Iterator[Opener]:
    """Return what opens a tab before the page of the sitting, its gallery shown."""
    contexts = []
    with served(session) as address:

        def opened(width: int = 1280, ratio: float = 1, touch: bool = False) -> Tab:
            settings = {"viewport": {"width": width, "height": 844}, "device_scale_factor": ratio}
            contexts.append(browser.new_context(**settings, has_touch=touch))
            return Tab(contexts[-1], address).gallery()

        yield opened
        for context in contexts:
            context.close()
