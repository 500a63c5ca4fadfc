"""What a reader must know before reading a section's numbers."""

from collections.abc import Iterator

import pandas as pd

from model_guidance.report.read.labels import unsaid
from model_guidance.report.read.reported import panels, too_strong, unrepresented
from model_guidance.report.read.roles import GUIDED, ROLES, SCRATCH

NOT_COMPARABLE = "Trained from random weights: not comparable with published figures."


def summary(tested: pd.DataFrame) -> str:
    """Return how many runs of which role were compared, of which networks, seeds and attributions."""
    runs = tested.drop_duplicates("run")
    counts = runs["role"].value_counts()
    roles = "; ".join(f"{counts[role]} {role}" for role in ROLES if role in counts)
    seeds = ", ".join(str(seed) for seed in sorted(runs["seed"].unique()))
    explainers = ", ".join(f"{explainer} of {backbone}" for backbone, explainer in panels(tested))
    said = f"{len(runs)} runs ({roles}), seeds {seeds}. Maps: {explainers}."
    return " ".join(filter(None, [said, unsaid(tested)]))


def limitations(tested: pd.DataFrame, models: pd.DataFrame) -> Iterator[str]:
    """Yield what limits the comparison."""
    scratch = tested.loc[tested["start"] == SCRATCH, "run"].nunique()
    if scratch:
        whole = scratch == tested["run"].nunique()
        yield NOT_COMPARABLE if whole else f"{NOT_COMPARABLE} This is true of {scratch} of these runs."
    if not tested["role"].str.startswith("baseline").any():
        yield "There is no baseline among these runs, so no differences can be shown."
    if "epg" not in tested:
        yield "No image has a region, so nothing is said about maps: add boxes to the test images for that."
    if "val epg" not in tested and tested["role"].isin(GUIDED).any():
        yield (
            "No validation image has a region: guided configurations are represented by their best epoch on "
            "validation. About 25 boxes there are enough to choose by EPG."
        )
    if strong := too_strong(tested):
        yield f"No checkpoint keeps to a loss of 5 points on validation with {'; '.join(strong)}."
    missing = unrepresented(models)
    if missing:
        yield (
            "Of these, each checkpoint costs more than 5 points on validation, so that they have no "
            f"representative model: {'; '.join(missing)}."
        )
