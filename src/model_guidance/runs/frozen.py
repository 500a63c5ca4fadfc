"""Runs whose first layers are frozen: their features are computed once, kept in the cache, and trained on."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from model_guidance.data import SplitDataset, loader
from model_guidance.data.cache.features import Features, Part, cached_features, check_space, row_bytes
from model_guidance.data.composites import Composites
from model_guidance.data.loading import EpochSampler, some_of
from model_guidance.errors import UserError
from model_guidance.metrics.evaluate import SIDES, Altered, altered_pixels, chosen_of
from model_guidance.metrics.reliance import FILLERS, needed, sample
from model_guidance.models import AfterLayer
from model_guidance.models.backbone import Backbone
from model_guidance.models.layers import find_layer
from model_guidance.progress import say, steps
from model_guidance.training.config import Config
from model_guidance.types import Batch, unit_range

FORMAT = 1
AT_ONCE = 8  # images on a CPU: what layers put out for more is slower than computing it
CONDITIONS = tuple(product(SIDES, FILLERS))
TYPES: dict[str, np.dtype[Any]] = {"16": np.dtype(np.float16), "32": np.dtype(np.float32)}


def after_frozen(model: Backbone, config: Config) -> AfterLayer:
    """Return the network after the layer that `config.frozen` names, frozen up to there.

    Raises `UserError` for a layer that is none, and for a network that does not take images of that size.
    """
    image = torch.rand(1, 3, *config.resizing.size, generator=torch.Generator().manual_seed(0))
    try:
        return AfterLayer(model, find_layer(model, str(config.frozen), image), image)
    except UserError as error:
        options = f"--backbone {config.backbone} with --size {config.size} and --frozen {config.frozen}"
        raise UserError(f"{options}: {error}") from error


@dataclass(frozen=True)
class Wanted:
    """Features of at most `count` images, which belong in the folder `home`; `parts()` computes them."""

    home: Path
    count: int
    title: str
    parts: Callable[[], Iterable[Part]]


class FrozenPart:
    """Computes the features of a run's images, and keeps them beside the images of their split.

    They depend on the frozen weights, the layer and the pixels, those of composites and of replaced pixels on
    the regions too, and not on what is trained: runs share them.
    Nothing is said of it if `quiet`.
    """

    def __init__(self, after: AfterLayer, config: Config, folder_name: str, quiet: bool = False):
        self.after, self.config, self.folder_name, self.quiet = after, config, folder_name, quiet

    def views(self, dataset: SplitDataset | Composites, title: str) -> list[Wanted]:
        """Return what is wanted of a data set's images: the features of each view."""
        images = dataset.dataset if isinstance(dataset, Composites) else dataset
        views = images.views or 1
        return [
            self._wanted(
                images.split.folder,
                f"{dataset.pixels} {len(dataset)} {view}",
                len(dataset),
                f"{title}, view {view + 1} of {views}" if views > 1 else title,
                partial(self._view, dataset, view),
            )
            for view in range(views)
        ]

    def replaced(self, batches: DataLoader[Any], title: str) -> list[Wanted]:
        """Return what is wanted of the images of batches with their pixels replaced: those of all conditions.

        What another image lends to one depends on the batches. However many processes share them, the
        features are of all. Nothing is wanted where no image has a region.
        """
        dataset, size = cast(SplitDataset, batches.dataset), batches.batch_size or 1
        some = sample(dataset.annotated, self.config.reliance_images)
        chosen = torch.from_numpy(dataset.annotated) if some is None else some
        count = len(CONDITIONS) * int(chosen.sum())
        what = f"replaced {dataset.regions_identity} {size} {count}"
        parts = partial(self._altered, dataset, size, chosen)
        named = f"{title} with replaced pixels"
        return [self._wanted(dataset.split.folder, what, count, named, parts)] if count else []

    def kept(self, wanted: Mapping[str, Sequence[Wanted]]) -> dict[str, list[Features]]:
        """Return all features that are wanted, under the same names; what is not there is computed."""
        started, missing = perf_counter(), self._missing(wanted)
        total, done = sum(each.count for each in missing), 0
        found: dict[str, list[Features]] = {}
        for name, several in wanted.items():
            found[name] = []
            for each in several:
                found[name].append(self._computed(each, total, done))
                done += each.count * (each in missing)
        if not self.quiet and wanted:
            say(f"{self.folder_name}: {self._said(missing, perf_counter() - started)}")
        return found

    def check(self, wanted: Mapping[str, Sequence[Wanted]]) -> None:
        """Raise `UserError` if the features that are not there do not fit the disk, all of them together."""
        missing = self._missing(wanted)
        if missing:
            needed = sum(each.count for each in missing) * row_bytes(self._shape, self._type)
            check_space(missing[0].home.parent, needed)

    def altered(self, batches: DataLoader[Any], features: Features) -> Altered:
        """Return what gives the features of a batch's images with their pixels replaced."""
        images = len(cast(SplitDataset, batches.dataset))

        def of(batch: Batch, chosen: Tensor, side: str, filler: str) -> Tensor:
            first = CONDITIONS.index((side, filler)) * images
            rows = np.stack([features[first + index] for index in batch.index[chosen].tolist()])
            return torch.from_numpy(rows).to(batch.labels.device, torch.get_default_dtype())

        return of

    def _wanted(
        self, folder: Path, what: str, count: int, title: str, parts: Callable[[], Iterable[Part]]
    ) -> Wanted:
        """Return what is wanted in a folder that is named after all that the features depend on."""
        name = hashlib.blake2b(f"{self._key} {what}".encode(), digest_size=8).hexdigest()
        return Wanted(folder / f"features-{name}", count, title, parts)

    def _missing(self, wanted: Mapping[str, Sequence[Wanted]]) -> list[Wanted]:
        return [each for several in wanted.values() for each in several if not each.home.exists()]

    def _computed(self, each: Wanted, total: int, done: int) -> Features:
        def shown() -> Iterator[Part]:
            with steps(f"{self.folder_name}: features of {each.title}", max(total, each.count), done) as bar:
                for index, rows in each.parts():
                    yield index, rows
                    bar.advance(steps=len(index))

        return cached_features(each.home, self._shape, self._type, each.count, shown)

    def _said(self, missing: Sequence[Wanted], seconds: float) -> str:
        home = self.config.cache_folder
        if not missing:
            return f"features at {self.after.layer} are there already, in {home}"
        images = sum(each.count for each in missing)
        size = images * row_bytes(self._shape, self._type) / 1e9
        return (
            f"features of {images} images at {self.after.layer} took {seconds:.0f} seconds; "
            f"{size:.2f} GB of them are kept in {home} for further runs"
        )

    def _view(self, dataset: SplitDataset | Composites, view: int) -> Iterator[Part]:
        size = self.config.evaluation_batch or self.config.batch
        batches = loader(dataset, size, workers=self.config.workers)
        cast(EpochSampler, batches.sampler).set_epoch(view)
        for batch in batches:
            yield batch.index.numpy(), self._of(unit_range(batch.images))

    def _altered(self, dataset: SplitDataset, size: int, some: Tensor) -> Iterator[Part]:
        """Yield the features in all conditions; those of the n-th are as many splits further on."""
        whole = loader(dataset, size, True, workers=self.config.workers, evaluation=True)
        for batch in some_of(whole, lambda index: needed(some[index])):
            chosen = chosen_of(batch, some)
            index = batch.index[chosen].numpy()
            for number, (side, filler) in enumerate(CONDITIONS):
                if len(index) and not (filler == "swap" and len(batch.images) == 1):
                    rows = self._of(altered_pixels(batch, chosen, side, filler))
                    yield number * len(dataset) + index, rows

    def _of(self, images: Tensor) -> np.ndarray:
        device = self.after.image.device
        parts = torch.split(images, AT_ONCE if device.type == "cpu" else len(images))
        placed = (each.to(device).contiguous(memory_format=self._format) for each in parts)
        return np.concatenate([self.after.features(each).float().cpu().numpy() for each in placed])

    @cached_property
    def _format(self) -> torch.memory_format:
        """How images lie in memory: with channels last a CPU convolves faster, if the network bears it.

        Sums are rounded otherwise then, by less than float16 does; who asks for 32 bits wants the same bits.
        """
        if self.after.image.device.type != "cpu" or self.config.feature_precision == "32":
            return torch.contiguous_format
        try:
            self.after.features(self.after.image.contiguous(memory_format=torch.channels_last))
        except RuntimeError:  # a `view` of what is not contiguous
            return torch.contiguous_format
        return torch.channels_last

    @property
    def _type(self) -> np.dtype[Any]:
        return TYPES[self.config.feature_precision]

    @cached_property
    def _shape(self) -> tuple[int, ...]:
        return self._of(self.after.image).shape[1:]

    @cached_property
    def _key(self) -> str:
        """A hash of all that features of the same pixels depend on."""
        facts = (FORMAT, self.config.backbone, self.after.layer, self.config.feature_precision)
        found = hashlib.blake2b(repr(facts).encode(), digest_size=16)
        for name, value in sorted(self.after.frozen_state().items()):
            found.update(name.encode())
            found.update(value.detach().cpu().contiguous().numpy().tobytes())
        return found.hexdigest()
