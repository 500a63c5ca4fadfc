"""A cached split as a torch data set: images with the regions that guidance may use."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from model_guidance.data.augmentation import Layers, crop_and_flip, mix
from model_guidance.data.cache.split import Split
from model_guidance.data.region_settings import RegionSettings, annotated_images
from model_guidance.data.regions import box_masks, dilate_boxes, dilate_mask, random_boxes

ClassMask = tuple[int, Bool[Tensor, "size size"]]
Place = int | tuple[int, int]
BOXES = RegionSettings()
THINNEST = 0.5


@dataclass(frozen=True)
class Example:
    """One image, `index` in its split; no mask of `regions` or `objects` is empty."""

    image: UInt8[Tensor, "3 size size"]
    labels: Float[Tensor, "classes"]
    regions: list[ClassMask]
    objects: list[ClassMask]
    group: int
    index: int


class SplitDataset(Dataset[Example]):
    """Examples of `split`, at its own size, with the regions that `settings` allow.

    With `augment`, image and annotation are cropped and flipped together. The draw depends on `seed`, epoch
    and index alone: an item is asked for by (epoch, index), or by its index for epoch 0. A class whose
    region the crop removed has none then, and so has one whose outside is empty. `objects` are the
    segmentation masks as they are; there are none where the evidence lies outside of them. With `draw_one`,
    an image keeps the region of one of its classes, drawn likewise: training guides one per image, and so
    it is the same one however many processes share the work. Raises `UserError` when the annotated fraction
    gives no image.
    """

    def __init__(
        self,
        split: Split,
        settings: RegionSettings = BOXES,
        augment: bool = False,
        seed: int = 0,
        draw_one: bool = False,
    ):
        has_region = split.has_objects if settings.kind == "masks" else split.has_boxes
        self.split, self.settings, self.augment, self.seed = split, settings, augment, seed
        self.draw_one = draw_one
        self.annotated = annotated_images(has_region, settings.annotated, settings.seed)
        self.outside = settings.outside != split.outside

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, place: Place) -> Example:
        epoch, index = place if isinstance(place, tuple) else (0, place)
        box_classes, boxes = self._boxes(index)
        object_classes, objects, areas = self._objects(index)
        pixels = torch.from_numpy(self.split.image(index)).permute(2, 0, 1)
        layers = Layers(pixels, boxes, torch.cat([objects, areas]))
        if self.augment:
            layers = crop_and_flip(layers, mix(self.seed, epoch, index))
        objects, areas = layers.masks[: len(objects)], layers.masks[len(objects) :]
        regions = [
            *_union_of_boxes(box_classes, layers.boxes, self.split.size),
            *_present(object_classes, areas),
        ]
        if self.outside:
            regions = [(label, ~mask) for label, mask in regions if not mask.all()]
        if self.draw_one:
            regions = [region for region in regions if self.split.labels[index, region[0]]]
            regions = [regions[mix(self.seed, epoch, index, 1) % len(regions)]] if regions else []
        return Example(
            layers.image,
            torch.from_numpy(self.split.labels[index]).float(),
            regions,
            [] if self.split.outside else _present(object_classes, objects),
            int(self.split.group[index]),
            index,
        )

    def _boxes(self, index: int) -> tuple[list[int], Float[Tensor, "boxes 4"]]:
        """Return the boxes that are regions, coarse or displaced as the settings want them."""
        if not self.annotated[index] or self.settings.kind == "masks":
            return [], torch.zeros(0, 4)
        classes, edges = self.split.boxes(index)
        size = (self.split.size, self.split.size)
        boxes = dilate_boxes(torch.from_numpy(edges), self.settings.dilate, size)
        if self.settings.kind == "random":
            boxes = random_boxes(boxes, size, mix(self.settings.seed, index))
        return classes.tolist(), boxes

    def _objects(
        self, index: int
    ) -> tuple[list[int], Bool[Tensor, "masks size size"], Bool[Tensor, "areas size size"]]:
        """Return the objects' masks and, if these are regions, the same as coarse as the settings want."""
        classes, arrays = self.split.objects(index)
        masks = torch.from_numpy(arrays)
        if not self.annotated[index] or self.settings.kind != "masks":
            return classes.tolist(), masks, masks[:0]
        coarse = [dilate_mask(mask, self.settings.dilate) for mask in masks]
        return classes.tolist(), masks, torch.stack(coarse) if coarse else masks


def _union_of_boxes(classes: Sequence[int], boxes: Float[Tensor, "boxes 4"], size: int) -> list[ClassMask]:
    """Leave out boxes of which a crop left less than half a pixel: uncropped ones have a whole pixel."""
    left = (boxes[:, 2:] - boxes[:, :2]).amin(dim=1) >= THINNEST
    found: dict[int, Tensor] = {}
    for label, mask, visible in zip(classes, box_masks(boxes, (size, size)), left.tolist(), strict=True):
        if visible:
            found[label] = found[label] | mask if label in found else mask
    return sorted(found.items())


def _present(classes: Iterable[int], masks: Bool[Tensor, "masks size size"]) -> list[ClassMask]:
    return [(label, mask) for label, mask in zip(classes, masks, strict=False) if mask.any()]
