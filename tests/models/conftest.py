"""The published networks with deterministic weights, and what an independent implementation makes of them."""

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.conftest import DATA
from torch import Tensor

REFERENCE = DATA.parent / "reference"


@dataclass(frozen=True)
class Reference:
    """State dict of the network, the two images, and the values: all float64."""

    state: dict[str, Tensor]
    images: Tensor
    values: dict[str, Tensor]


@pytest.fixture
def reference(request: pytest.FixtureRequest) -> Reference:
    """Return the reference of the network named by the test's indirect parameter."""
    kind = request.param
    files = [REFERENCE / name for name in ("fill.py", f"{kind}.keys.json", f"{kind}.npz")]
    for file in files:
        if not file.is_file():
            pytest.skip(f"no reference values: {file.name} is not beside the folder MODEL_GUIDANCE_DATA")
    fill = _module(files[0])
    shapes = {name: tuple(shape) for name, shape in json.loads(files[1].read_text()).items()}
    state = {name: torch.tensor(value) for name, value in fill.weights(shapes, kind).items()}
    values = {name: torch.tensor(value).double() for name, value in np.load(files[2]).items()}
    return Reference(state, torch.tensor(fill.images()), values)


def _module(path: Path):
    spec = importlib.util.spec_from_file_location("reference_fill", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
