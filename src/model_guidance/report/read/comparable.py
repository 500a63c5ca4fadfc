"""Which runs may be compared: those that saw the same data and were tested on the same images."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from model_guidance.data.opening import known_of
from model_guidance.report.read.results import Results
from model_guidance.runs.folder import Run

Key = dict[str, Any]  # what the runs of a section share
TESTED = "test images"
NAMED = 4  # runs of each section, in the sentence; the page lists all of them


def sections(results: Results) -> dict[str, list[str]]:
    """Return the comparable runs' names, by a name of what they share, the largest section first."""
    return {title: names for title, names, _ in _sections(results)}


def incomparable(results: Results) -> str | None:
    """Return one sentence on which runs cannot be compared with which and why; None if all can be."""
    found = _sections(results)
    if len(found) == 1:
        return None
    listed = "; and ".join(f"{title} ({_listed(names)})" for title, names, _ in found)
    differing = " and ".join(_differing([key for _, _, key in found]))
    return f"Not comparable with each other, because they differ in {differing}: {listed}."


def _sections(results: Results) -> list[tuple[str, list[str], Key]]:
    """Return title, runs and key of each section, the largest first; no two have the same title."""
    keys = _keys(results.runs)
    found: dict[str, list[str]] = {}
    for name, key in keys.items():
        found.setdefault(_text(key), []).append(name)
    ordered = sorted(found.values(), key=lambda names: -len(names))
    shared = [keys[names[0]] for names in ordered]
    return list(zip(_titles(shared), ordered, shared, strict=True))


def _differing(keys: Sequence[Key]) -> list[str]:
    found = {part: {_text(key[part]) for key in keys if key[part] is not None} for part in keys[0]}
    return [part for part, values in found.items() if len(values) > 1]


def _titles(keys: Sequence[Key]) -> list[str]:
    """Return a title for each key; what it leaves out is added where two would be alike."""
    titles = [_title(key) for key in keys]
    if len(set(titles)) == len(titles):
        return titles
    differing = _differing(keys)
    if TESTED in differing:
        counts = [f", {key[TESTED]} {TESTED}" if key[TESTED] else "" for key in keys]
        titles = [title + count for title, count in zip(titles, counts, strict=True)]
    if "classes" in differing:
        named = [", ".join(key["classes"]) for key in keys]
        titles = [f"{title}, classes {names}" for title, names in zip(titles, named, strict=True)]
    before = [titles[:place].count(title) for place, title in enumerate(titles)]
    return [f"{title} ({count + 1})" if count else title for title, count in zip(titles, before, strict=True)]


def _text(part: Any) -> str:
    return json.dumps(part, sort_keys=True)


def _listed(names: list[str]) -> str:
    rest = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return ", ".join([*names[:NAMED], *rest])


def of_section(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return the rows of these runs, without the columns that none of them has."""
    return table[table["run"].isin(names)].dropna(axis="columns", how="all").reset_index(drop=True)


def _keys(runs: Mapping[str, Run]) -> dict[str, Key]:
    """Return what compared runs share, by run; one of 0.1, which counted no images, is like any."""
    keys = {name: _key(run) for name, run in runs.items()}
    known: dict[str, int] = {}
    for each in keys.values():
        if each[TESTED]:
            known.setdefault(_text(each | {TESTED: None}), each[TESTED])
    return {name: each | {TESTED: each[TESTED] or known.get(_text(each))} for name, each in keys.items()}


def _key(run: Run) -> Key:
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
        TESTED: run.finished.last.images or None,
    }


def _title(key: Key) -> str:
    parts = [key["data"], *(f"{name} {value}" for name, value in key["options"].items())]
    parts.append(f"{key['size']} px")
    parts += [key[name] for name in ("resize", "orientation") if key[name] not in ("stretch", "stored")]
    if key["region"].startswith("outside"):
        parts.append("region outside of the boxes")
    return ", ".join(parts)
