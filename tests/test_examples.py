"""The scripts in `examples/` do what they say, in small."""

import importlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

import model_guidance as mg
from model_guidance.commands import train, verdict

EXAMPLES = Path(__file__).parent.parent / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def loops(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(EXAMPLES / "loops")  # also of the processes that it starts
    return example("loops/__main__")


NAMES = ["plain", "accumulation", "clipping", "average", "bfloat16", "float16"]
IN_PROCESSES = [pytest.param(name, marks=pytest.mark.slow) for name in ("ddp", "fsdp2")]
PACKAGES = ["lightning", "accelerate", "transformers", "fastai"]  # of the extra `loops`


@pytest.mark.parametrize("name", [*NAMES, *IN_PROCESSES, *PACKAGES])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_other_peoples_loops_come_to_what_the_one_by_hand_does(name: str, loops: ModuleType):
    if name in PACKAGES:
        pytest.importorskip(name)
    assert loops.difference(name) < (0.05 * loops.moved() if name in loops.HALF else 1e-6)


def test_every_loop_is_tested(loops: ModuleType):
    assert [*loops.LOOPS] == [*NAMES, "ddp", "fsdp2", *PACKAGES]


@pytest.mark.slow
def test_a_loop_of_ones_own_guides():
    loop = example("own_loop")
    assert loop.train(loop.LAMBDA) > loop.train(0.0) + 0.2


def test_a_loss_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    small = [
        "--options.count=24",
        "--size=32",
        "--epochs=1",
        "--accelerator=cpu",
        f"--cache={tmp_path / 'cache'}",
    ]
    importlib.import_module("own_loss").main(str(tmp_path / "run"), *small)
    run = mg.Run.open(tmp_path / "run")
    assert run.config.loss == "own_loss.outside_share"
    assert run.result


@pytest.mark.slow
def test_data_of_ones_own(tmp_path, monkeypatch, capsys):
    module = example("own_data")
    monkeypatch.setattr(module, "COUNT", 6)
    monkeypatch.setattr(module, "MARKED", 2)
    module.main(tmp_path / "own", epochs=1)
    assert (tmp_path / "own" / "report" / "index.html").is_file()
    assert "outside: mean" in capsys.readouterr().out


@pytest.mark.slow
def test_few_boxes(tmp_path):
    module = example("few_boxes")
    module.COMMON |= {"size": 32, "workers": 0, "cache": str(tmp_path / "cache")}
    scores = module.compare(tmp_path, epochs=1, count=24)
    assert scores.keys() == {"continued", "guided"}
    assert all(0 <= each["epg"] <= 1 and "worst_group" in each for each in scores.values())


@pytest.mark.skipif(shutil.which("sh") is None, reason="a shell is needed")
def test_the_afternoon_gives_commands_that_exist(tmp_path: Path):
    stub = tmp_path / "model-guidance"
    stub.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/given\n')
    stub.chmod(0o755)
    script = ["sh", str(EXAMPLES / "afternoon.sh"), "birds", str(tmp_path / "runs"), "imagenet"]
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=True)
    given = [line.split() for line in (tmp_path / "given").read_text().splitlines()]
    assert [arguments[0] for arguments in given] == ["train", *["train", "verdict"] * 3]
    for verb, *arguments in given:
        (train if verb == "train" else verdict).parser(arguments).parse_args(arguments)
    assert done.stdout.count("seconds") == 4


@pytest.mark.slow
def test_the_notebook_runs_and_keeps_what_it_put_out(tmp_path, monkeypatch, capsys):
    path = EXAMPLES / "photos_to_verdict.ipynb"
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert path.stat().st_size < 500_000
    assert not re.search(r"/(home|root|tmp|work|usr)/", path.read_text())
    assert all(cell["execution_count"] for cell in cells)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for cell in cells:
        exec("".join(cell["source"]), names)
    assert re.search(r"^(Repaired|Partly repaired): ", capsys.readouterr().out, re.MULTILINE)
    assert (tmp_path / "exported" / "model.pt2").is_file()
