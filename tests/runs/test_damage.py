"""Each file of a run folder, damaged in each way: its readers do without it, or name it in a sentence."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.permissions import unprivileged
from tests.report.folders import scores, write_attribution, write_examples, write_run

from model_guidance.errors import UserError
from model_guidance.models import build
from model_guidance.runs.checkpoints import load_model, read_state, write_state, write_weights
from model_guidance.runs.claim import check_claim, clear
from model_guidance.runs.examples import read_examples
from model_guidance.runs.find import open_runs
from model_guidance.runs.folder import Run
from model_guidance.runs.history import read_cost, read_history
from model_guidance.runs.result import read_evaluations
from model_guidance.runs.second_attribution import attributions

DAMAGES: dict[str, Callable[[Path, bytes], object]] = {
    "missing": lambda path, _: path.unlink(),
    "a folder": lambda path, _: (path.unlink(), path.mkdir()),
    "a link to nowhere": lambda path, _: (path.unlink(), path.symlink_to("nowhere")),
    "a link to itself": lambda path, _: (path.unlink(), path.symlink_to(path.name)),
    "a pipe": lambda path, _: (path.unlink(), os.mkfifo(path)),
    "empty": lambda path, _: path.write_bytes(b""),
    "half": lambda path, content: path.write_bytes(content[: len(content) // 2]),
    "twice": lambda path, content: path.write_bytes(2 * content),
    "noise": lambda path, _: path.write_bytes(bytes((7 * i * i + 3 * i) % 256 for i in range(500))),
    "other text": lambda path, _: path.write_bytes("caf\xe9: [\xff]\n".encode("latin-1")),
    "a list": lambda path, _: path.write_text("[]"),
    "a list of one": lambda path, _: path.write_text('["a"]'),
    "a number": lambda path, _: path.write_text("3"),
    "a mapping": lambda path, _: path.write_text("{}"),
    "another mapping": lambda path, _: path.write_text('{"last": [1], "epochs": {}, "epoch": "x"}'),
    "deep": lambda path, _: path.write_text("[" * 100_000),
    "unreadable": lambda path, _: path.chmod(0),
    "not a number": lambda path, content: path.write_bytes(content.replace(b"0.", b"NaN")),
}
FILES = (
    "config.yaml",
    "classes.json",
    "result.json",
    "metrics.jsonl",
    "timing.json",
    "state.pt",
    "attributions/ixg@input.json",
    "examples/ixg@final.safetensors",
    "best.safetensors",
)
READERS: dict[str, Callable[[Path], object]] = {
    "evaluate, explain": lambda run: load_model(Run.open(run)),
    "report": lambda run: [Run.open(each.folder) for each in open_runs([run.parent]).values()],
    "its epochs": read_history,
    "its time": read_cost,
    "its explainers": lambda run: [
        read_evaluations(path) for path in attributions(run, Run.open(run).config).values()
    ],
    "its examples": lambda run: read_examples(run, "ixg@final"),
    "train": lambda run: check_claim(run, Run.open(run).config, overwrite=False),
    "train --overwrite": lambda run: check_claim(run, Run.open(run).config, overwrite=True),
    "train, continued": read_state,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_run(tmp_path_factory.mktemp("whole") / "run", [scores(0.7, 0.3)], backbone="small")
    write_attribution(run, "ixg@input", 0.2)
    write_examples(run, "ixg@final", [0.5, 0.6], size=8)
    weights = build("small", 2).network.state_dict()
    write_weights(run / "best.safetensors", weights)
    write_state(run, {"model": {"weight": torch.ones(2)}, "optimizer": {}, "history": [{"epoch": 1}]})
    return run


@pytest.fixture
def copied(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "runs" / "run")


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_named_or_done_without(file: str, damage: str, whole: Path, copied: Path):
    run = copied
    DAMAGES[damage](run / file, (whole / file).read_bytes())
    for name, read in READERS.items():
        try:
            unprivileged(lambda read=read: read(run))
        except UserError as error:
            told = str(error).replace(str(run), "")
            assert damage != "unreadable" or "damaged" not in told
            ways_out = ("lies here", "no run", "no metrics", "no checkpoint")
            known = file.rpartition("/")[2] in str(error) or any(way in str(error) for way in ways_out)
            assert known, f"{name}: {error}"  # noqa: PT017


@pytest.mark.parametrize("mode", [0o000, 0o111, 0o444])
@pytest.mark.parametrize("below", [".", "attributions", "examples", "front"])
def test_a_folder_that_may_not_be_read_is_named_or_done_without(below: str, mode: int, copied: Path):
    (copied / "front").mkdir()
    (copied / "front" / "epoch-001.safetensors").write_bytes(b"")
    (copied / below).chmod(mode)
    done_without = set()
    for name, read in READERS.items():
        try:
            unprivileged(lambda read=read: read(copied))
            done_without.add(name)
        except UserError as error:
            told = ("Permission denied", "may not be written", "lies here")
            assert any(each in str(error) for each in told)  # noqa: PT017
    (copied / below).chmod(0o700)
    if below in ("attributions", "examples"):
        assert {"evaluate, explain", "its epochs", "train, continued"} <= done_without
    if below == "." and mode != 0o111:
        assert not done_without


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o555])
@pytest.mark.parametrize("below", ["attributions", "examples"])
def test_a_run_that_cannot_be_deleted_whole_is_not_begun_to_be(below: str, mode: int, copied: Path):
    (copied / below).chmod(mode)
    with pytest.raises(UserError, match=f"{below}.*(may not be|denied)"):
        unprivileged(lambda: check_claim(copied, Run.open(copied).config, overwrite=True))
    if mode != 0o555:
        with pytest.raises(UserError, match=f"{below}.*denied"):
            unprivileged(lambda: clear(copied))
    (copied / below).chmod(0o700)
    assert (copied / "result.json").is_file()
    assert (copied / "best.safetensors").is_file()


def test_a_whole_run_is_read(whole: Path):
    before = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    for name, read in READERS.items():
        if name != "train":
            read(whole)
    assert before.items() <= {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}.items()


def test_one_class_where_the_network_has_two(whole: Path, tmp_path: Path):
    for name in ("config.yaml", "best.safetensors"):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    (tmp_path / "classes.json").write_text('["a"]')
    with pytest.raises(UserError, match=r"best\.safetensors: .*classes\.json: 1 class"):
        load_model(Run.open(tmp_path))
