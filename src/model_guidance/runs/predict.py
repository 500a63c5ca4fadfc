"""What a run says of photos, batch by batch: read and resized as in training."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from model_guidance.attribution import capture
from model_guidance.data.photos import oriented, read_photo
from model_guidance.data.resizing import Placement, Resizing
from model_guidance.errors import UserError
from model_guidance.files import is_there
from model_guidance.metrics.catalogue import main_score
from model_guidance.metrics.decisions import decided
from model_guidance.models.layers import find_layer
from model_guidance.runs.checkpoints import load_model
from model_guidance.runs.devices import fabric_here
from model_guidance.runs.folder import HISTORY, Run
from model_guidance.runs.history import read_history
from model_guidance.training.classification import probabilities_of
from model_guidance.training.config import Config
from model_guidance.types import Pairs, unit_range


@dataclass(frozen=True)
class Prediction:
    """What a run says of one image.

    `scores` are the probabilities of all classes, `predicted` those that it decides for. `maps` are raw
    signed maps of classes, which cover the whole image (zeros where it was cut); none unless they were asked
    for. `remarks` say how the image was read, where that is not obvious.
    """

    image: Path
    scores: list[float]
    predicted: list[int]
    maps: Mapping[int, Float[np.ndarray, "rows columns"]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unread:
    """An image that could not be read, and the sentence that says why."""

    image: Path
    reason: str


@dataclass(frozen=True)
class Asked:
    """How images are predicted: by which checkpoint, on what, and with which maps.

    With `maps`, each image is explained: its predicted classes, or the class `class_index`, by `method` at
    `layer` where they are not to be the run's own. What is not given is the run's.
    """

    checkpoint: str = "best"
    maps: bool = False
    class_index: int | None = None
    method: str | None = None
    layer: str | None = None
    accelerator: str = "auto"
    evaluation_batch: int | None = None
    workers: int | None = None

    def of(self, config: Config) -> Config:
        """Return a run's settings with what is asked for; raises `UserError` for what is out of range."""
        explained = config.explained_by(self.method or config.method, self.layer or config.layer)
        batch = config.evaluation_batch if self.evaluation_batch is None else self.evaluation_batch
        return replace(
            explained,
            evaluation_batch=batch,
            workers=config.workers if self.workers is None else self.workers,
        )


def exclusive(run: Run) -> bool:
    """Return whether each image of a run's data has exactly one class; True where no score tells it yet."""
    if run.result is not None:
        scores = run.result.best.scores
    else:
        scores = read_history(run.folder)[0] if is_there(run.folder / HISTORY) else {}
    return main_score(False) not in scores


def predictions(run: Run, images: Sequence[Path], asked: Asked) -> Iterator[Prediction | Unread]:
    """Yield what a run says of each image, in order; no more than a few batches are in memory.

    Raises `UserError`, before the first image, if there is no such checkpoint, layer, method or device.
    """
    config = asked.of(run.config)
    device = fabric_here(config, asked.accelerator).device
    model = load_model(run, asked.checkpoint).eval().to(device)
    predictor = _Predictor(model, config, exclusive(run), asked, device)
    photos = DataLoader(
        _Photos(images, config.resizing, config.orientation),
        config.evaluation_batch or config.batch,
        num_workers=config.workers,
        collate_fn=list,
    )
    return (each for items in photos for each in predictor.of(items))


@dataclass(frozen=True)
class _Photo:
    path: Path
    pixels: UInt8[Tensor, "3 height width"]
    place: Placement
    remarks: tuple[str, ...]


class _Photos(Dataset[_Photo | Unread]):
    def __init__(self, images: Sequence[Path], resizing: Resizing, orientation: str):
        self.images, self.resizing, self.orientation = images, resizing, orientation

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> _Photo | Unread:
        path = self.images[index]
        try:
            with oriented(self.orientation):
                image, remarks = read_photo(path)
        except UserError as error:
            return Unread(path, str(error))
        pixels = torch.from_numpy(self.resizing.pixels(image).copy()).permute(2, 0, 1)
        return _Photo(path, pixels, self.resizing.placement((image.height, image.width)), remarks)


@dataclass(frozen=True)
class _Predictor:
    model: nn.Module
    config: Config
    one_of_many: bool
    asked: Asked
    device: torch.device

    def of(self, items: Sequence[_Photo | Unread]) -> Iterator[Prediction | Unread]:
        """Yield what is said of each of a batch, in order."""
        photos = [each for each in items if isinstance(each, _Photo)]
        said = self._said(photos) if photos else iter(())
        return (next(said) if isinstance(each, _Photo) else each for each in items)

    def _said(self, photos: Sequence[_Photo]) -> Iterator[Prediction]:
        inputs = unit_range(torch.stack([each.pixels for each in photos]).to(self.device))
        if self.asked.maps:
            logits, classes, maps = self._explained(inputs)
        else:
            with torch.no_grad():
                logits = self.model(inputs).cpu()
            classes, maps = [[]] * len(photos), iter(())
        scores = probabilities_of(logits, self.config.classification).tolist()
        found = decided(logits, self.one_of_many)
        for photo, own, predicted, explained in zip(photos, scores, found, classes, strict=True):
            of_classes = {label: photo.place.back(next(maps)) for label in explained}
            yield Prediction(photo.path, own, _numbers(predicted), of_classes, photo.remarks)

    def _explained(self, inputs: Tensor) -> tuple[Tensor, list[list[int]], Iterator[np.ndarray]]:
        """Return the logits, the classes that are explained of each image, and all their maps."""
        config, layer = self.config, find_layer(self.model, self.config.layer, inputs)
        explanation = capture(self.model, inputs, config.own_method, layer, layout=config.layout)
        logits = explanation.logits.detach().cpu()
        classes = [self._classes(each) for each in logits]
        owners = [image for image, each in enumerate(classes) for _ in each]
        pairs = Pairs(torch.tensor(owners), torch.tensor([label for each in classes for label in each]))
        maps = explanation.maps(pairs.to(self.device)).detach().cpu().numpy()
        return logits, classes, iter(maps)

    def _classes(self, logits: Float[Tensor, "classes"]) -> list[int]:
        """Return the classes to explain: the one asked for, the predicted ones, or else the nearest to it."""
        if self.asked.class_index is not None:
            return [self.asked.class_index]
        return _numbers(decided(logits[None], self.one_of_many)[0]) or [int(logits.argmax())]


def _numbers(found: Bool[Tensor, "classes"]) -> list[int]:
    return found.nonzero().flatten().tolist()
