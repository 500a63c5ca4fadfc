"""A finished run is looked at on one device of this machine, wherever and on however many it was trained."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning_fabric.accelerators import ACCELERATOR_REGISTRY
from tests.training.helpers import small

from model_guidance import cli
from model_guidance.annotate.rounds import Rounds, Wish
from model_guidance.errors import UserError
from model_guidance.finding.observations import Observer, predicted
from model_guidance.finding.reliance import lost_without_outside
from model_guidance.runs.devices import accelerator_here, fabric_here, gathered
from model_guidance.runs.evaluate import evaluate_run
from model_guidance.runs.folder import CONFIG, Run
from model_guidance.runs.predict import Asked, predictions
from model_guidance.runs.train import train_run
from model_guidance.studies.scheduling import worker

KINDS = {name: ACCELERATOR_REGISTRY[name]["accelerator"] for name in ("tpu", "mps", "cuda")}
ABSENT = next(name for name, kind in KINDS.items() if not kind.is_available())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that says it was trained on many devices of a kind that is not here."""
    home = tmp_path_factory.mktemp("devices")
    config = small(home / "cache", options={"count": 16}, epochs=1, backbone="small", method="ixg")
    train_run(config, home / "run")
    elsewhere = replace(config, accelerator=ABSENT, devices=2, nodes=3, precision="16-mixed")
    (home / "run" / CONFIG).write_text(elsewhere.yaml())
    return Run.open(home / "run")


def observed(run: Run) -> int:
    return len(Observer.of(run, "test").observe(predicted, twice=False))


def losses(run: Run) -> int:
    return len(lost_without_outside(run, "test", Observer.of(run, "test").observe(predicted, twice=False)))


def evaluated(run: Run) -> int:
    return evaluate_run(run, "last", "test", None, None).images


@pytest.mark.parametrize("look", [observed, losses, evaluated])
def test_a_run_of_other_devices_is_looked_at_here(look: Callable[[Run], int], run: Run):
    assert look(run) == 16


def test_a_study_adds_attributions_to_a_run_of_other_devices(run: Run, monkeypatch: pytest.MonkeyPatch):
    taken = []
    monkeypatch.setattr(
        "model_guidance.runs.second_attribution.add_attribution",
        lambda run, method, layer, fabric: taken.append((method, layer, fabric.world_size)),
    )
    planned = type("Planned", (), {"key": run.folder.name})()
    worker.add_attributions(planned, run.folder.parent, [("gradcam", "final")])
    assert taken == [("gradcam", "final", 1)]


def test_a_round_is_trained_on_what_is_here(run: Run, tmp_path: Path):
    given = Rounds(run, tmp_path, tmp_path / "marks.json")._options(Wish(), tmp_path / "a", tmp_path / "b")
    assert given[given.index("--accelerator") + 1] == "auto"


def test_the_kind_of_device_is_kept_where_it_is_here():
    assert accelerator_here(small(Path())) == "cpu"
    assert fabric_here(small(Path(), devices=2)).device == torch.device("cpu")


def test_a_device_that_is_asked_for_and_not_here_is_one_sentence(run: Run):
    with pytest.raises(UserError, match="^--accelerator: "):
        predictions(run, [], Asked(accelerator=ABSENT))


def test_what_one_device_scores_is_all_there_is(monkeypatch: pytest.MonkeyPatch):
    """Also in a process that trains beside others, which do not score."""
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    assert gathered(fabric_here(small(Path())), []) == []


def test_only_the_first_of_several_processes_prints(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    monkeypatch.setattr("model_guidance.runs.train.train_run", lambda *_, **__: run.finished)
    monkeypatch.setattr("model_guidance.runs.devices.is_first", lambda: False)
    for seeds in ([], ["--seeds", "0", "1"]):
        cli.main(["train", f"--out={tmp_path}", *seeds])
    assert capsys.readouterr().out == ""
    monkeypatch.setattr("model_guidance.runs.devices.is_first", lambda: True)
    cli.main(["train", f"--out={tmp_path}"])
    assert "accuracy" in capsys.readouterr().out
