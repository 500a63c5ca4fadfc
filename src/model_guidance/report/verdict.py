"""The verdict on the runs of a section, by the rule of `metrics.repair`: from the evidence that they kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from model_guidance.errors import UserError
from model_guidance.metrics.repair import OUTCOMES, Beyond, Repair, beyond, repair
from model_guidance.report.read.labels import controls_of
from model_guidance.report.read.reported import LAST, ONE, panels, same_budget
from model_guidance.report.read.results import Results
from model_guidance.report.read.roles import GUIDED, Role
from model_guidance.report.tables.controls import under_baseline
from model_guidance.runs.evidence import kept_evidence, kept_together
from model_guidance.runs.folder import Run

LISTED = 3  # configurations whose verdicts are all told; of more the page counts them and shows a table
NAMED = 4  # runs without evidence that are named
NOT_GUIDED = "No run here was guided, so there is nothing to judge yet."
JUDGED: tuple[Role, ...] = (*GUIDED, "weighted", "ceiling")
NOT_JUDGED = "not judged"
NO_BASELINE = "there is no baseline among these runs; `model-guidance verdict {} --baseline RUN` judges it"
NO_EVIDENCE = (
    "what each model does with each test image, under maps of {maps}, was not kept by {runs}; "
    "`model-guidance verdict {guided} --baseline {baseline}` scores and keeps it{each}"
)
OTHER_REGIONS = (
    "these runs were tested on different regions: {runs}; `model-guidance verdict {guided} --baseline "
    "{baseline}` scores again what it takes{each}"
)


@dataclass(frozen=True)
class Verdict:
    """Of all seeds of a configuration what came out, or why it cannot be judged, and how far a control came.

    `rows` are the last checkpoints of its runs.
    """

    name: str
    rows: pd.DataFrame
    found: Repair | str
    control: Beyond | None

    @property
    def outcome(self) -> str:
        """One of `OUTCOMES`, or "not judged"."""
        return self.found.outcome if isinstance(self.found, Repair) else NOT_JUDGED

    @property
    def seeds(self) -> int:
        """How many runs it is the mean of."""
        return self.rows["run"].nunique()

    @property
    def guided(self) -> bool:
        """Whether the regions were true ones."""
        return bool(self.rows["role"].iloc[0] == "guided")

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        start = f"{self.name}, {LAST}{f', {self.seeds} seeds' if self.seeds > 1 else ''}"
        if not isinstance(self.found, Repair):
            return f"{start}: {NOT_JUDGED}: {self.found}."
        said = self.found.sentence
        beside = f" {self.control.sentence}" if self.control else ""
        return f"{start}: {said[0].lower()}{said[1:]}{beside}"


def verdicts(results: Results, tested: pd.DataFrame, last: pd.DataFrame) -> list[Verdict]:
    """Judge each configuration of `last_epochs` that was guided, by true or by random regions, or its rival.

    It stands beside the baseline that was trained as long. Nothing is scored here: runs that kept no
    evidence under the maps that guided are named. `tested` are all rows of the section.
    """
    judged = last[last["own"] & last["role"].isin(JUDGED)]
    alone = len(panels(judged)) == 1
    found = []
    for (backbone, explainer, _, configuration), rows in judged.groupby(ONE, sort=False):
        name = str(configuration) if alone else f"{configuration} ({backbone}, {explainer})"
        found.append(_verdict(results, tested, last, name, rows))
    return found


def told(found: Sequence[Verdict]) -> list[str]:
    """Return the verdicts on what was guided by true regions, one sentence each, or one that counts them.

    What was guided by random regions is told only where it cannot be judged: a control is missing then.
    """
    shown = [each for each in found if each.guided or each.outcome == NOT_JUDGED]
    if not any(each.guided for each in found):
        return [NOT_GUIDED]
    return [each.sentence for each in shown] if len(shown) <= LISTED else [_counted(shown), *_doubted(shown)]


def _counted(guided: Sequence[Verdict]) -> str:
    said = []
    for outcome in (*OUTCOMES, NOT_JUDGED):
        these = [each for each in guided if each.outcome == outcome]
        if these:
            reason = f" ({these[0].found})" if outcome == NOT_JUDGED else ""
            whole = len(these) == len(guided)
            names = "all of them" if whole else "; ".join(each.name for each in these)
            said.append(f"{outcome} ({len(these)}): {names}{reason}")
    start = f"{LAST[0].upper()}{LAST[1:]}, of {len(guided)} configurations"
    return f"{start}: {'. '.join(said)}. The figures stand in the table of verdicts."


def _doubted(guided: Sequence[Verdict]) -> Iterator[str]:
    names = [each.name for each in guided if each.control and not each.control.certain]
    if names:
        yield (
            f"Random regions may have gained as much as {'; '.join(names)}: these do not show that the "
            "regions said anything."
        )


def _verdict(
    results: Results, tested: pd.DataFrame, last: pd.DataFrame, name: str, rows: pd.DataFrame
) -> Verdict:
    first = rows.iloc[0]
    control = controls_of(last[last["own"]], first) if first["role"] == "guided" else last[:0]
    runs, beside, random = (_runs(results, each) for each in (rows, _baselines(tested, last, first), control))
    try:
        found = _repaired(runs, beside, first["explainer"])
    except UserError as reason:
        found = str(reason).removeprefix("verdict: ")
    judged = isinstance(found, Repair)
    return Verdict(name, rows, found, _beyond(runs, random, first["explainer"]) if judged else None)


def _repaired(guided: list[Run], baseline: list[Run], explainer: str) -> Repair | str:
    if not baseline:
        return NO_BASELINE.format(guided[0].folder)
    lacking = [run for run in (*guided, *baseline) if not kept_evidence(run, explainer)]
    if lacking:
        return NO_EVIDENCE.format(maps=explainer, **_named(lacking, guided, baseline))
    found = kept_together([*guided, *baseline], explainer)
    if found is None:
        return OTHER_REGIONS.format(**_named([*guided, *baseline], guided, baseline))
    return repair(found[: len(guided)], found[len(guided) :])


def _beyond(guided: list[Run], control: list[Run], explainer: str) -> Beyond | None:
    """Return how far the controls came; None where there are none, or where these cannot be judged."""
    try:
        found = kept_together([*guided, *control], explainer)
        return beyond(found[: len(guided)], found[len(guided) :]) if found and control else None
    except UserError:  # the verdict on the controls says why
        return None


def _named(lacking: list[Run], guided: list[Run], baseline: list[Run]) -> dict[str, str | Path]:
    """Return the runs at fault as the sentences name them, and two of them to be compared."""
    names = [str(run.folder) for run in lacking[:NAMED]]
    more = [f"{len(lacking) - NAMED} more"] if len(lacking) > NAMED else []
    return {
        "runs": ", ".join([*names, *more]),
        "guided": next((run for run in lacking if run in guided), guided[0]).folder,
        "baseline": next((run for run in lacking if run in baseline), baseline[0]).folder,
        "each": ", and so on for each of them" if len(lacking) > 2 else "",
    }


def _runs(results: Results, rows: pd.DataFrame) -> list[Run]:
    return [results.runs[name] for name in rows["run"].unique()]


def _baselines(tested: pd.DataFrame, last: pd.DataFrame, first: pd.Series) -> pd.DataFrame:
    """Return the baselines with the guided runs' budget: those seen under the same maps, or else any."""
    under = under_baseline(last, first["backbone"], first["explainer"], first["epochs"])
    same = tested[(tested["backbone"] == first["backbone"]) & tested["own"]]
    return same_budget(same[same["kind"] == "last"], first["epochs"]) if under.empty else under
