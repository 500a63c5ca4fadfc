"""Where the tests find real data, and how they say that it is missing."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in each run, so that a red suite is a fault of the change; `pytest -m hypothesis
# --hypothesis-profile default` draws new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

REPOSITORY = Path(__file__).parent.parent
DATA = Path(os.environ.get("MODEL_GUIDANCE_DATA", REPOSITORY.parent / "shared" / "data"))
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
