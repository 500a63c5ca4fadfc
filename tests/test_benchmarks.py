"""The benchmark runs, small, and both sides of it compute the same."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from model_guidance.data.readers import shapes

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "speed.py"
SMALL = "--networks resnet18 --layers input --batch 2 --evaluation-batches 3 --size 48"


@pytest.mark.slow
def test_the_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    speed = importlib.import_module("speed")
    monkeypatch.setattr(speed, "CALLS", ("our step, checkpointed", "our evaluation"))  # each starts a process
    monkeypatch.setattr(sys, "argv", ["speed.py", *SMALL.split(), "--rounds", "1", "--out", str(tmp_path)])
    speed.main()
    assert capsys.readouterr().out.count("twin and package differ by") == 1
    found = json.loads((tmp_path / "speed.json").read_text())
    steps = found["Steps"]
    assert {row["by"] for row in steps} == {"F", "classification", "twin", "ours"}
    assert {row["network"] for row in steps} == {"resnet18"}
    assert {row["loss"] for row in steps} == {"", "energy", "l1"}
    assert all(row["seconds"] > 0 for row in steps)
    assert len(found["Evaluation of all pairs at the input"]) == 2
    assert all(row["MB"] > 0 for row in found["Peak memory"])
    assert found["Largest batch"] == []
    dearest = [row["share"] for row in found["Where the time of the guided step goes"]]
    assert len(dearest) == 5
    assert dearest == sorted(dearest, reverse=True)
    assert 0 < sum(dearest) <= 1
    assert Image.open(tmp_path / "speed.png").width > 600


def test_the_twin_of_a_bcos_network(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    assert importlib.import_module("checks").check("bcos_small", ("input",), torch.device("cpu")) < 1e-9


@pytest.mark.slow
def test_the_largest_batch_is_the_last_that_fits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    memory = importlib.import_module("memory")

    def step(it: Any, _: object) -> Callable[[], None]:
        def run() -> None:
            if len(it.images) > 5:
                raise torch.OutOfMemoryError

        return run

    monkeypatch.setattr(memory.work, "step", step)
    assert memory.largest_batch("small", 16, "input", torch.device("cpu")) == 4


@pytest.mark.slow
def test_every_network_of_the_table_takes_its_images(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    networks = importlib.import_module("networks")
    for name, (_, size) in networks.NETWORKS.items():
        with torch.no_grad():
            logits = networks.network(name).eval()(torch.rand(1, 3, size, size))
        assert logits.shape == (1, networks.CLASSES), name


@pytest.mark.slow
def test_a_row_of_the_table_of_networks(tmp_path: Path):
    given = ["timm/vit_tiny_patch16_224", "--batch=2", "--rounds=1", "--least=0", f"--out={tmp_path}"]
    command = [sys.executable, str(SCRIPT.parent / "models.py"), *given]
    subprocess.run(command, capture_output=True, text=True, check=True)
    (found,) = json.loads((tmp_path / "models.json").read_text())["rows"].values()
    assert found["final"] == "blocks.2 4 x 4 tokens:1:4x4"
    assert float(found["map"]) < 1e-5
    assert float(found["fd"]) < 1e-4
    assert all(
        float(found[f"{what} {layer}"]) > 0 for what in ("step", "ratio") for layer in ("input", "final")
    )


@pytest.mark.slow
def test_a_round_on_frozen_features_beside_the_whole_network():
    given = ["--backbone", "resnet18", "--images", "8", "--size", "64", "--batch", "4", "--rounds", "1"]
    given += ["--depths", "mid3"]
    command = [sys.executable, str(SCRIPT.parent / "frozen.py"), *given]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    _, _, *lines = done.stdout.splitlines()
    rows = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in lines}
    assert list(rows) == ["nothing", "mid3"]
    shares = [float(row[0]) for row in rows.values()]
    assert shares[0] == 1 > shares[1] > 0
    assert all(float(row[3]) > 0 and float(row[6]) > 0 for row in rows.values())


@pytest.mark.slow
def test_a_wrong_network_is_named(tmp_path: Path):
    command = [sys.executable, str(SCRIPT), "--networks", "resnet51", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "there is no backbone 'resnet51'" in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_verdicts_confusion_table(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    verdict = importlib.import_module("verdict")
    plain, grey = (
        read(None, "train", size=64, seed=1, background="biased", count=2).read(0)
        for read in (shapes.read, verdict.objects_greyed)
    )
    (_, box), *_ = plain.of("boxes")
    left, top, right, bottom = (round(edge) for edge in box)
    pixels = np.array(grey.image)
    assert (pixels[top:bottom, left:right] == 128).all()
    pixels[top:bottom, left:right] = np.array(plain.image)[top:bottom, left:right]
    assert np.array_equal(pixels, plain.image)
    found = [(name, case.should or "unchanged", 0.5) for name, case in verdict.CASES.items()] * 2
    rows = {" ".join(line.split()[:-3]): line.split() for line in verdict.table(found).splitlines()}
    assert all(row.count("2") == 1 for name, row in rows.items() if name.startswith(tuple(verdict.CASES)))
