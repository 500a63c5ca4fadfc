"""The order in which a study's tasks run, with tasks and a executor whose ends are scripted."""

from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_guidance.errors import UserError
from model_guidance.studies.scheduling import schedule as module
from model_guidance.studies.scheduling.schedule import run_tasks
from model_guidance.studies.scheduling.task import Task


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(module, "POLL", 0.0)


@dataclass
class Call:
    """A submitted task: over after it was asked `polls` times, with `error` or without."""

    name: str
    polls: int
    error: Exception | None
    events: list[str]

    def done(self) -> bool:
        self.polls -= 1
        return self.polls <= 0

    def result(self) -> None:
        assert self.polls <= 0, "the result was asked for too early"
        self.events.append(f"end {self.name}")
        if self.error:
            raise self.error


@dataclass
class Launcher:
    """Keeps what was submitted; `polls` and `errors`, one for each try, script how it ends."""

    polls: dict[str, int] = field(default_factory=dict)
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    most: int = 0

    def submit(self, function: Callable[..., Any], name: str) -> Call:
        assert function is nothing
        self.events.append(f"begin {name}")
        self.most = max(self.most, self.running)
        errors = self.errors.get(name, [])
        error = errors.pop(0) if errors else None
        return Call(name, self.polls.get(name, 1), error, self.events)

    @property
    def running(self) -> int:
        return self._count("begin") - self._count("end")

    def _count(self, word: str) -> int:
        return sum(event.startswith(word) for event in self.events)


def nothing(name: str) -> None:
    raise AssertionError(f"{name} ran in the process that conducts")


def task(name: str, after: str | None = None, finished: bool = False) -> Task:
    return Task(name, after, nothing, (name,), finished)


def begun(executor: Launcher) -> list[str]:
    return [event.removeprefix("begin ") for event in executor.events if event.startswith("begin")]


def test_each_waits_for_the_one_that_it_needs():
    executor = Launcher(polls={"a": 5})
    tasks = [task("c", "b"), task("b", "a"), task("a"), task("free")]
    assert run_tasks(tasks, executor.submit, 4) == {}
    events = executor.events
    assert events.index("end a") < events.index("begin b")
    assert events.index("end b") < events.index("begin c")
    assert events.index("begin free") < events.index("end a")


@pytest.mark.parametrize("parallel", [1, 2, 3, 20])
def test_as_many_as_allowed_run_at_once(parallel):
    executor = Launcher(polls={str(i): 1 + i % 4 for i in range(12)})
    assert run_tasks([task(str(i)) for i in range(12)], executor.submit, parallel) == {}
    assert executor.most == min(parallel, 12)
    assert begun(executor) == [str(i) for i in range(12)]


def test_a_free_place_is_taken_before_the_others_end():
    executor = Launcher(polls={"slow": 10})
    run_tasks([task("slow"), task("one"), task("two")], executor.submit, 2)
    assert executor.events[-1] == "end slow"


def test_what_is_finished_is_not_submitted():
    executor = Launcher()
    tasks = [task("a", finished=True), task("b", "a"), task("c", "b", finished=True), task("d", "c")]
    assert run_tasks(tasks, executor.submit, 2) == {}
    assert sorted(begun(executor)) == ["b", "d"]


def test_nothing_to_do():
    executor = Launcher()
    assert run_tasks([], executor.submit, 2) == {}
    assert run_tasks([task("a", finished=True)], executor.submit, 2) == {}
    assert executor.events == []


def test_a_failure_is_tried_once_more(capsys):
    executor = Launcher(errors={"a": [RuntimeError("the disk was full")]})
    assert run_tasks([task("a"), task("b", "a")], executor.submit, 2) == {}
    assert begun(executor) == ["a", "a", "b"]
    assert "a: failed, is tried once more (the disk was full)" in capsys.readouterr().err


def test_two_failures_are_reported_and_their_dependents_not_run(capsys):
    executor = Launcher(errors={"a": [RuntimeError("first"), RuntimeError("second")]})
    tasks = [task("a"), task("b", "a"), task("c", "b"), task("other")]
    assert run_tasks(tasks, executor.submit, 2) == {
        "a": "second",
        "b": "not run, because it needs a",
        "c": "not run, because it needs b",
    }
    assert sorted(begun(executor)) == ["a", "a", "other"]
    assert "a: failed (second)" in capsys.readouterr().err


def test_a_mistake_of_the_user_is_not_tried_again():
    executor = Launcher(errors={"a": [UserError("no such layer"), UserError("no such layer")]})
    assert run_tasks([task("a")], executor.submit, 2) == {"a": "no such layer"}
    assert begun(executor) == ["a"]


FAILED = """PlannedRun (task=0) failed during processing with trace:
----------------------
Traceback (most recent call last):
  File "/site-packages/submitit/core/submission.py", line 55, in process_job
    result = delayed.result()
ValueError: the picture is damaged

----------------------
You can check full logs with 'job.stderr(0)' and 'job.stdout(0)'or at paths:
  - /studies/tiny/submitit/17_0_log.err
  - /studies/tiny/submitit/17_0_log.out"""
TRACEBACK = """
Traceback (most recent call last):
  File "run.py", line 55, in train_run
ValueError: the picture is damaged

"""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError(FAILED), "ValueError: the picture is damaged"),
        (RuntimeError(TRACEBACK), "ValueError: the picture is damaged"),
        (RuntimeError(), "RuntimeError"),
        (MemoryError("  \n "), "MemoryError"),
        (KeyError("epg"), "'epg'"),
        (BrokenProcessPool("A child process terminated abruptly\nwhile it was running"), "out of memory"),
    ],
)
def test_reasons_are_one_line(error, reason):
    executor = Launcher(errors={"a": [error, error]})
    (line,) = run_tasks([task("a")], executor.submit, 1).values()
    assert reason in line
    assert "\n" not in line


def test_stopped_by_the_user_it_stops():
    executor = Launcher(errors={"a": [KeyboardInterrupt()]})
    with pytest.raises(KeyboardInterrupt):
        run_tasks([task("a"), task("b")], executor.submit, 1)
    assert begun(executor) == ["a"]


@st.composite
def scripts(draw: st.DrawFn) -> tuple[list[Task], dict[str, int], dict[str, int]]:
    """Tasks, each perhaps after an earlier one, how long they take, and how often they fail."""
    names = [str(i) for i in range(draw(st.integers(1, 8)))]
    made = []
    for place, name in enumerate(names):
        after = draw(st.none() | st.sampled_from(names[:place])) if place else None
        made.append(task(name, after, draw(st.integers(0, 3)) == 0))
    polls = {name: draw(st.integers(1, 5)) for name in names}
    failures = {name: draw(st.sampled_from([0, 0, 0, 1, 2])) for name in names}
    return draw(st.permutations(made)), polls, failures


def expected_failures(tasks: list[Task], failures: dict[str, int]) -> set[str]:
    by_name = {each.name: each for each in tasks}

    def fails(name: str) -> bool:
        own = by_name[name]
        if own.finished:
            return False
        return failures[name] == 2 or (own.after is not None and fails(own.after))

    return {name for name in by_name if fails(name)}


@given(scripts(), st.integers(1, 4))
def test_any_script_ends_with_everything_done_that_could_be(script, parallel):
    tasks, polls, failures = script
    errors = {name: [RuntimeError(name) for _ in range(count)] for name, count in failures.items()}
    executor = Launcher(polls=polls, errors=errors)
    failed = run_tasks(tasks, executor.submit, parallel)
    assert set(failed) == expected_failures(tasks, failures)
    assert executor.most <= parallel
    for each in tasks:
        not_run = failed.get(each.name, "").startswith("not run")
        tries = 0 if each.finished or not_run else min(2, 1 + failures[each.name])
        assert begun(executor).count(each.name) == tries
        if tries and each.after and f"begin {each.after}" in executor.events:
            last = len(executor.events) - executor.events[::-1].index(f"end {each.after}")
            assert last <= executor.events.index(f"begin {each.name}")
