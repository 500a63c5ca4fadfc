"""Frozen records that travel between the stages: shapes, no logic."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor


@dataclass(frozen=True)
class Pairs:
    """(image, class) pairs of one batch, sorted by image.

    `images[p]` is the position in the batch and `classes[p]` the class of pair `p`.
    """

    images: Int[Tensor, "pairs"]
    classes: Int[Tensor, "pairs"]

    def __len__(self) -> int:
        return self.images.shape[0]

    def __getitem__(self, chosen: Tensor | slice) -> "Pairs":
        return Pairs(self.images[chosen], self.classes[chosen])

    def to(self, device: torch.device | str) -> "Pairs":
        """Return the same pairs on `device`."""
        return Pairs(self.images.to(device, non_blocking=True), self.classes.to(device, non_blocking=True))


@dataclass(frozen=True)
class Regions:
    """One binary mask for each annotated (image, class) pair of a batch: the union of its boxes or masks.

    Pairs without an annotation are absent, so a batch may have none; no mask is empty.
    """

    pairs: Pairs
    masks: Bool[Tensor, "pairs height width"]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, chosen: Tensor | slice) -> "Regions":
        return Regions(self.pairs[chosen], self.masks[chosen])

    def to(self, device: torch.device | str) -> "Regions":
        """Return the same regions on `device`."""
        return Regions(self.pairs.to(device), self.masks.to(device, non_blocking=True))

    def pin_memory(self) -> "Regions":
        """Return the same regions in page-locked memory; the pairs are small enough to travel as they are."""
        return Regions(self.pairs, self.masks.pin_memory())


@dataclass(frozen=True)
class Batch:
    """Some images of a data set with everything known about them.

    `images` are RGB, uint8 in [0, 255]; `labels` are 0 or 1; `regions` are what guidance may use (boxes,
    masks, ...); `objects` are segmentation masks where the data have them; `groups` is -1 where the data
    set has none; `index` is the position in the split.
    """

    images: UInt8[Tensor, "batch 3 height width"]
    labels: Float[Tensor, "batch classes"]
    regions: Regions
    objects: Regions
    groups: Int[Tensor, "batch"]
    index: Int[Tensor, "batch"]

    def to(self, device: torch.device | str, **_: object) -> "Batch":
        """Return the same batch on `device` (the protocol by which Lightning Fabric moves batches)."""
        moved = {name: getattr(self, name).to(device) for name in self.__dataclass_fields__}
        return Batch(**moved)

    def pin_memory(self) -> "Batch":
        """Return the same batch in page-locked memory (the protocol of torch's `DataLoader`)."""
        return Batch(
            self.images.pin_memory(),
            self.labels.pin_memory(),
            self.regions.pin_memory(),
            self.objects.pin_memory(),
            self.groups,
            self.index,
        )


@dataclass(frozen=True)
class Forward:
    """One forward pass whose features at one layer were kept for attribution; `size` is the images'.

    `features` is the tapped layer's output, the point with respect to which `logits` is differentiated;
    `resume` runs the rest of the network from other features of that shape and returns their logits.
    """

    logits: Float[Tensor, "batch classes"]
    features: Float[Tensor, "batch channels rows columns"]
    resume: Callable[[Tensor], Tensor]
    size: tuple[int, int]
