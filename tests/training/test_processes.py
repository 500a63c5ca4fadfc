"""Two processes against one on the joined batch: the same weights and the same metrics."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from model_guidance.runs.folder import Run
from model_guidance.runs.history import read_cost

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).with_name("in_double.py")
ROOT = PROGRAM.parent.parent.parent


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> tuple[Run, Run]:
    folder = tmp_path_factory.mktemp("processes")
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for start, devices, batch in ((["-u"], 1, 8), (torchrun, 2, 4)):
        command = [sys.executable, *start, str(PROGRAM), str(folder), str(devices), str(batch)]
        done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
    return Run.open(folder / "1-devices"), Run.open(folder / "2-devices")


def flattened(record: dict[str, Any]) -> dict[str, float]:
    rows = {}
    for name, value in record.items():
        inner = dict(zip(("low", "high"), value, strict=True)) if isinstance(value, tuple) else value
        nested = flattened(inner) if isinstance(inner, dict) else {"": value}
        rows |= {f"{name} {below}": each for below, each in nested.items()}
    return rows


def test_the_weights_are_the_same(runs):
    one, two = (load_file(run.checkpoint("last")) for run in runs)
    for name, weight in one.items():
        assert weight.dtype == torch.float64
        assert (weight - two[name]).abs().max() <= 1e-10 * max(1.0, float(weight.abs().max()))


def test_the_metrics_are_the_same(runs):
    one, two = runs
    assert one.result is not None
    assert two.result is not None
    for kind in ("best", "last"):
        mine, theirs = (flattened(asdict(getattr(run.result, kind))) for run in runs)
        assert theirs == pytest.approx(mine, abs=1e-6)
    assert one.result.last.scores["pairs"] > 40
    rows = [json.loads((run.folder / "metrics.jsonl").read_text().splitlines()[-1]) for run in runs]
    for name, value in rows[0].items():
        assert rows[1][name] == pytest.approx(value, abs=1e-6), name
    assert read_cost(one.folder).passes == read_cost(two.folder).passes
