"""A study: one figure or table of the paper, as the runs that it needs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from model_guidance.studies.planning.experiments import Locations, Size
from model_guidance.studies.planning.planned_run import PlannedRun


@dataclass(frozen=True)
class Study:
    """What to run, and what the paper found.

    `plan` yields the runs of a size; `claim` says in a sentence what the paper reports, with the numbers that
    a run at size paper should come near to, and `source` where. `findings` are those of the paper, R1 to R8,
    about which the study's runs are evidence. A study of `ours` is not in the paper, and its runs, on grids
    and budgets of their own, are no evidence about it. One that is not `in_all` needs data of its own, and is
    run by its name only.
    """

    title: str
    source: str
    claim: str
    plan: Callable[[Size, Locations], Iterator[PlannedRun]]
    findings: Sequence[str] = ()
    ours: bool = False
    in_all: bool = True
