"""The scripts in `examples/` do what they say, in small."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_a_loop_of_ones_own_guides():
    loop = example("own_loop")
    assert loop.train(loop.LAMBDA) > loop.train(0.0) + 0.2


@pytest.mark.slow
def test_few_boxes(tmp_path):
    module = example("few_boxes")
    module.COMMON |= {"size": 32, "workers": 0, "cache": str(tmp_path / "cache")}
    scores = module.compare(tmp_path, epochs=1, count=24)
    assert scores.keys() == {"continued", "guided"}
    assert all(0 <= each["epg"] <= 1 and "worst_group" in each for each in scores.values())
