"""What the last epoch of a run did with each test image, and the verdict on it: `evidence.safetensors`."""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from model_guidance.errors import UserError
from model_guidance.files import is_there, read_bytes, write
from model_guidance.metrics.evidence import Evidence
from model_guidance.metrics.repair import Repair, repair
from model_guidance.runs.evaluate import score_run
from model_guidance.runs.folder import CONFIG, EVIDENCE, Run

RIGHT = "right "
COLUMNS = ("index", "groups", "epg", "area")


def write_evidence(folder: Path, evidence: Evidence) -> None:
    """Write what was found, one row for each image."""
    tensors = {name: np.ascontiguousarray(getattr(evidence, name)) for name in COLUMNS}
    tensors |= {RIGHT + name: np.ascontiguousarray(rows) for name, rows in evidence.right.items()}
    write(folder / EVIDENCE, save(tensors))


def read_evidence(folder: Path) -> Evidence | None:
    """Return what `write_evidence` wrote; None if the run has none, `UserError` if it is damaged."""
    path = folder / EVIDENCE
    if not is_there(path):
        return None
    try:
        tensors = load(read_bytes(path))
        right = {name.removeprefix(RIGHT): each for name, each in tensors.items() if name.startswith(RIGHT)}
        return Evidence(right=right, **{name: tensors[name] for name in COLUMNS})
    except (SafetensorError, KeyError, ValueError) as error:
        raise UserError(
            f"{path}: this is damaged or of another version of model-guidance; delete it, and the verdict "
            "scores the model again"
        ) from error


def evidence_of_run(run: Run, explained_as: Run) -> Evidence:
    """Return the evidence that a run kept, or that its last epoch gives when it is scored again.

    It is scored again if it kept none, or if its maps were not those of the other run's method and layer.
    """
    config = explained_as.config
    kept = read_evidence(run.folder) if run.config.explainer == config.explainer else None
    if kept is None:
        kept = score_run(run, "last", "test", config.own_method, config.layer).evidence
    if kept is None:
        raise UserError(f"{run.folder}: there is no test image, so nothing can be judged")
    return kept


def judge(run: Run, baseline: Run | None = None) -> Repair:
    """Return the verdict on a run beside a baseline, by default the run whose weights it started from.

    Raises `UserError` if there is no baseline, or if the two cannot be compared.
    """
    start = started_from(run) if baseline is None else baseline
    if start is None:
        raise UserError(f"{run.folder}: it started from no run, so no baseline is known: give --baseline RUN")
    if start.classes != run.classes:
        raise UserError(f"{start.folder} and {run.folder} have other classes, so they cannot be compared")
    return repair([evidence_of_run(run, run)], [evidence_of_run(start, run)])


def started_from(run: Run) -> Run | None:
    """Return the finished run whose weights a run started from, if it is still there."""
    folder = Path(run.config.weights or "").parent
    if not run.config.weights or not is_there(folder / CONFIG):
        return None
    start = Run.open(folder)
    return start if start.result is not None else None
