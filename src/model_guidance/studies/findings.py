"""What the paper found, R1 to R8, and whether it comes out of a set of runs."""

from collections.abc import Callable, Mapping, Sequence
from math import isnan, nan
from pathlib import Path
from typing import Any

import pandas as pd

from model_guidance.report.read.results import read_results
from model_guidance.selection import ALLOWED_LOSS
from model_guidance.studies.evidence import LOSS, PANEL, guided, reference, representatives
from model_guidance.studies.planning.experiments import PUBLISHED_LAMBDAS

NOT_MEASURED = ("–", "not measured")
Answer = tuple[str, str]  # what was measured, and the verdict
MAIN = "f1"


def findings(folders: Sequence[Path], names: Sequence[str] | None = None) -> list[Mapping[str, str]]:
    """Return for each finding, or for those named, what the paper says, what came out and whether it agrees.

    Looked at are the runs with several classes per image, in and below `folders`: those of the paper's
    studies, in which all configurations had equal grids and budgets.
    """
    tested = read_results(folders).tested
    tested = tested[tested[MAIN].notna()] if MAIN in tested else tested.iloc[:0]
    return [_finding(name, *FINDINGS[name], tested) for name in (FINDINGS if names is None else names)]


def _finding(
    name: str, claim: str, test: Callable[[pd.DataFrame], Answer], tested: pd.DataFrame
) -> dict[str, str]:
    measured, verdict = test(tested) if len(tested) else NOT_MEASURED
    return {"finding": name, "paper": claim, "measured": measured, "verdict": verdict}


def _counted(wins: Mapping[str, bool], what: str) -> Answer:
    """Summarise wins by panel; a finding agrees as a whole only if it does in every panel."""
    if not wins:
        return NOT_MEASURED
    lost = [panel for panel, won in wins.items() if not won]
    text = f"{what} in {len(wins) - len(lost)} of {len(wins)}" + (
        f"; not in {', '.join(lost)}" if lost else ""
    )
    share = 1 - len(lost) / len(wins)
    return text, "agrees" if not lost else "agrees in part" if share > 0.5 else "does not agree"


def _best_loss(tested: pd.DataFrame, score: str, expected: str) -> Answer:
    """Ask in how many panels, of those with the paper's losses and perhaps more, the expected one is best.

    A front is asked at two places: the paper's, where F1 may fall by 5 points, and where none is lost.
    """
    what = f"best of all losses, by the highest {score.upper()},"
    text, verdict = _counted(_wins(tested, score, expected, ALLOWED_LOSS), what)
    free, free_verdict = _counted(
        _wins(tested, score, expected, 0.0), f"of those that lose no {MAIN.upper()},"
    )
    if NOT_MEASURED in ((text, verdict), (free, free_verdict)):
        return text, verdict
    return f"{text}; {free}", verdict if verdict == free_verdict else "agrees in part"


def _wins(tested: pd.DataFrame, score: str, expected: str, at_most: float) -> dict[str, bool]:
    rows = representatives(tested, _paper_rows(tested), score, MAIN, [*PANEL, LOSS], at_most)
    wins = {}
    for panel, each in rows.groupby(PANEL):
        means = each.groupby(LOSS)[score].mean()
        if PUBLISHED_LAMBDAS.keys() <= set(means.index):
            wins[_name(panel)] = means.idxmax() == expected
    return wins


def _paper_rows(tested: pd.DataFrame) -> pd.DataFrame:
    """Return the guided rows with each network's own attribution: GradCAM has a study of its own."""
    rows = guided(tested)
    return rows[~rows["explainer"].str.startswith("gradcam")]


def _energy(tested: pd.DataFrame) -> pd.DataFrame:
    rows = _paper_rows(tested)
    return representatives(tested, rows[rows[LOSS] == "energy"], "epg", MAIN, PANEL)


def _on_object(tested: pd.DataFrame) -> Answer:
    score = "on_object_epg"
    if score not in tested:
        return NOT_MEASURED
    rows = _paper_rows(tested)
    rows = representatives(tested, rows[rows[LOSS].isin(["energy", "l1"])], "epg", MAIN, [*PANEL, LOSS])
    wins = {}
    for panel, each in rows.groupby(PANEL):
        means = each.groupby(LOSS)[score].mean()
        others = [means.get("l1", nan), reference(tested, panel, score)]
        if not any(map(isnan, [means.get("energy", nan), *others])):
            wins[_name(panel)] = means["energy"] > max(others)
    return _counted(wins, "Energy above L1 and above the baseline")


def _input(tested: pd.DataFrame) -> Answer:
    rows = _energy(tested)
    means = rows[rows["explainer"].str.endswith("@input")].groupby("backbone")["epg"].mean().sort_values()
    if len(means) < 3:
        return NOT_MEASURED
    text = ", ".join(f"{name} {100 * value:.1f}" for name, value in means[::-1].items())
    return f"EPG at the input: {text}", "agrees" if str(means.idxmax()).startswith(
        "bcos"
    ) else "does not agree"


def _final(tested: pd.DataFrame) -> Answer:
    rows = _energy(tested)
    gains = _gains(tested, rows[rows["explainer"].str.endswith("@final")], "epg")
    if not gains:
        return NOT_MEASURED
    wins = {name: gain > 0 for name, gain in gains.items()}
    text, verdict = _counted(wins, "EPG above a baseline trained as long")
    return f"{text} ({_shown(gains)})", verdict


def _accuracy(tested: pd.DataFrame) -> Answer:
    rows = representatives(tested, _paper_rows(tested), MAIN, MAIN, PANEL)
    gains = _gains(tested, rows, MAIN)
    if not gains:
        return NOT_MEASURED
    verdict = "agrees" if max(gains.values()) > 0 else "does not agree"
    return f"F1 of the best guided epoch, compared with a baseline trained as long: {_shown(gains)}", verdict


def _gains(tested: pd.DataFrame, rows: pd.DataFrame, score: str) -> dict[str, float]:
    """Return, in points, how far each panel's mean is above its reference, where that was measured."""
    gains = {
        _name(panel): 100 * float(each[score].mean() - reference(tested, panel, score))
        for panel, each in rows.groupby(PANEL)
    }
    return {name: gain for name, gain in gains.items() if not isnan(gain)}


def _shown(gains: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {gain:+.1f}" for name, gain in gains.items())


def _few(tested: pd.DataFrame) -> Answer:
    shares: dict[str, list[float]] = {}
    means = {f: _mean_epg(tested, "energy", annotated=f) for f in (0.01, 0.1, 1.0)}
    for panel in means[0.01].index.intersection(means[0.1].index).intersection(means[1.0].index):
        start = reference(tested, panel, "epg")
        full = means[1.0][panel] - start
        if full > 0:
            shares[_name(panel)] = [100 * (means[f][panel] - start) / full for f in (0.01, 0.1)]
    if not shares:
        return NOT_MEASURED
    shown = ", ".join(f"{name} {one:.0f} and {ten:.0f} %" for name, (one, ten) in shares.items())
    good = all(one > 50 and ten > 80 for one, ten in shares.values())
    most = all(ten > 50 for _, ten in shares.values())
    verdict = "agrees" if good else "agrees in part" if most else "does not agree"
    return f"share of the gain in EPG with 1 and 10 % of the boxes: {shown}", verdict


def _mean_epg(tested: pd.DataFrame, loss: str, **where: float) -> "pd.Series[float]":
    """Return each panel's mean EPG of one loss, with the annotation that `where` describes."""
    rows = guided(tested, **where)
    return representatives(tested, rows[rows[LOSS] == loss], "epg", MAIN, PANEL).groupby(PANEL)["epg"].mean()


def _coarse(tested: pd.DataFrame) -> Answer:
    drops: dict[tuple[Any, ...], dict[str, float]] = {}
    for loss in ("energy", "l1"):
        exact, coarse = (_mean_epg(tested, loss, dilate=dilation) for dilation in (0.0, 0.5))
        for panel in exact.index.intersection(coarse.index):
            drops.setdefault(panel, {})[loss] = 100 * (exact[panel] - coarse[panel])
    drops = {panel: each for panel, each in drops.items() if len(each) == 2}
    if not drops:
        return NOT_MEASURED
    shown = ", ".join(
        f"{_name(p)} {-each['energy']:+.1f} and {-each['l1']:+.1f}" for p, each in drops.items()
    )
    good = all(each["energy"] < 5 and each["energy"] < each["l1"] for each in drops.values())
    part = all(each["energy"] < 5 for each in drops.values())
    verdict = "agrees" if good else "agrees in part" if part else "does not agree"
    return f"EPG with boxes dilated by 50 %, compared with exact ones, Energy and L1: {shown}", verdict


def _name(panel: Any) -> str:
    data, backbone, explainer = panel
    return f"{data} {backbone} {explainer}"


FINDINGS: dict[str, tuple[str, Callable[[pd.DataFrame], Answer]]] = {
    "R1": ("Energy gives the best EPG at a given F1", lambda t: _best_loss(t, "epg", "energy")),
    "R2": ("L1 gives the best IoU", lambda t: _best_loss(t, "iou", "l1")),
    "R3": ("Energy stays on the object inside the box", _on_object),
    "R4": ("at the input, B-cos is guided best", _input),
    "R5": ("every network can be guided at the last layer", _final),
    "R6": ("guidance can raise accuracy", _accuracy),
    "R7": ("1 % of the boxes give most of the gain, 10 % nearly all", _few),
    "R8": ("Energy does not mind coarse boxes, L1 does", _coarse),
}
