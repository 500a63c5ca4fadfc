"""What stands beside the images of each training batch: composites, or some of the annotated images again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from torch.utils.data import Dataset

from model_guidance.data.augmentation import seed_of
from model_guidance.data.composites import Composites
from model_guidance.data.dataset import Item, SplitDataset
from model_guidance.errors import UserError


class AnnotatedImages(Dataset[Item]):
    """The annotated images of `dataset`, over and over, each time in another order, only to be guided.

    Their classification loss does not count: where few images are annotated they would count too much. Item
    (epoch, number) depends on the seed, the epoch and the number alone. Raises `UserError` if none of the
    images is annotated.
    """

    def __init__(self, dataset: SplitDataset):
        self.dataset, self.annotated = dataset, np.flatnonzero(dataset.annotated)
        if not len(self.annotated):
            raise UserError("--annotated_batch: no training image has a region; mark about 25 of them")

    def __len__(self) -> int:
        return len(self.annotated)

    def __getitem__(self, key: tuple[int, int]) -> Item:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[tuple[int, int]]) -> list[Item]:
        """Return several items at once, which is cheaper."""
        drawn = [(epoch, self._drawn(epoch, number)) for epoch, number in keys]
        return [replace(item, weight=0.0) for item in self.dataset.__getitems__(drawn)]

    def _drawn(self, epoch: int, number: int) -> int:
        """Return the position in the split of the image that an item is of."""
        turn, place = divmod(number, len(self.annotated))
        order = np.random.default_rng(seed_of(self.dataset.seed, epoch, turn, 3)).permutation(self.annotated)
        return int(order[place])


@dataclass(frozen=True)
class Beside:
    """Items that stand beside the images of a batch: `share` as many as they are, at least one.

    They are asked for by (epoch, number).
    """

    items: Composites | AnnotatedImages
    share: float

    def count(self, images: int) -> int:
        """Return how many belong beside so many images."""
        return max(1, round(self.share * images))


class Mixed(Dataset[Item]):
    """`images`, asked for by (epoch, index, 0), and what is `beside` them, by (epoch, number, 1) and up."""

    def __init__(self, images: SplitDataset, beside: Sequence[Beside]):
        self.images, self.beside = images, beside

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, key: tuple[int, int, int]) -> Item:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[tuple[int, int, int]]) -> list[Item]:
        """Return several items at once: those of each source together, in the order of the keys."""
        own: dict[int, list[tuple[int, int]]] = {}
        for epoch, number, source in keys:
            own.setdefault(source, []).append((epoch, number))
        found = {source: iter(self._of(source).__getitems__(some)) for source, some in own.items()}
        return [next(found[source]) for *_, source in keys]

    def _of(self, source: int) -> SplitDataset | Composites | AnnotatedImages:
        return self.beside[source - 1].items if source else self.images

    def joint(self, images: int) -> int:
        """Return how large a batch of so many images becomes."""
        return images + sum(each.count(images) for each in self.beside)

    def keys(
        self, epoch: int, images: Sequence[int], batch: int, shard: tuple[int, int]
    ) -> Iterator[tuple[int, int, int]]:
        """Yield the keys of one process's part of an epoch, batch by batch.

        What is beside the images is dealt out to the processes one by one as these are: all processes
        together draw the same as one does with their joint batches.
        """
        rank, processes = shard
        numbers = [count(rank, processes) for _ in self.beside]
        for start in range(0, len(images), batch):
            part = images[start : start + batch]
            yield from ((epoch, index, 0) for index in part)
            for source, (each, number) in enumerate(zip(self.beside, numbers, strict=True), start=1):
                yield from ((epoch, next(number), source) for _ in range(each.count(len(part))))
