"""A study that is killed twice: the same command continues it, repeats nothing, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.studies import grid_of_eight
from tests.studies.processes import alive, children, needs_proc, wait_until

from model_guidance.runs.folder import Run

pytestmark = pytest.mark.slow

SCRIPT = Path(grid_of_eight.__file__)
JOBS = grid_of_eight.GUIDED + 1
Result = tuple[int, bytes]


def start(folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / "printed.txt").open("ab") as printed:
        return subprocess.Popen([sys.executable, SCRIPT, folder], stdout=printed, stderr=printed)


def results(folder: Path) -> dict[Path, Result]:
    files = folder.glob("runs/*/result.json")
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def started(folder: Path) -> int:
    return len(list(folder.glob("runs/*/config.yaml")))


def kill_at(folder: Path, count: int) -> dict[Path, Result]:
    """Start the study, kill it alone when so many jobs are finished, and return their results.

    Its workers are those processes that were its children when it was killed.
    """
    study = start(folder)
    reached = wait_until(lambda: len(results(folder)) >= count or study.poll() is not None, 120)
    workers = children(study.pid)
    still_ran = study.poll() is None
    study.send_signal(signal.SIGKILL)
    study.wait()
    assert reached, (folder / "printed.txt").read_text()
    assert still_ran, (folder / "printed.txt").read_text()
    assert len(workers) >= 2
    assert wait_until(lambda: not any(map(alive, workers)), 10)
    return results(folder)


def kept(before: dict[Path, Result], folder: Path) -> bool:
    after = results(folder)
    return all(after[path] == result for path, result in before.items())


@needs_proc
def test_a_killed_study_goes_on_where_it_was(tmp_path):
    first = kill_at(tmp_path, 2)
    assert 2 <= len(first) < JOBS
    second = kill_at(tmp_path, 4)
    assert 4 <= len(second) < JOBS
    assert kept(first, tmp_path)
    begun = started(tmp_path)
    study = start(tmp_path)
    assert study.wait(120) == 0, (tmp_path / "printed.txt").read_text()
    assert begun <= JOBS == started(tmp_path)
    assert kept(second, tmp_path)
    assert len(results(tmp_path)) == JOBS
    jobs = grid_of_eight.grid(tmp_path / "cache")
    assert all(job.finished(tmp_path / "runs") for job in jobs)
    assert all(Run.open(tmp_path / "runs" / job.key).checkpoint("best") for job in jobs)
    assert not list(tmp_path.glob("runs/*/state.pt"))
    assert (tmp_path / "runs" / jobs[0].key / "attributions").is_dir()


@needs_proc
def test_a_worker_ends_with_the_study_while_it_computes(tmp_path):
    """The workers wait for nothing from the study: they must see by themselves that it is gone."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from model_guidance.studies.scheduling.executors import executor\n"
        "from tests.studies import sent\n"
        "folder = Path(sys.argv[1])\n"
        "if __name__ == '__main__':\n"
        "    with executor('here', 1, folder, {}) as submit:\n"
        "        submit(sent.begin_and_wait, folder / 'job').result()\n"
    )
    script, job = tmp_path / "script.py", tmp_path / "job"
    script.write_text(code)
    paths = {"PYTHONPATH": str(Path(__file__).parents[2])}
    study = subprocess.Popen([sys.executable, script, tmp_path], env={**os.environ, **paths})
    begun = wait_until(lambda: job.exists() and bool(job.read_text()), 60)
    study.kill()
    study.wait()
    assert begun
    assert wait_until(lambda: not alive(int(job.read_text())), 10)
