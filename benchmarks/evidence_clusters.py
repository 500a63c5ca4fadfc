"""Whether the background comes out as a kind of evidence: `python benchmarks/evidence_clusters.py RUNS`.

For each run, `inspect` groups the images of a split without regions or groups. Then both are looked up:
purity is the share of images that agree with the majority of their kind. "Beside": less than half of the
image's energy lies in its regions. "Group": the group of the data. Below each purity stands what the answers
alone would reach, one kind for each. "Right" is the accuracy of the worst kind, and of the worst answer.
"""

import argparse
from collections import Counter
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np

from model_guidance.finding.inspection import Inspection, inspect_run
from model_guidance.report.tables.text import rendered, text_table
from model_guidance.runs.folder import Run

HALF = 0.5


def purity(kinds: Sequence[Sequence[Hashable]]) -> float:
    """Return the share of all images that agree with the majority of their kind."""
    return sum(max(Counter(each).values()) for each in kinds if each) / sum(map(len, kinds))


def row(found: Inspection) -> list[str]:
    """Return how pure the kinds are, and what the answers alone would reach."""
    seen = found.seen
    kinds = [each.cluster.members for each in found.kinds]
    answers = [np.flatnonzero(seen.classes == label) for label in np.unique(seen.classes)]
    beside, groups = found.inside < HALF, found.observer.split.group[seen.index]
    cells = [str(len(kinds)), f"{100 * beside.mean():.0f}"]
    for truth in (beside, groups):
        pure = [purity([truth[own].tolist() for own in parts]) for parts in (kinds, answers)]
        cells.append(" / ".join(f"{100 * each:.1f}" for each in pure))
    worst = [min(found.right[own].mean() for own in parts) for parts in (kinds, answers)]
    inside = [100 * np.nanmean(found.inside[own]) for own in kinds]
    return [
        *cells,
        " / ".join(f"{100 * each:.1f}" for each in worst),
        f"{min(inside):.0f} to {max(inside):.0f}",
    ]


def main() -> None:
    """Inspect the runs, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--split", default="test")
    parser.add_argument("--checkpoint", default="last")
    given = parser.parse_args()
    columns = ["kinds", "beside, %", "purity beside / answers", "purity group / answers"]
    table = text_table([*columns, "worst kind right / answer", "EPG of the kinds"])
    for folder in given.runs:
        found = inspect_run(Run.open(folder), given.split, given.checkpoint)
        table.add_row(f"{folder.name[:14]}...{folder.name[-22:]}", *row(found))
    print(rendered(table))


if __name__ == "__main__":
    main()
