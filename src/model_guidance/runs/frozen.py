"""Runs whose first layers are frozen: their features are computed once, kept in the cache, and trained on."""

import hashlib
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from model_guidance.data import SplitDataset, loader
from model_guidance.data.cache.features import Features, Part, cached_features
from model_guidance.data.composites import Composites
from model_guidance.data.loading import EpochSampler, some_of
from model_guidance.metrics.evaluate import SIDES, Altered, altered_pixels, chosen_of
from model_guidance.metrics.reliance import FILLERS, needed, sample
from model_guidance.models import AfterLayer
from model_guidance.models.backbone import Backbone
from model_guidance.models.layers import find_layer
from model_guidance.progress import steps
from model_guidance.training.config import Config
from model_guidance.types import Batch, unit_range

FORMAT = 1
CONDITIONS = tuple(product(SIDES, FILLERS))
TYPES: dict[str, np.dtype[Any]] = {"16": np.dtype(np.float16), "32": np.dtype(np.float32)}


def after_frozen(model: Backbone, config: Config) -> AfterLayer:
    """Return the network after the layer that `config.frozen` names, frozen up to there."""
    image = torch.rand(1, 3, config.size, config.size, generator=torch.Generator().manual_seed(0))
    return AfterLayer(model, find_layer(model, str(config.frozen), image), image)


class FrozenPart:
    """Computes the features of a run's images, and keeps them beside the images of their split.

    They depend on the frozen weights, the layer and the pixels, and not on what is trained: runs share them.
    """

    def __init__(self, after: AfterLayer, config: Config, folder_name: str):
        self.after, self.config, self.folder_name = after, config, folder_name

    def of_views(self, dataset: SplitDataset | Composites, title: str) -> list[Features]:
        """Return the features of a data set's images: a list of those of each view."""
        images = dataset.dataset if isinstance(dataset, Composites) else dataset
        return [
            self._kept(
                images.split.folder,
                f"{dataset.pixels} {len(dataset)} {view}",
                len(dataset),
                self._view(dataset, view),
                f"{title}, view {view + 1}",
            )
            for view in range(images.views or 1)
        ]

    def altered(self, batches: DataLoader[Any], title: str) -> Altered:
        """Return what gives the features of a batch's images with their pixels replaced.

        `batches` are those of the images: what another image lends to one depends on them. However many
        processes share them, the features are of all.
        """
        dataset = cast(SplitDataset, batches.dataset)
        some = sample(dataset.annotated, self.config.reliance_images)
        what = f"replaced {dataset.settings} {batches.batch_size} {some if some is None else int(some.sum())}"
        count = len(CONDITIONS) * int(dataset.annotated.sum() if some is None else some.sum())

        @cache
        def features() -> Features:
            parts = self._altered(dataset, batches.batch_size or 1, some)
            return self._kept(dataset.split.folder, what, count, parts, f"{title} with replaced pixels")

        def of(batch: Batch, chosen: Tensor, side: str, filler: str) -> Tensor:
            first, kept = CONDITIONS.index((side, filler)) * len(dataset), features()
            rows = np.stack([kept[first + index] for index in batch.index[chosen].tolist()])
            return torch.from_numpy(rows).to(batch.labels.device, torch.get_default_dtype())

        return of

    def _view(self, dataset: SplitDataset | Composites, view: int) -> Iterator[Part]:
        size = self.config.evaluation_batch or self.config.batch
        batches = loader(dataset, size, workers=self.config.workers)
        cast(EpochSampler, batches.sampler).set_epoch(view)
        for batch in batches:
            yield batch.index.numpy(), self._of(unit_range(batch.images))

    def _altered(self, dataset: SplitDataset, size: int, some: Tensor | None) -> Iterator[Part]:
        """Yield the features in all conditions; those of the n-th are as many splits further on."""
        batches = loader(dataset, size, True, workers=self.config.workers, evaluation=True)
        if some is not None:
            batches = some_of(batches, lambda index: needed(some[index]))
        for batch in batches:
            chosen = chosen_of(batch, some)
            index = batch.index[chosen].numpy()
            for number, (side, filler) in enumerate(CONDITIONS):
                if len(index) and not (filler == "swap" and len(batch.images) == 1):
                    rows = self._of(altered_pixels(batch, chosen, side, filler))
                    yield number * len(dataset) + index, rows

    def _of(self, images: Tensor) -> np.ndarray:
        return self.after.features(images.to(self.after.image.device)).float().cpu().numpy()

    def _kept(self, folder: Path, what: str, count: int, parts: Iterable[Part], title: str) -> Features:
        """Return features that depend on `what` besides the frozen part, computed if need be."""

        def shown() -> Iterator[Part]:
            with steps(f"{self.folder_name}: features of {title}", count) as bar:
                for index, rows in parts:
                    yield index, rows
                    bar.advance(steps=len(index))

        name = hashlib.blake2b(f"{self._key} {what}".encode(), digest_size=8).hexdigest()
        home = folder / f"features-{name}"
        return cached_features(home, self._shape, TYPES[self.config.feature_precision], count, shown)

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
