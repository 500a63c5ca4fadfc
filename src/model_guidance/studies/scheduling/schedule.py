"""Running the tasks of a study: each after the one it needs, what is done never again."""

import time
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

from model_guidance.errors import UserError
from model_guidance.progress import Steps, say, steps
from model_guidance.studies.scheduling.executors import Handle, Submit
from model_guidance.studies.scheduling.task import Task

TRIES = 2
POLL = 0.2  # seconds


@dataclass
class _State:
    """What became of the tasks so far, by name; `failed` holds the reason."""

    waiting: list[Task]
    done: set[str]
    running: list[tuple[Task, Handle]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)


def run_tasks(tasks: Sequence[Task], submit: Submit, parallel: int) -> dict[str, str]:
    """Run what is not finished, at most `parallel` tasks at a time; return why tasks failed, by name.

    A task that fails is tried a second time, unless its settings or data are at fault (`UserError`); those
    that need one that failed are not run.
    """
    state = _State(
        [task for task in tasks if not task.finished], {task.name for task in tasks if task.finished}
    )
    with steps("tasks", len(tasks), len(state.done)) as bar:
        while state.waiting or state.running:
            _give_up(state, bar)
            for task in _ready(state)[: parallel - len(state.running)]:
                state.waiting.remove(task)
                state.tries[task.name] = state.tries.get(task.name, 0) + 1
                state.running.append((task, submit(task.function, *task.arguments)))
            for task, handle in [each for each in state.running if each[1].done()]:
                state.running.remove((task, handle))
                _settle(state, task, handle, bar)
            time.sleep(POLL)
    return state.failed


def _ready(state: _State) -> list[Task]:
    return [task for task in state.waiting if task.after is None or task.after in state.done]


def _give_up(state: _State, bar: Steps) -> None:
    for task in [task for task in state.waiting if task.after in state.failed]:
        state.waiting.remove(task)
        state.failed[task.name] = f"not run, because it needs {task.after}"
        bar.advance()


def _settle(state: _State, task: Task, handle: Handle, bar: Steps) -> None:
    try:
        handle.result()
    except Exception as error:
        if state.tries[task.name] < TRIES and not isinstance(error, UserError):
            say(f"{task.name}: failed, is tried once more ({_reason(error)})")
            state.waiting.insert(0, task)
            return
        state.failed[task.name] = _reason(error)
        say(f"{task.name}: failed ({_reason(error)})")
    else:
        state.done.add(task.name)
        say(f"done: {task.name}")
    bar.advance()


def _reason(error: Exception) -> str:
    """Return the last line: of submitit's errors that of the traceback, which stands between two rules."""
    if isinstance(error, BrokenProcessPool):
        return "its process was killed: out of memory? Fewer --parallel may help"
    parts = str(error).split(f"\n{22 * '-'}\n")
    lines = (parts[1] if len(parts) > 2 else parts[0]).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
