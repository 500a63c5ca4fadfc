"""Where jobs run: processes of this machine with their GPUs, and submitit's clusters."""

import os
import shutil
import signal
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from tests.studies import sent
from tests.studies.processes import alive, needs_proc, wait_until

from model_guidance.errors import UserError
from model_guidance.studies.scheduling.executors import CLUSTERS, Handle, executor
from model_guidance.studies.scheduling.schedule import run_tasks
from model_guidance.studies.scheduling.task import Task


def ended(handle: Handle, seconds: float = 60) -> Handle:
    assert wait_until(handle.done, seconds)
    return handle


@pytest.mark.slow
def test_functions_run_in_other_processes(tmp_path):
    with executor("here", 2, tmp_path, {}) as submit:
        values = [submit(sent.double, value) for value in (1, 20)]
        process = submit(sent.process_id)
        failing = submit(sent.fail, "no reason")
        assert [ended(each).result() for each in values] == [2, 40]
        assert ended(process).result() != os.getpid()
        with pytest.raises(ValueError, match="no reason"):
            ended(failing).result()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parallel", "visible", "expected"),
    [(3, "3,5", ["3", "3", "5"]), (2, "GPU-4a1b", ["GPU-4a1b", "GPU-4a1b"])],
)
def test_processes_take_the_visible_gpus_in_turn(parallel, visible, expected, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    files = [tmp_path / str(place) for place in range(parallel)]
    with executor("here", parallel, tmp_path, {}) as submit:
        handles = [submit(sent.environment_beside, file, files) for file in files]
        found = [ended(handle).result() for handle in handles]
    assert sorted(devices for devices, _ in found) == expected
    assert len({process for _, process in found}) == parallel
    assert os.environ["CUDA_VISIBLE_DEVICES"] == visible


def test_a_job_that_the_cluster_refuses_is_a_failure_of_its_own(tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    for name, body in {"sbatch": "echo 'sbatch: error: invalid partition' >&2; exit 1", "srun": ""}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    tasks = [Task(name, after, sent.double, (1,), False) for name, after in (("one", None), ("two", "one"))]
    with executor("slurm", 2, tmp_path / "logs", {"slurm_partition": "nope"}) as submit:
        failed = run_tasks(tasks, submit, 2)
    assert failed == {
        "one": "--cluster slurm: the job was refused: sbatch: error: invalid partition",
        "two": "not run, because it needs one",
    }


@pytest.mark.slow
def test_a_job_after_the_death_of_a_process_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    with executor("here", 2, tmp_path, {}) as submit:
        with pytest.raises(BrokenProcessPool):
            ended(submit(sent.die)).result()
        assert ended(submit(sent.double, 4)).result() == 8
        files = [tmp_path / name for name in "ab"]
        handles = [submit(sent.environment_beside, file, files) for file in files]
        assert sorted(ended(handle).result()[0] for handle in handles) == ["3", "5"]


@pytest.mark.slow
def test_a_process_that_always_dies_does_not_take_its_neighbour_with_it(tmp_path):
    file = tmp_path / "neighbour"
    tasks = [
        Task("dies", None, sent.die_beside, (file,), False),
        Task("neighbour", None, sent.work_beside, (file,), False),
    ]
    with executor("here", 2, tmp_path, {}) as submit:
        failed = run_tasks(tasks, submit, 2)
    assert set(failed) == {"dies"}
    assert "was killed" in failed["dies"]


def left_by(error: BaseException, cluster: str, files: list[Path]) -> None:
    """Leave the executor by an error as soon as its processes have begun and named themselves."""
    with executor(cluster, len(files), files[0].parent / "logs", {}) as submit:
        for file in files:
            submit(sent.begin_and_wait, file)
        assert wait_until(lambda: all(file.exists() and file.read_text() for file in files), 60)
        raise error


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_error_ends_the_processes(error, tmp_path):
    files = [tmp_path / name for name in "ab"]
    with pytest.raises(error):
        left_by(error(), "here", files)
    workers = [int(file.read_text()) for file in files]
    assert wait_until(lambda: not any(map(alive, workers)), 10)


def test_without_submitit_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)  # as if it were not installed
    expected = pytest.raises(UserError, match=r"--cluster slurm: .*'model-guidance\[cluster\]'")
    with expected, executor("slurm", 1, tmp_path, {}):
        pass


@pytest.mark.parametrize("cluster", ["cloud", "", "Here"])
def test_an_unknown_cluster_is_the_users_mistake(cluster, tmp_path):
    with pytest.raises(UserError, match=", ".join(CLUSTERS)), executor(cluster, 2, tmp_path, {}):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("cluster", ["debug", "local"])
def test_submitit_runs_functions(cluster, tmp_path):
    pytest.importorskip("submitit")
    with executor(cluster, 2, tmp_path / "logs", {"timeout_min": 5}) as submit:
        value, process = submit(sent.double, 21), submit(sent.process_id)
        assert ended(value).result() == 42
        assert (ended(process).result() == os.getpid()) == (cluster == "debug")
    assert list((tmp_path / "logs").iterdir())


@pytest.mark.slow
def test_submitits_errors_end_in_what_happened(tmp_path):
    pytest.importorskip("submitit")
    task = Task("damaged", None, sent.fail, ("the picture is damaged",), False)
    with executor("local", 1, tmp_path, {"timeout_min": 5}) as submit:
        assert run_tasks([task], submit, 1) == {"damaged": "ValueError: the picture is damaged"}


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("interrupt", [signal.default_int_handler, signal.SIG_IGN])
def test_an_error_ends_submitits_processes(interrupt, tmp_path):
    pytest.importorskip("submitit")
    file = tmp_path / "job"
    before = signal.signal(signal.SIGINT, interrupt)  # ignored in the background of a shell
    try:
        with pytest.raises(KeyboardInterrupt):
            left_by(KeyboardInterrupt(), "local", [file])
        assert signal.getsignal(signal.SIGINT) is interrupt
    finally:
        signal.signal(signal.SIGINT, before)
    assert wait_until(lambda: not alive(int(file.read_text())), 60)


@pytest.mark.parametrize("cluster", ["debug", "local"])
@pytest.mark.parametrize("wrong", [{"slurm_partiton": "gpu"}, {"gpus_per_nodes": 1}, {"timeout_min": "long"}])
def test_a_wrong_parameter_is_the_users_mistake(cluster, wrong, tmp_path):
    pytest.importorskip("submitit")
    expected = pytest.raises(UserError, match=f"^--slurm: .*{next(iter(wrong))}")
    with expected as caught, executor(cluster, 2, tmp_path, wrong):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(shutil.which("srun") is not None, reason="there is a SLURM here")
def test_no_slurm_is_the_users_mistake(tmp_path):
    pytest.importorskip("submitit")
    with pytest.raises(UserError, match="srun"), executor("slurm", 2, tmp_path, {}):
        pass


@pytest.mark.slow
def test_leaving_ends_in_a_moment(tmp_path):
    with executor("here", 1, tmp_path, {}) as submit:
        ended(submit(sent.double, 1))
        begin = time.monotonic()
    assert time.monotonic() - begin < 2
