"""Images with the maps of several runs beside them, and whether each run is right."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from model_guidance.attribution import attribute
from model_guidance.data import SplitDataset
from model_guidance.data.photos import open_image
from model_guidance.data.regions import Region
from model_guidance.data.resizing import Resizing
from model_guidance.errors import UserError
from model_guidance.metrics import energy_pointing_game
from model_guidance.metrics.decisions import decided
from model_guidance.report.figures.heatmaps import Panel, Row
from model_guidance.runs.checkpoints import load_model
from model_guidance.runs.folder import Run
from model_guidance.runs.predict import exclusive
from model_guidance.runs.setup import source_of, split_of
from model_guidance.runs.unchanged import check_unchanged
from model_guidance.training.classification import probabilities_of
from model_guidance.training.config import Config
from model_guidance.types import unit_range

HARDLY = 0.01  # share of |A| from which on the positive part is worth a score
MARKS = {True: "✓ ", False: "✗ ", None: ""}


@dataclass(frozen=True)
class Choice:
    """Which maps are drawn of which images.

    `images` are files; without any, `count` images of the `split` are drawn at random, by `seed`. `method`
    and `layer` may be others than the runs'. `class_name` is the class to explain.
    """

    images: Sequence[str] = ()
    split: str = "test"
    count: int = 8
    seed: int = 0
    class_name: str | None = None
    checkpoint: str = "best"
    method: str | None = None
    layer: str | None = None

    def of(self, config: Config) -> Config:
        """Return a run's settings with the method and the layer that are to explain it."""
        return config.explained_by(self.method or config.method, self.layer or config.layer)


def explained(runs: Sequence[Run], choice: Choice) -> list[Row]:
    """Return a row per image with a map of each run, all of one class.

    That is `class_name`, else an annotated class, else a true one (a file lies in a folder with the name of
    a class), else what the first run predicts. Raises `UserError` for runs whose classes are not those of
    the first one and of the data, and for whatever cannot be read.
    """
    _check(runs, choice)
    classes = runs[0].classes
    wanted = None if choice.class_name is None else classes.index(choice.class_name)
    models = [_Model.of(run, choice) for run in runs]
    subjects = _of_files(runs[0], choice) if choice.images else _of_data_set(runs, choice)
    one_scale = len({(run.config.backbone, choice.of(run.config).explainer) for run in runs}) == 1
    return [_row(subject, models, wanted, one_scale) for subject in subjects]


def _check(runs: Sequence[Run], choice: Choice) -> None:
    classes = runs[0].classes
    for run in runs:
        if run.classes != classes:
            raise UserError(f"{run.folder}: its classes are not those of {runs[0].folder}")
    if choice.class_name is not None and choice.class_name not in classes:
        raise UserError(f"--class {choice.class_name}: the run knows only {', '.join(classes)}")
    for name, lowest in {"count": 1, "seed": 0}.items():
        if getattr(choice, name) < lowest:
            raise UserError(f"--{name} {getattr(choice, name)}: at least {lowest} is needed")


@dataclass(frozen=True)
class _Subject:
    """An image to explain; `truth` are its classes, None where nobody knows.

    `regions` has one for each class that has one, for each way in which the runs resize images. With
    `exclusive` classes an image has exactly one.
    """

    name: str
    image: Image.Image
    truth: frozenset[int] | None = None
    regions: Mapping[Resizing, Mapping[int, Region]] = field(default_factory=dict)
    exclusive: bool = True

    def pixels(self, resizing: Resizing) -> Float[Tensor, "1 3 height width"]:
        """Return the image as a network was trained to see it, in [0, 1]."""
        return unit_range(torch.from_numpy(resizing.pixels(self.image).copy()).permute(2, 0, 1).unsqueeze(0))

    def back(self, seen: Tensor, resizing: Resizing) -> np.ndarray:
        """Return what covers the whole image of a map or mask of what a network sees."""
        return resizing.placement((self.image.height, self.image.width)).back(seen.numpy())

    def region(self, label: int, resizing: Resizing) -> Region | None:
        """Return where the evidence for a class lies in what a network sees, or what must not be used."""
        return self.regions.get(resizing, {}).get(label)

    def known(self) -> int | None:
        """Return a class that the image has, with a region if there is one; None where nobody knows."""
        marked = [label for masks in self.regions.values() for label in masks]
        return next(iter([*marked, *sorted(self.truth or ())]), None)


def _of_files(run: Run, choice: Choice) -> Iterator[_Subject]:
    one_of_many = exclusive(run)
    for path in map(Path, choice.images):
        folder = path.resolve().parent.name
        truth = frozenset([run.classes.index(folder)]) if folder in run.classes else None
        yield _Subject(path.name, open_image(path, run.config.orientation), truth, exclusive=one_of_many)


def _of_data_set(runs: Sequence[Run], choice: Choice) -> Iterator[_Subject]:
    run, source = runs[0], source_of(runs[0].config, choice.split)
    ways = {
        each.config.resizing: replace(run.config, size=each.config.size, resize=each.config.resize)
        for each in runs
    }
    splits = {way: split_of(config, choice.split) for way, config in ways.items()}
    datasets = {way: SplitDataset(split) for way, split in splits.items()}
    data = splits[run.config.resizing]
    check_unchanged(run, {choice.split: data})
    for index in np.random.default_rng(choice.seed).permutation(len(data))[: choice.count].tolist():
        items = {way: dataset[index] for way, dataset in datasets.items()}
        number = int(data.group[index])
        yield _Subject(
            "\n".join([Path(data.names[index]).name, *([data.groups[number]] if number >= 0 else [])]),
            source.read(index).image,
            frozenset(np.flatnonzero(data.labels[index]).tolist()),
            {way: {each.label: each for each in item.regions} for way, item in items.items()},
            data.exclusive,
        )


@dataclass(frozen=True)
class _Model:
    """A network that is ready to explain itself."""

    network: nn.Module
    run: Run
    config: Config

    @classmethod
    def of(cls, run: Run, choice: Choice) -> "_Model":
        return cls(load_model(run, choice.checkpoint).eval(), run, choice.of(run.config))

    def logits(self, subject: _Subject) -> Float[Tensor, "1 classes"]:
        with torch.no_grad():
            return self.network(subject.pixels(self.config.resizing))

    def panel(self, subject: _Subject, label: int) -> Panel:
        by, seen = self.config, self.config.resizing
        pixels = subject.pixels(seen)
        maps = attribute(self.network, pixels, [label], by.own_method, by.layer, layout=by.layout).detach()
        right, caption = _decision(subject, label, self.logits(subject), self.run)
        region = subject.region(label, seen)
        if region is not None:
            caption += f"\n{_share(maps, region)}"
        return Panel(subject.back(maps[0], seen), caption, right)


def _row(subject: _Subject, models: Sequence[_Model], wanted: int | None, one_scale: bool) -> Row:
    label = subject.known() if wanted is None else wanted
    if label is None:
        label = int(models[0].logits(subject).argmax())
    classes, seen = models[0].run.classes, models[0].config.resizing
    region = subject.region(label, seen)
    title = subject.name
    if subject.truth is not None:
        title += f"\ntrue: {', '.join(classes[each] for each in sorted(subject.truth)) or 'no class'}"
    return Row(
        np.asarray(subject.image),
        f"{title}\nmaps: why {classes[label]}?",
        None if region is None else subject.back(region.mask if region.valid is None else region.valid, seen),
        [model.panel(subject, label) for model in models],
        one_scale,
        banned=region is not None and region.valid is not None,
    )


def _decision(
    subject: _Subject, label: int, logits: Float[Tensor, "1 classes"], run: Run
) -> tuple[bool | None, str]:
    """Return whether the decision is right, if that is known, and say what it is.

    One of several exclusive classes is decided for; of others, and of a single one, whether the image has
    the explained class.
    """
    one_of_many = subject.exclusive and len(run.classes) > 1
    found = decided(logits, subject.exclusive)[0].nonzero().flatten().tolist()
    predicted = found[0] if one_of_many else label
    probabilities = probabilities_of(logits, run.config.classification)[0]
    right = None if subject.truth is None else (predicted in found) == (predicted in subject.truth)
    said = [f"{run.classes[each]} {100 * float(probabilities[each]):.0f} %" for each in (predicted, label)]
    return right, MARKS[right] + ", ".join(dict.fromkeys(said))


def _share(maps: Float[Tensor, "1 height width"], region: Region) -> str:
    """Say how much of the positive part lies in the region, or not in what must not be used.

    Where there is hardly any, that is what is said.
    """
    if float(maps.clamp(min=0).sum()) < HARDLY * float(maps.abs().sum()):
        return "EPG –: hardly anything speaks for it"
    return f"EPG {100 * float(energy_pointing_game(maps, region.mask[None])):.0f} %"
