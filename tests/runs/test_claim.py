"""Which folders a run may be written to, and that nothing in them is deleted that no run wrote."""

from pathlib import Path

import pytest
from tests.report.folders import scores, write_attribution, write_examples, write_run

from model_guidance.errors import UserError
from model_guidance.runs.claim import LOCK, check_claim, clear, locked
from model_guidance.runs.folder import CLASSES, CONFIG, RESULT, STATE, own_files
from model_guidance.training.config import Config

FOREIGN = (
    "main.py",
    "metrics.xlsx",
    "model.safetensors",
    "front/index.js",
    "examples/demo.ipynb",
    "looks/style.css",
    "state.pt",
    "best.safetensors",
)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def foreign(folder: Path) -> set[str]:
    for name in FOREIGN:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("precious")
    return files(folder)


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    run = write_run(tmp_path / "run", [scores(0.7, 0.3)])
    write_attribution(run, "ixg@input", 0.2)
    write_examples(run, "ixg@final", [0.5])
    for name in ("best", "last", "front/epoch-001"):
        (run / f"{name}.safetensors").parent.mkdir(exist_ok=True)
        (run / f"{name}.safetensors").write_bytes(b"weights")
    return run


@pytest.mark.parametrize(
    "settings", ["defaults:\n  - model: resnet\n", "epochs: 3\n", "- 1\n", "", "{", Config().yaml()]
)
def test_a_foreign_project_is_never_touched(settings: str, tmp_path: Path):
    """Not even one with all of our settings: there are no classes beside them."""
    (tmp_path / CONFIG).write_text(settings)
    before = foreign(tmp_path)
    for overwrite in (False, True):
        with pytest.raises(UserError) as error:
            check_claim(tmp_path, Config(epochs=1), overwrite)
        assert "overwrite" not in str(error.value)
    assert files(tmp_path) == before


def test_overwriting_deletes_exactly_what_a_run_writes(finished: Path):
    ours = files(finished)
    foreign(finished / "notes")
    for name in ("metrics.xlsx", "my.safetensors", "front/epoch-1.png", "examples/demo.ipynb"):
        (finished / name).write_text("precious")
    check_claim(finished, Config(), overwrite=True)
    clear(finished)
    assert ours - files(finished) == ours - {CONFIG, CLASSES}
    assert files(finished) - ours == files(finished) - {CONFIG, CLASSES}
    assert len(files(finished)) == 2 + len(FOREIGN) + 4


def test_a_finished_run_that_is_half_deleted_does_not_go_on(finished: Path):
    (finished / STATE).touch()
    names = [path.name for path in own_files(finished)]
    assert names.index(STATE) < names.index(RESULT)


def test_a_finished_run_that_may_not_be_ours_is_not_offered_for_overwriting(finished: Path):
    with pytest.raises(UserError, match=r"finished run lies here, add --overwrite"):
        check_claim(finished, Config(), overwrite=False)
    (finished / CLASSES).write_text("{}")
    with pytest.raises(UserError, match=r"finished run lies here, choose another --out"):
        check_claim(finished, Config(), overwrite=False)
    with pytest.raises(UserError, match=r"classes.json: .* nothing is deleted"):
        check_claim(finished, Config(), overwrite=True)
    assert (finished / RESULT).exists()


@pytest.mark.parametrize("left", [LOCK, ".config.yaml.partial", ".classes.json.partial"])
def test_what_a_kill_left_does_not_count(left: str, tmp_path: Path):
    (tmp_path / left).touch()
    check_claim(tmp_path, Config(), overwrite=False)
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_foreign_partial_files_count_and_stay(tmp_path: Path):
    (tmp_path / ".thesis.tex.partial").touch()
    with pytest.raises(UserError, match="no run folder"):
        check_claim(tmp_path, Config(), overwrite=False)
    with locked(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".thesis.tex.partial"]


def test_a_folder_is_trained_in_by_one_process(tmp_path: Path):
    with (
        locked(tmp_path / "run"),
        pytest.raises(UserError, match="another process is training in this folder"),
        locked(tmp_path / "run"),
    ):
        pass
    with locked(tmp_path / "run"):
        pass
    assert list((tmp_path / "run").iterdir()) == []


def test_a_file_in_the_place_of_the_folder(tmp_path: Path):
    (tmp_path / "runs").touch()
    with pytest.raises(UserError, match=r"--out .*runs/a: .*runs is no folder"):
        check_claim(tmp_path / "runs" / "a", Config(), overwrite=False)
