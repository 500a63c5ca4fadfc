"""Which settings the compared runs share, and in which they differ."""

from pathlib import Path
from typing import Any

import pandas as pd

from model_guidance.report.read.results import Results
from model_guidance.report.tables.table import WrittenTable
from model_guidance.runs.folder import MACHINE, Run
from model_guidance.runs.history import read_cost


def common_settings(results: Results, names: list[str]) -> dict[str, str]:
    """Return the settings that all of these runs share, as text; those of the machine left aside."""
    return {name: values[0] for name, values in _settings(results, names).items() if len(set(values)) == 1}


def run_table(results: Results, names: list[str], labels: dict[str, str]) -> WrittenTable:
    """Return the list of runs: the settings in which they differ, best epoch, milliseconds per step."""
    differing = {key: each for key, each in _settings(results, names).items() if len(set(each)) > 1}
    rows = []
    for place, name in enumerate(names):
        result = results.runs[name].result
        row: dict[str, Any] = {"run": name, "configuration": labels[name]}
        row |= {key: values[place] for key, values in differing.items()}
        row |= {"best epoch": result and result.best_epoch, "ms per step": _milliseconds(results.runs[name])}
        rows.append(row)
    caption = "All settings in which the runs of this section differ are columns here."
    return WrittenTable("runs", "The runs", caption, pd.DataFrame(rows))


def versions(results: Results) -> list[str]:
    """Return the versions of the software with which the runs were made, as far as they say so."""
    found = {run.result.versions for run in results.runs.values() if run.result}
    return sorted(found - {""})


def _settings(results: Results, names: list[str]) -> dict[str, list[str]]:
    configs = [results.runs[name].config for name in names]
    fields = [field for field in configs[0].__dataclass_fields__ if field not in MACHINE]
    return {field.strip("_"): [_shown(getattr(config, field)) for config in configs] for field in fields}


def _shown(value: object) -> str:
    """Return a setting as text; of a checkpoint's path what tells which run it is of."""
    if isinstance(value, str) and value.endswith(".safetensors"):
        return "/".join(Path(value).with_suffix("").parts[-2:])
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items() if each is not None) or "none"
    return "–" if value is None else str(value)


def _milliseconds(run: Run) -> str | None:
    cost = read_cost(run.folder)
    return None if cost is None else f"{1000 * cost.seconds_per_step:.0f}"
