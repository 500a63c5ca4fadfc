"""One sentence about the runs of a section: whether guidance worked, told by behaviour on test images."""

from collections.abc import Iterator

import pandas as pd

from model_guidance.evaluation import Evaluation
from model_guidance.metrics.verdict import NO_EVIDENCE, of_guidance
from model_guidance.report.read.reported import LAST, ONE, panels
from model_guidance.report.read.results import Results
from model_guidance.report.tables.controls import under_baseline

SENTENCES = {
    "worked": "guidance worked with {}",
    "did not work": "guidance made it worse with {}",
    "changed nothing": "guidance changed nothing that matters with {}",
    "cannot be told": "it cannot be told from so few images whether guidance worked with {}",
}
LISTED = 3  # configurations of one verdict that are all named with their numbers
NOT_GUIDED = "No run here was guided, so there is nothing to judge yet."


def verdict(results: Results, last: pd.DataFrame) -> str:
    """Return the sentence for `last_epochs`: guided runs against the baseline that was trained as long.

    Means over seeds are compared; the intervals are those of the images, taken to be independent.
    """
    guided = last[last["own"] & (last["role"] == "guided")]
    if guided.empty:
        return NOT_GUIDED
    found: dict[str, list[str]] = {}
    for name, rows in _configurations(guided):
        base = under_baseline(last, rows["backbone"].iloc[0], rows["explainer"].iloc[0])
        judged = of_guidance(_last(results, rows), _last(results, base))
        if judged is not None:
            found.setdefault(judged[0], []).append(f"{name}: {judged[1]}")
    said = [text.format(_listed(found[key])) for key, text in SENTENCES.items() if key in found]
    return f"{LAST[0].upper()}{LAST[1:]}, {'; '.join(said)}." if said else NO_EVIDENCE


def _configurations(guided: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    alone = len(panels(guided)) == 1
    for (backbone, explainer, _, configuration), rows in guided.groupby(ONE, sort=False):
        yield str(configuration) if alone else f"{configuration} ({backbone}, {explainer})", rows


def _last(results: Results, rows: pd.DataFrame) -> list[Evaluation]:
    runs = [results.runs[name] for name in rows["run"].unique()]
    return [run.result.last for run in runs if run.result is not None]


def _listed(named: list[str]) -> str:
    if len(named) <= LISTED:
        return ", ".join(named)
    return f"{len(named)} configurations, such as {named[0]}"
