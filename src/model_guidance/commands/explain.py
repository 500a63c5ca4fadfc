"""Heat maps of several runs for the same images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from model_guidance.attribution import explain, tap_for
from model_guidance.data import SplitDataset
from model_guidance.data.photos import open_image
from model_guidance.errors import UserError
from model_guidance.metrics import energy_pointing_game
from model_guidance.models import build
from model_guidance.report.figures.heatmaps import Panel, Row, heatmap_sheet
from model_guidance.runs.folder import Run
from model_guidance.runs.setup import split_of
from model_guidance.types import Pairs


@dataclass(frozen=True)
class Subject:
    """An image to explain, with the class and its region where they are known."""

    name: str
    image: UInt8[Tensor, "3 height width"]
    label: int | None = None
    region: Bool[Tensor, "height width"] | None = None

    @property
    def frame(self) -> Bool[np.ndarray, "height width"] | None:
        """The region as an array, to be drawn."""
        return None if self.region is None else self.region.numpy()


def explain_runs(
    runs: Sequence[Run],
    *,
    images: Sequence[str] = (),
    split: str = "test",
    count: int = 8,
    seed: int = 0,
    class_name: str | None = None,
    checkpoint: str = "best",
    method: str | None = None,
    layer: str | None = None,
) -> Figure:
    """Return one sheet with a column per run.

    Explained is `class_name`, else the annotated class of the image, else the class that the run predicts.
    Raises `UserError` for runs with other classes than the first, and for whatever cannot be read.
    """
    first = runs[0]
    for run in runs:
        if run.classes != first.classes:
            raise UserError(f"{run.folder}: its classes are not those of {first.folder}")
    chosen = _class_index(class_name, first.classes)
    subjects = _files(images, first) if images else _of_data_set(first, split, count, seed)
    columns = [
        _panels(
            run,
            subjects,
            chosen,
            run.checkpoint(checkpoint),
            method or run.config.attribution,
            layer or run.config.layer,
        )
        for run in runs
    ]
    rows = [
        Row(subject.image.permute(1, 2, 0).numpy(), subject.name, subject.frame, panels)
        for subject, panels in zip(subjects, zip(*columns, strict=True), strict=True)
    ]
    return heatmap_sheet(rows, [run.folder.name for run in runs])


def _class_index(name: str | None, classes: Sequence[str]) -> int | None:
    if name is not None and name not in classes:
        raise UserError(f"--class {name}: the run knows only {', '.join(classes)}")
    return None if name is None else classes.index(name)


def _files(paths: Sequence[str], run: Run) -> list[Subject]:
    size = (run.config.size, run.config.size)
    pictures = [open_image(Path(path)).resize(size, resample=Image.Resampling.BILINEAR) for path in paths]
    tensors = [torch.from_numpy(np.array(picture)).permute(2, 0, 1) for picture in pictures]
    return [Subject(Path(p).name, image) for p, image in zip(paths, tensors, strict=True)]


def _of_data_set(run: Run, split: str, count: int, seed: int) -> list[Subject]:
    data = split_of(run.config, split)
    dataset, subjects = SplitDataset(data), []
    for index in np.random.default_rng(seed).permutation(len(data))[:count].tolist():
        example = dataset[index]
        label, region = example.regions[0] if example.regions else (None, None)
        name = data.groups[example.group] if example.group >= 0 else Path(data.names[index]).stem
        subjects.append(Subject(name, example.image, label, region))
    return subjects


def _panels(
    run: Run,
    subjects: Sequence[Subject],
    chosen: int | None,
    checkpoint: Path,
    method: str,
    layer: str,
) -> list[Panel]:
    model = build(run.config.backbone, len(run.classes), checkpoint).eval()
    panels = []
    for subject in subjects:
        images = subject.image.unsqueeze(0) / 255
        forward = tap_for(method, model, images, layer, attached=False)
        known = subject.label if chosen is None else chosen
        label = int(forward.logits.argmax()) if known is None else known
        pairs = Pairs(torch.tensor([0]), torch.tensor([label]), distinct=True)
        maps = explain(model, forward, pairs, method, create_graph=False)
        caption = f"{run.classes[label]} {100 * float(forward.logits[0, label].detach().sigmoid()):.0f} %"
        if subject.region is not None and label == subject.label:
            caption += f", EPG {100 * float(energy_pointing_game(maps, subject.region.unsqueeze(0))):.0f} %"
        panels.append(Panel(maps[0].numpy(), caption))
    return panels
