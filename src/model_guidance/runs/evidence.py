"""What the last epoch of a run did with each test image, and the verdict on it: `evidence.safetensors`."""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from model_guidance.errors import UserError
from model_guidance.files import is_there, read_bytes, write
from model_guidance.metrics.evidence import Evidence
from model_guidance.metrics.repair import Beyond, Repair, beyond, repair
from model_guidance.progress import say
from model_guidance.runs.folder import CONFIG, EVIDENCE, OTHER_EVIDENCE, Run

RIGHT = "right "
COLUMNS = ("index", "groups", "epg", "area")


def write_evidence(folder: Path, evidence: Evidence, name: str = EVIDENCE) -> None:
    """Write what was found, one row for each image; `name` is `other_evidence` for maps not the run's own."""
    tensors = {name: np.ascontiguousarray(getattr(evidence, name)) for name in COLUMNS}
    tensors |= {RIGHT + name: np.ascontiguousarray(rows) for name, rows in evidence.right.items()}
    write(folder / name, save(tensors))


def other_evidence(explainer: str) -> str:
    """Return where the evidence under maps that are not the run's own lies in its folder."""
    return f"{OTHER_EVIDENCE}/{explainer}.safetensors"


def read_evidence(folder: Path, name: str = EVIDENCE) -> Evidence | None:
    """Return what `write_evidence` wrote; None if the run has none, `UserError` if it is damaged."""
    path = folder / name
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


def kept_evidence(run: Run, explainer: str) -> Evidence | None:
    """Return the evidence that a run kept under the maps METHOD@LAYER, None if it kept none."""
    return read_evidence(run.folder, _name(run, explainer))


def evidence_of_run(run: Run, explained_as: Run) -> Evidence:
    """Return the evidence that a run kept, or that its last epoch gives when it is scored again.

    It is scored again if it kept none under the maps of the other run's method and layer; a finished run
    keeps what is found then.
    """
    config = explained_as.config
    kept = kept_evidence(run, config.explainer)
    if kept is not None:
        return kept
    from model_guidance.runs.evaluate import score_run  # noqa: PLC0415  (seconds; most runs kept theirs)

    found = score_run(run, "last", "test", config.own_method, config.layer).evidence
    if found is None:
        raise UserError(f"{run.folder}: there is no test image, so nothing can be judged")
    if run.result is not None:
        _keep(run, found, _name(run, config.explainer))
    return found


def _name(run: Run, explainer: str) -> str:
    return EVIDENCE if run.config.explainer == explainer else other_evidence(explainer)


def _keep(run: Run, found: Evidence, name: str) -> None:
    try:
        write_evidence(run.folder, found, name)
    except UserError as reason:  # somebody else's run: it can be judged all the same
        say(f"the evidence is not kept: {reason}")


def judge(run: Run, baseline: Run | None = None) -> Repair:
    """Return the verdict on a run beside a baseline, by default the run whose weights it started from.

    Raises `UserError` if there is no baseline, or if the two cannot be compared.
    """
    start = started_from(run) if baseline is None else baseline
    if start is None:
        raise UserError(f"{run.folder}: it started from no run, so no baseline is known: give --baseline RUN")
    _check_classes(run, start)
    return repair([evidence_of_run(run, run)], [evidence_of_run(start, run)])


def judge_beyond(run: Run, control: Run) -> Beyond:
    """Return what a run does better than a control, which was guided by random regions.

    Raises `UserError` if the control's regions are not random, or if the two cannot be compared.
    """
    config = control.config
    if not config.uses_regions or config.regions != "random":
        guided = f"guided by {config.regions}" if config.uses_regions else "not guided"
        raise UserError(f"--control {control.folder}: this run was {guided}: give one with --regions random")
    _check_classes(run, control)
    return beyond([evidence_of_run(run, run)], [evidence_of_run(control, control)])


def _check_classes(run: Run, other: Run) -> None:
    if other.classes != run.classes:
        raise UserError(f"{other.folder} and {run.folder} have other classes, so they cannot be compared")


def started_from(run: Run) -> Run | None:
    """Return the finished run whose weights a run started from, if it is still there."""
    folder = Path(run.config.weights or "").parent
    if not run.config.weights or not is_there(folder / CONFIG):
        return None
    start = Run.open(folder)
    return start if start.result is not None else None
