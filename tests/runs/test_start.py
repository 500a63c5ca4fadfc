"""The run that a run started from: found from any folder, and after both have moved."""

from pathlib import Path

import pytest
from tests.report.folders import scores, write_run
from tests.training.helpers import small

from model_guidance.runs.claim import differing
from model_guidance.runs.folder import Run
from model_guidance.runs.start import kept_weights, started_from
from model_guidance.runs.train import train_run
from model_guidance.training.config import Config


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    """A folder with runs, in which they were trained."""
    home = tmp_path / "project"
    for name in ("base/best", "base/front/epoch-001"):
        file = home / "runs" / f"{name}.safetensors"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"weights")
    write_run(home / "runs" / "base", [scores(0.7, 0.3)], weights=None)
    monkeypatch.chdir(home)
    return home


def started(folder: Path, weights: str | None) -> Path | None:
    found = started_from(Run.open(write_run(folder, [scores(0.7, 0.3)], weights=weights)))
    return found and found.folder


@pytest.mark.parametrize("name", ["best", "front/epoch-001"])
def test_it_is_found_from_another_folder_and_after_a_move(name: str, project: Path, monkeypatch):
    given = f"runs/base/{name}.safetensors"
    kept = kept_weights(given)
    assert kept == str(project / given)
    for weights in (given, kept):  # as an earlier version kept it, and as it is kept now
        assert started(project / "runs" / "guided", weights).resolve() == project / "runs" / "base"
    moved = project.rename(project.with_name("elsewhere"))
    monkeypatch.chdir(moved / "runs" / "base")
    for weights in (given, kept):
        assert started(moved / "runs" / "guided", weights) == moved / "runs" / "base"
        assert started(moved.parent / "alone", weights) is None
    same = [Config(weights=weights) for weights in (given, kept)]
    assert differing(*same, moved / "runs" / "guided") == []
    assert differing(*same, moved.parent / "alone") == ["weights"]


@pytest.mark.parametrize("weights", [None, "imagenet", "nowhere.pt"])
def test_what_is_no_file_is_kept_as_it_is_and_no_run(weights: str | None, project: Path, monkeypatch):
    monkeypatch.chdir(project / "runs" / "base")
    if weights == "imagenet":
        Path(weights).write_bytes(b"a file of that name is not what is meant")
    assert kept_weights(weights) == weights
    assert started(project / "runs" / "guided", weights) is None


def test_a_run_keeps_the_whole_path(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = {"backbone": "small", "epochs": 1, "options": {"count": 16}, "lambda_": 0.0}
    train_run(small(tmp_path / "cache", **settings), Path("base"))
    begun = small(tmp_path / "cache", **settings, weights="base/best.safetensors")
    train_run(begun, Path("next"))
    found = Run.open(tmp_path / "next").config
    assert found.weights == str(tmp_path / "base" / "best.safetensors")
    assert differing(begun, found, Path("next")) == []
