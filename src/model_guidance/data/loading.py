"""Batches of a data set, in an order that its seed and the epoch decide."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from model_guidance.data.augmentation import mix
from model_guidance.data.dataset import ClassMask, Example, SplitDataset
from model_guidance.data.regions import stack
from model_guidance.types import Batch, Regions


class EpochSampler(Sampler[tuple[int, int]]):
    """Yields (epoch, index), so that a worker process knows the epoch whenever it was started.

    With `shuffle`, the order depends on `seed` and the epoch of `set_epoch` alone. `shard` is (rank, number
    of processes): each process gets its part of the same order; a shuffled order is filled up from its own
    start until all parts are equally long, an unshuffled one is not, so that nothing is evaluated twice.
    """

    def __init__(self, images: int, shuffle: bool, seed: int = 0, shard: tuple[int, int] = (0, 1)):
        self.images, self.shuffle, self.seed, self.shard = images, shuffle, seed, shard
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration, from 0."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        rank, processes = self.shard
        for index in self._order()[rank::processes]:
            yield self.epoch, index

    def __len__(self) -> int:
        rank, processes = self.shard
        return len(range(rank, len(self._order()), processes))

    def _order(self) -> list[int]:
        if not self.shuffle:
            return list(range(self.images))
        generator = torch.Generator().manual_seed(mix(self.seed, self.epoch))
        order = torch.randperm(self.images, generator=generator)
        filled = math.ceil(self.images / self.shard[1]) * self.shard[1]
        return order[torch.arange(filled) % self.images].tolist()


def loader(
    dataset: SplitDataset,
    batch_size: int,
    shuffle: bool = False,
    seed: int = 0,
    workers: int = 0,
    shard: tuple[int, int] = (0, 1),
) -> DataLoader[Any]:
    """Return a loader that yields `Batch`; call its `sampler.set_epoch(epoch)` before each epoch.

    The batches depend on `seed` and the epoch, not on `workers` (processes; 0 decodes in this one), and the
    global random state is left alone.
    """
    return DataLoader(
        dataset,
        batch_size,
        sampler=EpochSampler(len(dataset), shuffle, seed, shard),
        num_workers=workers,
        persistent_workers=workers > 0,
        collate_fn=collate,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator().manual_seed(seed),
    )


def collate(examples: Sequence[Example]) -> Batch:
    """Join examples into one batch."""
    return Batch(
        torch.stack([example.image for example in examples]),
        torch.stack([example.labels for example in examples]),
        _joined([example.regions for example in examples], examples[0].image.shape[-1]),
        _joined([example.objects for example in examples], examples[0].image.shape[-1]),
        torch.tensor([example.group for example in examples]),
        torch.tensor([example.index for example in examples]),
    )


def _joined(masks: Sequence[Sequence[ClassMask]], size: int) -> Regions:
    owned = [(image, label, mask) for image, each in enumerate(masks) for label, mask in each]
    return stack(owned, (size, size))
