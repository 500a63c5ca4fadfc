"""Where the tests find real data and a browser, and how they say that one is missing."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The same examples in each run, so that a red suite is a fault of the change; `pytest -m hypothesis
# --hypothesis-profile default` draws new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

REPOSITORY = Path(__file__).parent.parent
DATA = Path(os.environ.get("MODEL_GUIDANCE_DATA", REPOSITORY.parent / "shared" / "data"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOMES = {"voc": "VOCdevkit", "coco": "coco", "waterbirds": "waterbirds"}


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Return the folder of "voc", "coco" or "waterbirds"; skip the test when it is not there."""

    def folder(name: str) -> Path:
        path = DATA / HOMES[name]
        if not path.is_dir():
            pytest.skip(
                f"no real {name} data: set MODEL_GUIDANCE_DATA to a folder that contains {HOMES[name]}"
            )
        return path

    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Return a browser of this machine, one for all tests: a process can drive no second one beside it."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def violations() -> Callable[[Any], list[str]]:
    """Return what asks axe-core which rules of accessibility an open page breaks, and by which element."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()

    def found(page: Any) -> list[str]:
        broken = axe.run(page).response["violations"]
        return [f"{each['impact']}, {each['id']}: {each['nodes'][0]['html']}" for each in broken]

    return found


@pytest.fixture(scope="session")
def pretrained() -> Path:
    """Return the file of EfficientNet-Lite0's ImageNet weights; skip the test when it is not there."""
    home = Path(os.environ.get("MODEL_GUIDANCE_WEIGHTS", DATA.parent / "weights"))
    path = home / "tf_efficientnet_lite0.safetensors"
    if not path.is_file():
        pytest.skip(
            f"no pretrained weights: set MODEL_GUIDANCE_WEIGHTS to a folder that contains {path.name}"
        )
    return path
