"""What finished runs scored, as tables: the only place that knows the files of a run folder's results."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from model_guidance.errors import UserError
from model_guidance.evaluation import Evaluation, Scores
from model_guidance.metrics.catalogue import SCORES
from model_guidance.report.read.roles import role, start
from model_guidance.runs.find import open_runs
from model_guidance.runs.folder import Run
from model_guidance.runs.history import read_history
from model_guidance.runs.result import Result, read_evaluations
from model_guidance.runs.second_attribution import attributions


@dataclass(frozen=True)
class Results:
    """The runs, and two tables about them.

    `tested` has a row per (run, tested checkpoint, explainer); its columns are the settings, `role`, `start`,
    `replicate` (the seeds), `explainer` (METHOD@LAYER) and `own` (whether the run was trained and selected
    under that explainer), `kind` (front, best or last), `epoch`, the test scores under their own names, and
    the validation scores of that epoch with "val " before them. `groups` and `classes` hold, where there are
    any, the scores of each by its name, `confusion` how many images of a class are taken for which, `intact`,
    `outside mean` and so on the scores with replaced pixels. `epochs` has a row per (run, epoch), with
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
    finished = {name: run for name, run in runs.items() if run.result is not None}
    results = {name: run.result for name, run in runs.items() if run.result is not None}
    warnings = [f"{run.folder}: left out, it is not finished" for run in runs.values() if run.result is None]
    if not finished:
        raise UserError(f"{', '.join(map(str, folders))}: no run in there is finished")
    histories = {name: read_history(run.folder) for name, run in finished.items()}
    settings = {name: _settings(name, run) for name, run in finished.items()}
    tested = [
        settings[name] | row
        for name, result in results.items()
        for row in _tested(runs[name], result, histories[name])
    ]
    epochs = [settings[name] | row for name in finished for row in histories[name]]
    return Results(finished, pd.DataFrame(tested), pd.DataFrame(epochs), warnings)


def _settings(name: str, run: Run) -> dict[str, Any]:
    config = run.config
    settings = {key.strip("_"): value for key, value in asdict(config).items()}
    settings["localization loss"] = settings.pop("loss")  # in the epochs' rows, "loss" is a number
    seeds = (config.seed, config.annotation_seed, config.options.get("seed"))
    replicate = "/".join(str(seed) for seed in seeds if seed is not None)
    chain = {"role": role(config), "start": start(config, run.folder), "replicate": replicate}
    return {"run": name, **settings, "explainer": config.explainer, **chain}


def _tested(run: Run, result: Result, history: Sequence[Scores]) -> Iterator[dict[str, Any]]:
    validation = {int(row["epoch"]): {f"val {key}": value for key, value in row.items()} for row in history}
    ends = {"best": (result.best_epoch, result.best), "last": (result.epochs, result.last)}
    front = [("front", epoch, found) for epoch, found in result.front.items()]
    for kind, epoch, found in [*front, *((kind, *end) for kind, end in ends.items())]:
        yield {"kind": kind, "epoch": epoch, "own": True} | validation.get(epoch, {}) | _columns(found)
    for explainer, path in attributions(run.folder, run.config).items():
        for kind, found in read_evaluations(path).items():
            if kind not in ends:
                raise UserError(f"{path}: this is damaged, it names the checkpoint {kind}")
            epoch, own = ends[kind]
            there = {"kind": kind, "epoch": epoch, "own": False, "explainer": explainer}
            yield _columns(_seen_by(own, found)) | there


def _columns(found: Evaluation) -> dict[str, Any]:
    """Return one evaluation as a row; nested scores stay nested, and are absent where there are none."""
    row: dict[str, Any] = dict(found.scores)
    row |= {name: nested for name in ("groups", "classes", "confusion") if (nested := getattr(found, name))}
    if found.reliance is not None:
        row["intact"] = found.reliance.intact
        for side in ("outside", "inside"):
            row |= {f"{side} {filler}": v for filler, v in getattr(found.reliance, side).items()}
    return row


def _seen_by(own: Evaluation, other: Evaluation) -> Evaluation:
    """Return the evaluation of a checkpoint with the scores of maps that another explainer gave it."""
    classes = {
        name: _without_maps(scores) | other.classes.get(name, {}) for name, scores in own.classes.items()
    }
    return replace(own, scores=_without_maps(own.scores) | other.scores, classes=classes)


def _without_maps(scores: Scores) -> Scores:
    return {name: value for name, value in scores.items() if name not in SCORES or not SCORES[name].of_maps}
