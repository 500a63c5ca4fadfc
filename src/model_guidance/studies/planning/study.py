"""A study: one figure or table of the paper, as the runs that it needs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from model_guidance.studies.planning.planned_run import Job
from model_guidance.studies.planning.sizes import Place, Size


@dataclass(frozen=True)
class Study:
    """What to run, and what the paper found.

    `jobs` plans the grid for a size; `claim` says in a sentence what the paper reports, with the numbers
    that a run at size paper should come near to, and `source` where. A study of `ours` is not in the paper,
    and its runs, on grids and budgets of their own, are no evidence about it.
    """

    title: str
    source: str
    claim: str
    jobs: Callable[[Size, Place], Iterator[Job]]
    ours: bool = False
