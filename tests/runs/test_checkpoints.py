"""A full disk while saving: one sentence, and the previous file survives."""

import resource
import signal

import pytest
import torch

from model_guidance.errors import UserError
from model_guidance.files import write
from model_guidance.runs.checkpoints import read_state, write_state, write_weights
from model_guidance.runs.setup import Data
from model_guidance.training.config import Config


@pytest.fixture
def full_disk():
    """Let no file grow beyond 10 kB, which the system reports like a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_the_previous_checkpoint_survives_a_full_disk(tmp_path, full_disk):
    path = tmp_path / "last.safetensors"
    write_weights(path, {"weight": torch.ones(10)})
    before = path.read_bytes()
    full_disk()
    with pytest.raises(UserError, match="last.safetensors: could not be written"):
        write_weights(path, {"weight": torch.ones(100_000)})
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["last.safetensors"]


def test_state_holds_tensors_numbers_and_text(tmp_path):
    state = {"model": {"w": torch.ones(2)}, "optimizer": {}, "history": [{"epoch": 1, "loss": 0.5}]}
    write_state(tmp_path, state)
    found = read_state(tmp_path)
    assert found["history"] == state["history"]
    assert torch.equal(found["model"]["w"], torch.ones(2))
    assert read_state(tmp_path / "none") is None


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(UserError, match="runs/a/result.json: could not be written"):
        write(tmp_path / "runs" / "a" / "result.json", b"{}")


def test_too_few_open_files_are_said_before_processes_wait_for_them(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, before[1]))
    try:
        with pytest.raises(UserError, match="--workers 3: 112 open files are needed and 40 allowed"):
            Data.open(Config(workers=3), ["val"], None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
