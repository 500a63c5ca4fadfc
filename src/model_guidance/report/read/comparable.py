"""Which runs may be compared: those that saw the same data and were tested on the same images."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from model_guidance.data.opening import known_of
from model_guidance.report.read.results import Results
from model_guidance.runs.folder import Run

NAMED = 4  # runs of each section, in the sentence; the page lists all of them


def sections(results: Results) -> dict[str, list[str]]:
    """Return the comparable runs' names, by a name of what they share, the largest section first."""
    keys = {name: _key(run) for name, run in results.runs.items()}
    found: dict[str, list[str]] = {}
    for name, key in keys.items():
        found.setdefault(json.dumps(key, sort_keys=True), []).append(name)
    ordered = sorted(found.values(), key=lambda names: -len(names))
    titles = [_title(keys[names[0]]) for names in ordered]
    if len(set(titles)) < len(titles):
        titles = [
            f"{_title(keys[each[0]])}, classes {', '.join(keys[each[0]]['classes'])}" for each in ordered
        ]
    return dict(zip(titles, ordered, strict=True))


def incomparable(results: Results) -> str | None:
    """Return one sentence on which runs cannot be compared with which and why; None if all can be."""
    found = sections(results)
    if len(found) == 1:
        return None
    keys = [_key(results.runs[names[0]]) for names in found.values()]
    differing = [part for part in keys[0] if len({json.dumps(key[part], sort_keys=True) for key in keys}) > 1]
    listed = "; and ".join(f"{title} ({_listed(names)})" for title, names in found.items())
    return f"Not comparable with each other, because they differ in {' and '.join(differing)}: {listed}."


def _listed(names: list[str]) -> str:
    rest = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return ", ".join([*names[:NAMED], *rest])


def of_section(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return the rows of these runs, without the columns that none of them has."""
    return table[table["run"].isin(names)].dropna(axis="columns", how="all").reset_index(drop=True)


def _key(run: Run) -> dict[str, Any]:
    config = run.config
    known = known_of(config.data)
    free = {"seed", *known.ceiling}  # compared runs may differ in them
    options = {name: value for name, value in config.options.items() if name not in free}
    shown = {name: value for name, value in options.items() if value != known.options.get(name)}
    regions = "outside of the boxes" if config.outside else "inside of the boxes"
    return {
        "data": config.data,
        "options": shown,
        "size": config.size,
        "resize": config.resize,
        "orientation": config.orientation,
        "region": regions,
        "classes": run.classes,
    }


def _title(key: Mapping[str, Any]) -> str:
    parts = [key["data"], *(f"{name} {value}" for name, value in key["options"].items())]
    parts.append(f"{key['size']} px")
    parts += [key[name] for name in ("resize", "orientation") if key[name] not in ("stretch", "stored")]
    if key["region"].startswith("outside"):
        parts.append("region outside of the boxes")
    return ", ".join(parts)
