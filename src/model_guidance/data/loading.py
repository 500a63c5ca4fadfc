"""Batches of a data set, in an order that its seed and the epoch decide."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from model_guidance.data.augmentation import seed_of
from model_guidance.data.composites import Composites
from model_guidance.data.dataset import Item, SplitDataset
from model_guidance.data.mixing import Mixed
from model_guidance.data.regions import Region, stack
from model_guidance.data.resizing import Size
from model_guidance.types import Batch, Regions


class EpochSampler(Sampler[tuple[int, ...]]):
    """Yields (epoch, index), so that a worker process knows the epoch whenever it was started.

    With `shuffle`, the order depends on `seed` and the epoch of `set_epoch` alone. `shard` is (rank, number
    of processes): each process gets its part of the same order. To train, images are dealt out one by one,
    and the order is filled up from its own start until all parts are equally long. To evaluate, `whole`
    batches of that many images are dealt out, the same as one process has, and none twice.
    """

    def __init__(
        self,
        images: int,
        shuffle: bool,
        seed: int = 0,
        shard: tuple[int, int] = (0, 1),
        whole: int | None = None,
    ):
        self.images, self.shuffle, self.seed, self.shard, self.whole = images, shuffle, seed, shard, whole
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration, from 0."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        return ((self.epoch, index) for index in self._part().tolist())

    def __len__(self) -> int:
        return len(self._part())

    def _part(self) -> Int[Tensor, "images"]:
        """Return this process's part of the order."""
        (rank, processes), order = self.shard, torch.arange(self.images)
        if self.shuffle:
            generator = torch.Generator().manual_seed(seed_of(self.seed, self.epoch))
            order = torch.randperm(self.images, generator=generator)
        if self.whole:
            return torch.cat([order[:0], *torch.split(order, self.whole)[rank::processes]])
        filled = math.ceil(self.images / processes) * processes
        return order[torch.arange(filled) % self.images][rank::processes]


class MixedSampler(EpochSampler):
    """Yields, after the images of each batch, what belongs beside them."""

    def __init__(self, dataset: Mixed, batch: int, shuffle: bool, seed: int, shard: tuple[int, int] = (0, 1)):
        super().__init__(len(dataset), shuffle, seed, shard)
        self.dataset, self.batch = dataset, batch

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        return self.dataset.keys(self.epoch, self._part().tolist(), self.batch, self.shard)

    def __len__(self) -> int:
        return sum(self.dataset.joint(len(each)) for each in torch.split(self._part(), self.batch))


def loader(
    dataset: SplitDataset | Composites | Mixed,
    batch_size: int,
    shuffle: bool = False,
    seed: int = 0,
    workers: int = 0,
    shard: tuple[int, int] = (0, 1),
    evaluation: bool = False,
    drop_last: bool = False,
) -> DataLoader[Any]:
    """Return a loader that yields `Batch`; call its `sampler.set_epoch(epoch)` before each epoch.

    The batches depend on `seed` and the epoch, not on `workers` (processes; 0 decodes in this one), and the
    global random state is left alone. `shard` is (rank, number of processes), see `EpochSampler`: for
    `evaluation` each process gets every n-th batch. `drop_last` leaves out a last batch that is not full.
    What is mixed in is loaded beside the `batch_size` images, at the end of each batch.
    """
    sampler = EpochSampler(len(dataset), shuffle, seed, shard, batch_size if evaluation else None)
    if isinstance(dataset, Mixed):
        sampler = MixedSampler(dataset, batch_size, shuffle, seed, shard)
        batch_size = dataset.joint(batch_size)
    return DataLoader(
        dataset,
        batch_size,
        sampler=sampler,
        num_workers=workers,
        drop_last=drop_last,
        persistent_workers=workers > 0,
        collate_fn=collate,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator().manual_seed(seed),
    )


def some_of(batches: DataLoader[Any], taken: Callable[[Int[Tensor, "batch"]], Tensor]) -> DataLoader[Any]:
    """Return a loader of the same batches, of one process, of each only the images that `taken` says.

    `taken` gets the positions in the split of the images of a batch, and returns which are loaded, as truth
    values; a batch of which none is taken is left out. The epoch is that of the sampler.
    """
    order = torch.tensor(list(cast(EpochSampler, batches.sampler)))
    found = (each[taken(each[:, 1])].tolist() for each in torch.split(order, batches.batch_size or 1))
    keys = [[tuple(key) for key in part] for part in found if part]
    return DataLoader(
        batches.dataset,
        batch_sampler=cast(Any, keys),
        num_workers=batches.num_workers,
        collate_fn=collate,
        pin_memory=batches.pin_memory,
        generator=batches.generator,
    )


def collate(items: Sequence[Item]) -> Batch:
    """Join items, one of the data set among them, into one batch."""
    return Batch(
        torch.stack([item.image for item in items]),
        torch.stack([item.labels for item in items]),
        _joined([item.regions for item in items], items[0].size),
        _joined([item.objects for item in items], items[0].size),
        torch.tensor([item.group for item in items]),
        torch.tensor([item.index for item in items]),
        _weights([item.weight for item in items]),
        items[0].image.dtype != torch.uint8,
    )


def _weights(weights: Sequence[float | None]) -> Float[Tensor, "batch"] | None:
    """Return what each image counts: the mean of the data set's images, plus a weighted one of the others."""
    own, others = weights.count(None), sum(weight is not None and weight > 0 for weight in weights)
    if own == len(weights):
        return None
    return torch.tensor([1 / own if weight is None else weight / max(others, 1) for weight in weights])


def _joined(regions: Sequence[Sequence[Region]], size: Size) -> Regions:
    owned = [(image, region) for image, each in enumerate(regions) for region in each]
    return stack(owned, size, len(regions))
