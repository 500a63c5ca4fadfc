"""Running the jobs of a study: each after the one it starts from, what is done never again."""

import time
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from model_guidance.progress import Steps, steps
from model_guidance.studies.execute import execute
from model_guidance.studies.job import Job
from model_guidance.studies.launch import Handle, Submit

TRIES = 2
POLL = 0.2  # seconds


@dataclass
class _State:
    """What became of the jobs so far, by key; `failed` holds the reason."""

    waiting: list[Job]
    running: dict[str, tuple[Job, Handle]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)


def conduct(jobs: Sequence[Job], runs: Path, submit: Submit, parallel: int) -> dict[str, str]:
    """Run what is not finished, at most `parallel` jobs at a time; return why jobs failed, by key.

    A job that fails is tried a second time; those that start from one that failed twice are not run.
    """
    runs.mkdir(parents=True, exist_ok=True)
    state = _State([job for job in jobs if not job.finished(runs)])
    state.done = {job.key for job in jobs} - {job.key for job in state.waiting}
    with steps("jobs", len(jobs), len(state.done)) as bar:
        while state.waiting or state.running:
            _give_up(state, bar)
            for job in _ready(state)[: parallel - len(state.running)]:
                state.waiting.remove(job)
                state.tries[job.key] = state.tries.get(job.key, 0) + 1
                state.running[job.key] = (job, submit(execute, job, runs))
            for job, handle in [each for each in state.running.values() if each[1].done()]:
                del state.running[job.key]
                _settle(state, job, handle, bar)
            time.sleep(POLL)
    return state.failed


def _ready(state: _State) -> list[Job]:
    return [job for job in state.waiting if job.start is None or job.start.key in state.done]


def _give_up(state: _State, bar: Steps) -> None:
    for job in [job for job in state.waiting if job.start and job.start.key in state.failed]:
        state.waiting.remove(job)
        state.failed[job.key] = f"not run, because it starts from {job.start.key if job.start else ''}"
        bar.advance()


def _settle(state: _State, job: Job, handle: Handle, bar: Steps) -> None:
    try:
        handle.result()
    except Exception as error:
        if state.tries[job.key] < TRIES:
            bar.say(f"{job.key}: failed, is tried once more ({_short(error)})")
            state.waiting.insert(0, job)
            return
        state.failed[job.key] = _short(error)
        bar.say(f"{job.key}: failed twice ({_short(error)})")
    else:
        state.done.add(job.key)
    bar.advance(f"last: {job.key}")


def _short(error: Exception) -> str:
    """Return the last line of a message: submitit's holds a whole traceback."""
    if isinstance(error, BrokenProcessPool):
        return "its process, or its neighbour's, was killed: out of memory? Fewer --parallel may help"
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
