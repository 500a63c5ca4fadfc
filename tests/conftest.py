"""Where the tests find real data, and how they say that it is missing."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

from tests.typechecking import checked

# Floors whose shapes and types are checked at every call; those above answer users in sentences. Not the
# adjoints, which have no shapes in their annotations: with them the tests took twice as long.
CHECKED = ["attribution", "autodiff.capture", "losses", "metrics", "models", "selection"]
install_import_hook([f"model_guidance.{name}" for name in CHECKED], f"{checked.__module__}.checked")

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
