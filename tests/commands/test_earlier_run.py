"""What `train` takes from an earlier run: the one of `--from`, and the one that `--resume` continues."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.report.folders import CLASS_NAMES, scores, write_run

from model_guidance import cli
from model_guidance.runs.claim import check_claim
from model_guidance.runs.folder import BEST, RESULT, STATE, Run
from model_guidance.training.config import Config

Train = Callable[..., Config]


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Train:
    """What makes the command line's settings, and claims the folder, but trains nothing."""

    def given(*arguments: object) -> Config:
        found: list[Config] = []

        def claimed(config: Config, folder: Path, overwrite: bool) -> Any:
            check_claim(folder, config, overwrite)
            found.append(config)
            raise KeyboardInterrupt

        monkeypatch.setattr("model_guidance.runs.train.train_run", claimed)
        with pytest.raises(SystemExit):
            cli.main(["train", *map(str, arguments)])
        if not found:
            raise AssertionError(capsys.readouterr().err)
        return found[0]

    return given


def photos(root: Path) -> Path:
    for split in ("train", "val", "test"):
        for name in CLASS_NAMES:
            path = root / split / name / "a.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(path)
    return root


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A finished run, `base`, and one that is not, `begun`, on the same photos, beside copies of these."""
    photos(tmp_path / "photos")
    photos(tmp_path / "copies")
    data = {"data": "folder", "root": str(tmp_path / "photos"), "annotations": ["boxes.json"], "lr": 3e-3}
    for name, more in (("base", {}), ("begun", {"weights": str(tmp_path / "base" / BEST), "lambda_": 0.5})):
        write_run(tmp_path / name, [scores(0.6, 0.3)], **data, **more)
        (tmp_path / name / BEST).touch()
    (tmp_path / "begun" / RESULT).unlink()
    (tmp_path / "begun" / STATE).touch()
    return tmp_path


def test_other_photos_for_a_network_of_an_earlier_run(home: Path, train: Train, capsys):
    config = train(f"--from={home / 'base'}", f"--data={home / 'copies'}", f"--out={home / 'new'}")
    assert (config.data, config.root) == ("folder", str(home / "copies"))
    assert (config.annotations, config.lr) == (None, 3e-3)
    assert "its best; without its --annotations" in " ".join(capsys.readouterr().err.split())


def test_the_name_of_the_run_s_own_data_takes_nothing_away(home: Path, train: Train):
    config = train(f"--from={home / 'base'}", "--data=folder", f"--out={home / 'new'}")
    assert (config.root, config.annotations) == (str(home / "photos"), ["boxes.json"])


def test_other_data_that_lack_the_run_s_classes_are_refused(home: Path, train: Train):
    with pytest.raises(AssertionError, match=r"--data shapes: no longer has cat, dog"):
        train(f"--from={home / 'base'}", "--data=shapes", f"--out={home / 'new'}")


def test_a_run_is_resumed_as_it_was_begun_on_another_machine(home: Path, train: Train):
    begun = Run.open(home / "begun").config
    assert train("--resume", f"--out={home / 'begun'}") == begun
    machine = ["--workers=7", "--devices=2", f"--cache={home / 'cache'}", f"--data={home / 'copies'}"]
    config = train("--resume", f"--out={home / 'begun'}", *machine)
    assert (config.workers, config.devices, config.cache) == (7, 2, str(home / "cache"))
    assert (config.root, config.lambda_) == (str(home / "copies"), 0.5)


def test_the_whole_command_with_resume_is_the_same(home: Path, train: Train):
    named = [f"--from={home / 'base'}", f"--data={home / 'photos'}", "--lambda=0.5", "--lr=0.003"]
    assert train("--resume", f"--out={home / 'begun'}", *named) == Run.open(home / "begun").config


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("--lr=0.5", "unfinished run with --lr 0.003 lies here: to continue it give that value"),
        ("--seed=7", "--seed 0 lies here"),
        ("--lambda=0", "--lambda 0.5 lies here"),
        (
            "--overwrite",
            "--resume continues the run in --out, --overwrite replaces it: leave one of them out",
        ),
    ],
)
def test_other_settings_are_not_resumed(given: str, expected: str, home: Path, train: Train):
    with pytest.raises(AssertionError, match=expected):
        train("--resume", f"--out={home / 'begun'}", given)
    assert (home / "begun" / STATE).exists()


def test_nothing_is_resumed_where_there_is_nothing(home: Path, train: Train):
    with pytest.raises(AssertionError, match="base is finished, there is nothing to continue"):
        train("--resume", f"--out={home / 'base'}")
    (home / "begun" / STATE).unlink()
    with pytest.raises(AssertionError, match="no finished epoch"):
        train("--resume", f"--out={home / 'begun'}")
