"""What the last epoch of a run did with each test image, and the verdict on it: `evidence.safetensors`."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from model_guidance.data.identity import BYTES
from model_guidance.errors import UserError
from model_guidance.files import check_file, is_there, write
from model_guidance.metrics.evidence import Evidence
from model_guidance.metrics.repair import Beyond, Repair, beyond, repair
from model_guidance.progress import say
from model_guidance.runs.folder import EVIDENCE, OTHER_EVIDENCE, Run, named_below
from model_guidance.runs.start import started_from
from model_guidance.training.config import Config

RIGHT = "right "
COLUMNS = ("index", "groups", "epg", "area")
MEASURED_ON, FACTS = "measured on", ("images", "regions")


def write_evidence(folder: Path, evidence: Evidence, name: str = EVIDENCE) -> None:
    """Write what was found, one row for each image; `name` is `other_evidence` for what is not its own."""
    tensors = {name: np.ascontiguousarray(getattr(evidence, name)) for name in COLUMNS}
    tensors |= {RIGHT + name: np.ascontiguousarray(rows) for name, rows in evidence.right.items()}
    told = json.dumps({name: getattr(evidence, name) for name in FACTS})
    write(folder / name, save(tensors, {MEASURED_ON: told}))  # one entry: several have no order


def other_evidence(explainer: str, regions: str = "") -> str:
    """Return where the evidence under maps that are not the run's own, or on such regions, lies there."""
    return f"{OTHER_EVIDENCE}/{explainer}{regions and f'-{regions}'}.safetensors"


def read_evidence(folder: Path, name: str = EVIDENCE) -> Evidence | None:
    """Return what `write_evidence` wrote; None if the run has none, `UserError` if it is damaged.

    What earlier versions wrote does not say which images and regions it is of.
    """
    path = folder / name
    if not is_there(path):
        return None
    check_file(path)
    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no mapping)
            told = json.loads((file.metadata() or {}).get(MEASURED_ON, "{}"))
        right = {name.removeprefix(RIGHT): each for name, each in tensors.items() if name.startswith(RIGHT)}
        columns = {name: tensors[name] for name in COLUMNS}
        return Evidence(right=right, **columns, **{name: told.get(name, "") for name in FACTS})
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise UserError(
            f"{path}: this is damaged or of another version of model-guidance; delete it, and the verdict "
            "scores the model again"
        ) from error


def kept_evidence(run: Run, explainer: str) -> list[Evidence]:
    """Return all that a run kept under the maps METHOD@LAYER, what is of its own regions first."""
    pattern = re.compile(rf"{re.escape(explainer)}(-[0-9a-f]{{{2 * BYTES}}})?\.safetensors")
    others = [path.name for path in named_below(run.folder, OTHER_EVIDENCE) if pattern.fullmatch(path.name)]
    own = [EVIDENCE] if run.config.explainer == explainer else []
    found = (read_evidence(run.folder, name) for name in (*own, *(f"{OTHER_EVIDENCE}/{n}" for n in others)))
    return [each for each in found if each is not None]


def kept_together(runs: Sequence[Run], explainer: str) -> list[Evidence] | None:
    """Return what each run kept under the same maps and on the same regions; None where one kept none such.

    Seeds may have drawn images of their own: the regions are those of the runs on the same images.
    """
    kept = [kept_evidence(run, explainer) for run in runs]
    if not all(kept):
        return None
    found: dict[int, Evidence] = {}
    for places in _on_the_same_images(runs, [several[0] for several in kept]):
        alike = _alike([kept[place] for place in places])
        if alike is None:
            return None
        found |= zip(places, alike, strict=True)
    return [found[place] for place in range(len(runs))]


def _on_the_same_images(runs: Sequence[Run], kept: Sequence[Evidence]) -> list[list[int]]:
    """Return the places of the runs that were tested on the same images, together.

    Where one does not say on which, the options of its data do: seeds of earlier versions drew their own too.
    """

    def same(one: int, other: int) -> bool:
        told = kept[one].images and kept[other].images
        alike = told or runs[one].config.options == runs[other].config.options
        return bool(alike) and kept[one].same_images(kept[other])

    groups: list[list[int]] = []
    for place in range(len(runs)):
        own = next((group for group in groups if same(group[0], place)), None)
        if own is None:
            groups.append([place])
        else:
            own.append(place)
    return groups


def _alike(kept: Sequence[Sequence[Evidence]]) -> list[Evidence] | None:
    """Return of what each of some runs kept one that is on the same images and regions as the others'."""
    for first in kept[0]:
        alike = [
            [each for each in several if each.same_images(first) and each.same_regions(first)]
            for several in kept
        ]
        if all(alike):
            return [several[0] for several in alike]
    return None


def evidence_of_runs(*runs: Run) -> list[Evidence]:
    """Return what each run did with the test images, under the maps and on the regions of the first one.

    It is what the runs kept. If they kept none such, it is measured on the regions that the first one's
    settings name, as these are now: the last epoch is scored again, and a finished run keeps what is found.
    """
    explainer = runs[0].config.explainer
    kept = kept_together(runs, explainer)
    if kept is not None:
        return kept
    regions = _regions_now(runs[0].config)
    found = [kept_evidence(run, explainer) or [_measured(run, runs[0], regions)] for run in runs]
    return _alike(found) or [_measured(run, runs[0], regions) for run in runs]


def evidence_of_run(run: Run, explained_as: Run) -> Evidence:
    """Return the same of one run, under the maps and on the regions of another one, or its own."""
    return evidence_of_runs(explained_as, run)[1]


def _regions_now(config: Config) -> str:
    from model_guidance.runs.setup import scored_images, split_of  # noqa: PLC0415  (seconds, see below)

    return scored_images(config, split_of(config, "test")).regions_identity


def _measured(run: Run, explained_as: Run, regions: str) -> Evidence:
    """Return what a run kept on the `regions` of another one, or what it does there when scored again."""
    asked = explained_as.config
    kept = kept_evidence(run, asked.explainer)
    found = next((each for each in kept if each.regions == regions), None)
    if found is not None:
        return found
    if kept:
        say(f"{run.folder}: is scored again, with the regions that {explained_as.folder} has now")
    from model_guidance.runs.evaluate import score_run  # noqa: PLC0415  (seconds; most runs kept theirs)

    marked = {name: getattr(asked, name) for name in ("annotations", "regions", "outside")}
    beside = replace(run, config=replace(run.config, **marked))
    scored = score_run(beside, "last", "test", asked.own_method, asked.layer).evidence
    if scored is None:
        raise UserError(f"{run.folder}: there is no test image, so nothing can be judged")
    found = replace(scored, regions=regions)  # at another size their hash is another one
    if run.result is not None:
        own = run.config.explainer == asked.explainer and not kept
        _keep(run, found, EVIDENCE if own else other_evidence(asked.explainer, regions if kept else ""))
    return found


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
    ours, theirs = evidence_of_runs(run, start)
    return repair([ours], [theirs])


def judge_beyond(run: Run, control: Run) -> Beyond:
    """Return what a run does better than a control, which was guided by random regions.

    Raises `UserError` if the control's regions are not random, or if the two cannot be compared.
    """
    config = control.config
    if not config.uses_regions or config.regions != "random":
        guided = f"guided by {config.regions}" if config.uses_regions else "not guided"
        raise UserError(f"--control {control.folder}: this run was {guided}: give one with --regions random")
    _check_classes(run, control)
    ours, theirs = evidence_of_runs(run, control)
    return beyond([ours], [theirs])


def _check_classes(run: Run, other: Run) -> None:
    if other.classes != run.classes:
        raise UserError(f"{other.folder} and {run.folder} have other classes, so they cannot be compared")
