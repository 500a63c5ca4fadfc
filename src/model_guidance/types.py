"""Frozen records that travel between the stages: shapes, no logic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.utils.data._utils.collate import default_collate_fn_map

from model_guidance.errors import UserError


@dataclass(frozen=True)
class Pairs:
    """(image, class) pairs of one batch, sorted by image.

    `image_index[p]` is the position in the batch and `class_index[p]` the class of pair `p`. `distinct` says
    that no image has two pairs: who makes the pairs knows it, and a GPU would have to be waited for to find
    out.
    """

    image_index: Int[Tensor, "pairs"]
    class_index: Int[Tensor, "pairs"]
    distinct: bool = False

    def __len__(self) -> int:
        return self.image_index.shape[0]

    def __getitem__(self, selected: Tensor | slice) -> "Pairs":
        return Pairs(self.image_index[selected], self.class_index[selected], self.distinct)

    def of_image(self, values: Tensor) -> Tensor:
        """Return each pair's row of something that has one row for each image."""
        return values if self.one_each(len(values)) else values[self.image_index]

    def one_each(self, count: int) -> bool:
        """Return whether pair p is known to be about image p, for all `count` images."""
        return self.distinct and len(self) == count

    def map(self, change: Callable[[Tensor], Tensor]) -> "Pairs":
        """Return the same pairs, `change` applied to each tensor."""
        return Pairs(change(self.image_index), change(self.class_index), self.distinct)

    def to(self, device: torch.device | str, non_blocking: bool = True) -> "Pairs":
        """Return the same pairs on `device`."""
        return self.map(lambda each: each.to(device, non_blocking=non_blocking))


@dataclass(frozen=True)
class Regions:
    """One binary mask for each annotated (image, class) pair of a batch: the union of its boxes or masks.

    Pairs without an annotation are absent, so a batch may have none; no mask is empty. `valid` are the pixels
    on which a map is judged: attribution elsewhere is free, neither rewarded nor penalised; None: on all.
    A pair with nothing but pixels to be ignored has them as `valid`, and everything else as its mask.
    `images` is the number of images in the batch, where it is known.
    """

    pairs: Pairs
    masks: Bool[Tensor, "pairs height width"]
    valid: Bool[Tensor, "pairs height width"] | None = None
    images: int | None = None

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, selected: Tensor | slice | Sequence[int] | int) -> "Regions":
        """Return some of the pairs: one by its number, or those of numbers, truth values or a slice."""
        if isinstance(selected, int):
            selected = [range(len(self))[selected]]  # a sequence ends with this IndexError
        if not isinstance(selected, slice):
            selected = torch.as_tensor(selected, device=self.masks.device)
            selected = selected if len(selected) else selected.long()
        valid = None if self.valid is None else self.valid[selected]
        return Regions(self.pairs[selected], self.masks[selected], valid, self.images)

    def map(self, change: Callable[[Tensor], Tensor]) -> "Regions":
        """Return the same regions, `change` applied to each tensor."""
        valid = None if self.valid is None else change(self.valid)
        return Regions(self.pairs.map(change), change(self.masks), valid, self.images)

    def to(self, device: torch.device | str, non_blocking: bool = True) -> "Regions":
        """Return the same regions on `device`."""
        return self.map(lambda each: each.to(device, non_blocking=non_blocking))

    @staticmethod
    def cat(several: Sequence["Regions"]) -> "Regions":
        """Join the regions of images, or of batches, that follow each other, into those of one batch.

        `torch.utils.data.default_collate` does this with regions in the items of a data set. Raises
        `UserError` unless each knows its number of images, and for masks of different sizes.
        """
        sizes = {tuple(each.masks.shape[1:]) for each in several}
        if len(sizes) != 1 or any(each.images is None for each in several):
            found = " and ".join(f"{height} x {width}" for height, width in sorted(sizes)) or "nothing"
            raise UserError(
                f"regions: {found} found; to be joined they must have one size, and each its number of images"
            )
        counts = [each.images or 0 for each in several]
        owners = [each.pairs.image_index + sum(counts[:i]) for i, each in enumerate(several)]
        pairs = Pairs(
            torch.cat(owners),
            torch.cat([each.pairs.class_index for each in several]),
            all(each.pairs.distinct for each in several),
        )
        masks = torch.cat([each.masks for each in several])
        if all(each.valid is None for each in several):
            return Regions(pairs, masks, images=sum(counts))
        valid = [torch.ones_like(each.masks) if each.valid is None else each.valid for each in several]
        return Regions(pairs, masks, torch.cat(valid), sum(counts))

    def pin_memory(self) -> "Regions":
        """Return the same regions in page-locked memory; the pairs are small enough to travel as they are."""
        valid = None if self.valid is None else self.valid.pin_memory()
        return Regions(self.pairs, self.masks.pin_memory(), valid, self.images)


def _joined(several: Sequence[Regions], *, collate_fn_map: object = None) -> Regions:
    return Regions.cat(several)


default_collate_fn_map[Regions] = _joined


@dataclass(frozen=True)
class Batch:
    """Some images of a data set with everything known about them.

    `images` are RGB, uint8 in [0, 255], or the features of a frozen layer in their place; `labels` are 0 or
    1, of composites without an object of theirs between; `regions` are what guidance may use (boxes, masks,
    ...); `objects` are segmentation masks where the data have them; `groups` is -1 where the data set has
    none; `index` is the position in the split. `weights` is how much the classification loss of each image
    counts in the sum over all; None: 1 / batch. `of_features` says that the images are features.
    """

    images: UInt8[Tensor, "batch 3 height width"] | Float[Tensor, "batch ..."]
    labels: Float[Tensor, "batch classes"]
    regions: Regions
    objects: Regions
    groups: Int[Tensor, "batch"]
    index: Int[Tensor, "batch"]
    weights: Float[Tensor, "batch"] | None = None
    of_features: bool = False

    @property
    def inputs(self) -> Float[Tensor, "batch ..."]:
        """The images, or features, as networks take them."""
        return self.images.to(torch.get_default_dtype()) if self.of_features else unit_range(self.images)

    def to(self, device: torch.device | str, **_: object) -> "Batch":
        """Return the same batch on `device` (the protocol by which Lightning Fabric moves batches)."""
        images, labels, groups, index = (
            each.to(device, non_blocking=True) for each in (self.images, self.labels, self.groups, self.index)
        )
        weights = None if self.weights is None else self.weights.to(device, non_blocking=True)
        regions, objects = self.regions.to(device), self.objects.to(device)
        return Batch(images, labels, regions, objects, groups, index, weights, self.of_features)

    def pin_memory(self) -> "Batch":
        """Return the same batch in page-locked memory (the protocol of torch's `DataLoader`)."""
        return Batch(
            self.images.pin_memory(),
            self.labels.pin_memory(),
            self.regions.pin_memory(),
            self.objects.pin_memory(),
            self.groups,
            self.index,
            self.weights,
            self.of_features,
        )


def unit_range(
    images: UInt8[Tensor, "batch 3 height width"],
) -> Float[Tensor, "batch 3 height width"]:
    """Return RGB images as networks take them: float, in [0, 1]."""
    return images / 255
