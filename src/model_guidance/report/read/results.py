"""What finished runs scored, as tables: the only place that knows the files of a run folder's results."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from model_guidance.errors import UserError
from model_guidance.report.read.roles import role, start
from model_guidance.runs.checkpoints import Row
from model_guidance.runs.find import open_runs
from model_guidance.runs.folder import LOOKS, RESULT, TIMING, Run
from model_guidance.runs.history import read_history

OF_MAPS = ("epg", "iou", "on_object_epg", "pairs")  # prefixes of scores that depend on the attribution


@dataclass(frozen=True)
class Results:
    """The runs, and two tables about them.

    `tested` has a row per (run, tested checkpoint, look); its columns are the settings, `role`, `start`,
    `replicate` (the seeds), `look` (METHOD@LAYER) and `own` (whether the run was trained and selected under
    that look), `kind` (front, best or last), `epoch`, the test scores under their own names, and the
    validation scores of that epoch with "val " before them. `epochs` has a row per (run, epoch), with
    validation scores. Scores are fractions in [0, 1]. `warnings` says which runs were left out.
    """

    runs: Mapping[str, Run]
    tested: pd.DataFrame
    epochs: pd.DataFrame
    warnings: Sequence[str]


def read_results(folders: Sequence[Path]) -> Results:
    """Read the runs in and below `folders`.

    Unfinished runs are left out, with a warning. Raises `UserError` if nothing is found, if nothing is
    finished, and for a run that has no metrics, is damaged, or is of another version.
    """
    runs = open_runs(folders)
    histories = {name: read_history(run.folder) for name, run in runs.items()}
    finished = {name: run for name, run in runs.items() if run.result is not None}
    warnings = [f"{run.folder}: left out, it is not finished" for run in runs.values() if run.result is None]
    if not finished:
        raise UserError(f"{', '.join(map(str, folders))}: no run in there is finished")
    settings = {name: _settings(name, run) for name, run in finished.items()}
    tested = [settings[name] | row for name, run in finished.items() for row in _tested(run, histories[name])]
    epochs = [settings[name] | row for name in finished for row in histories[name]]
    return Results(finished, pd.DataFrame(tested), pd.DataFrame(epochs), warnings)


def seconds_per_step(run: Run) -> float | None:
    """Return how long one training step took in the last epoch, in seconds, where the run says so."""
    path = run.folder / TIMING
    return json.loads(path.read_text(encoding="utf-8"))["seconds_per_step"] if path.is_file() else None


def _settings(name: str, run: Run) -> dict[str, Any]:
    config = run.config
    settings = {key.strip("_"): value for key, value in asdict(config).items()}
    settings["localization loss"] = settings.pop("loss")  # in the epochs' rows, "loss" is a number
    seeds = (config.seed, config.annotation_seed, config.options.get("seed"))
    replicate = "/".join(str(seed) for seed in seeds if seed is not None)
    chain = {"role": role(config), "start": start(config), "replicate": replicate}
    return {"run": name, **settings, "look": config.look, **chain}


def _tested(run: Run, history: Sequence[Row]) -> Iterator[dict[str, Any]]:
    path, result = run.folder / RESULT, run.result or {}
    validation = {int(row["epoch"]): {f"val {key}": value for key, value in row.items()} for row in history}
    try:
        epochs = {"best": int(result["best_epoch"]), "last": int(result["epochs"])}
        for epoch, scores in result.get("front", {}).items():
            yield _checkpoint("front", int(epoch), validation) | scores
        for kind, epoch in epochs.items():
            yield _checkpoint(kind, epoch, validation) | result[kind]
        for path in sorted((run.folder / LOOKS).glob("*.json")):
            looked = json.loads(path.read_text(encoding="utf-8"))
            for kind, scores in looked.items():
                there = {"kind": kind, "epoch": epochs[kind], "own": False, "look": path.stem}
                yield _without_maps(result[kind]) | scores | there
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: this is damaged or of another version of model-guidance") from error


def _checkpoint(kind: str, epoch: int, validation: Mapping[int, Row]) -> dict[str, Any]:
    return {"kind": kind, "epoch": epoch, "own": True} | validation.get(epoch, {})


def _without_maps(scores: Row) -> Row:
    return {name: value for name, value in scores.items() if not name.split(": ")[-1].startswith(OF_MAPS)}
