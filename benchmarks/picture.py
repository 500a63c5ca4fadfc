"""The times as a picture: how far from the floor, twin and ours."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

COLOURS = {"twin": "#b0b0b0", "ours": "#2a78d6", "compiled": "#1baf7a"}


def draw(steps: list[dict[str, Any]], evaluations: list[dict[str, Any]], path: Path) -> None:
    """Write one panel per network: bars in units of F, the floor as a line across each group."""
    networks = list(dict.fromkeys(row["network"] for row in steps))
    figure = Figure(figsize=(4.2 * len(networks), 3.6), layout="constrained")
    panels = figure.subplots(1, len(networks), sharey=True, squeeze=False)[0]
    for panel, network in zip(panels, networks, strict=True):
        rows = [(f"step,\n{row['layer']}", row) for row in steps if row["loss"] == "energy"]
        rows += [(f"evaluation,\nbatch {row['batch']}", row) for row in evaluations]
        own = [(label, row) for label, row in rows if row["network"] == network]
        places = {label: i for i, label in enumerate(dict.fromkeys(label for label, _ in own))}
        for label, row in own:
            place = places[label] + (list(COLOURS).index(row["by"]) - 1) * 0.27
            panel.bar(place, row["F"], width=0.25, color=COLOURS[row["by"]])
            panel.annotate(f"{row['F']:.1f}", (place, row["F"]), ha="center", va="bottom", fontsize=7)
            panel.plot([places[label] - 0.4, places[label] + 0.4], [row["floor"]] * 2, color="black", lw=1)
        panel.set_xticks(list(places.values()), list(places), fontsize=8)
        panel.set_title(network, fontsize=10)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("forward passes (F)")
    for by in [by for by in COLOURS if any(row["by"] == by for row in steps)]:
        panels[-1].bar(0, 0, color=COLOURS[by], label=by)
    panels[-1].plot([], [], color="black", lw=1, label="floor")
    panels[-1].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)
