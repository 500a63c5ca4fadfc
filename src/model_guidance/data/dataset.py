"""A cached split as a torch data set: images with the regions that guidance may use."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from model_guidance.data.annotations.kinds import KINDS
from model_guidance.data.annotations.settings import RANDOM, RegionSettings
from model_guidance.data.augmentation import crop_and_flip, seed_of
from model_guidance.data.cache.features import Features
from model_guidance.data.cache.split import Split
from model_guidance.data.identity import regions_identity
from model_guidance.data.regions import Region, random_boxes, within, without
from model_guidance.data.resizing import Size

ItemKey = int | tuple[int, int]
BOXES = RegionSettings()


@dataclass(frozen=True)
class Item:
    """One image, `index` in its split; no mask of `regions` or `objects` is empty.

    `image` is RGB, or the image's features where these were asked for; `size` is the image's (height, width).
    `weight` is None for an image of the data set, and for one that is made beside them how much its
    classification loss counts, theirs being 1.
    """

    image: UInt8[Tensor, "3 height width"] | Float[Tensor, "..."]
    labels: Float[Tensor, "classes"]
    regions: list[Region]
    objects: list[Region]
    group: int
    index: int
    size: Size
    weight: float | None = None


@dataclass(frozen=True)
class _Objects:
    """The annotated objects of one kind in some images, one image's after another's.

    `owners` has the place of each object's image among these.
    """

    kind: str
    owners: list[int]
    classes: list[int]
    shapes: Tensor

    def movable(self, size: Size) -> Tensor:
        """Return all objects as torchvision moves them."""
        return KINDS[self.kind].movable(self.shapes, size)

    def of(self, place: int) -> "_Objects":
        """Return those of one image."""
        own = slice(bisect_left(self.owners, place), bisect_right(self.owners, place))
        return _Objects(self.kind, self.owners[own], self.classes[own], self.shapes[own])


class SplitDataset(Dataset[Item]):
    """Items of `split`, at its own size, with the regions that `settings` allow.

    With `augment`, image and annotations are cropped and flipped together. The draw depends on `seed`, epoch
    and index alone: an item is asked for by (epoch, index), or by its index for epoch 0. With `views` there
    are only so many crops of an image, which the epochs take in turn; `features` are those of each view, and
    stand in for the images. A class whose
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
        views: int | None = None,
        features: Sequence[Features] = (),
    ):
        self.split, self.settings, self.augment, self.seed = split, settings, augment, seed
        self.draw_one, self.views, self.features = draw_one, views, features
        self._has = {kind: split.has(kind) for kind in ("masks", *settings.kinds)}
        self.annotated = settings.annotated_of(split)
        self.outside = settings.outside != split.outside

    def __len__(self) -> int:
        return len(self.split)

    def view(self, epoch: int) -> int:
        """Return which view of the images an epoch sees."""
        return epoch % self.views if self.views else epoch

    @property
    def pixels(self) -> str:
        """What the pixels of an item depend on besides the split, the view and the index."""
        return f"crops, seed {self.seed}" if self.augment else "whole"

    @cached_property
    def regions_identity(self) -> str:
        """What the regions of an item depend on besides the view and the index, as a hash."""
        return regions_identity(self.split, self.settings, self.annotated)

    def __getitem__(self, key: ItemKey) -> Item:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[ItemKey]) -> list[Item]:
        """Return several items at once, as torch's loader asks for them: that is cheaper than one by one."""
        places = [key if isinstance(key, tuple) else (0, key) for key in keys]
        epochs, indices = [epoch for epoch, _ in places], [index for _, index in places]
        padded = self._photos(indices)
        objects = [*padded, self._objects("masks", indices), *self._annotations(indices)]
        images, objects = self._seen([self.view(epoch) for epoch in epochs], indices, objects)
        segmented, *annotations = objects[len(padded) :]
        regions = self._in_photos(self._regions(annotations, len(indices)), objects[: len(padded)])
        found = zip(
            images,
            torch.from_numpy(self.split.labels[indices]).float(),
            map(self._drawn, regions, epochs, indices),
            [[] for _ in indices] if self.split.outside else self._masks(segmented, len(indices), False),
            self.split.group[indices].tolist(),
            indices,
            strict=True,
        )
        return [
            Item(image, labels, regions, masks, group, index, self.split.size)
            for image, labels, regions, masks, group, index in found
        ]

    def _seen(
        self, views: Sequence[int], indices: Sequence[int], objects: list[_Objects]
    ) -> tuple[list[Tensor], list[_Objects]]:
        """Return a view of each image, or its features, and the objects as they lie there."""
        size, keys = self.split.size, [*zip(views, indices, strict=True)]
        if self.features:
            images = [torch.from_numpy(self.features[view][index]) for view, index in keys]
        else:
            images = [torch.from_numpy(self.split.image(index)).permute(2, 0, 1) for index in indices]
        if not self.augment:
            return images, [replace(each, shapes=each.movable(size)) for each in objects]
        blank = torch.zeros(1, *size, dtype=torch.uint8)
        cropped = [
            self._cropped(blank if self.features else image, [each.of(place) for each in objects], key)
            for place, (image, key) in enumerate(zip(images, keys, strict=True))
        ]
        moved = zip(*(rest for _, rest in cropped), strict=True)
        joined = [replace(each, shapes=torch.cat(to)) for each, to in zip(objects, moved, strict=True)]
        return images if self.features else [image for image, _ in cropped], joined

    def _cropped(
        self, image: Tensor, objects: list[_Objects], key: tuple[int, int]
    ) -> tuple[Tensor, list[Tensor]]:
        """Return a view of an image and its objects; of features, only the objects are wanted."""
        shapes = [each.movable(self.split.size) for each in objects]
        if self.features and not any(len(each) for each in shapes):
            return image, shapes
        return crop_and_flip(image, shapes, seed_of(self.seed, *key))

    def _objects(self, kind: str, indices: Sequence[int], settings: RegionSettings | None = None) -> _Objects:
        """Return the objects of one kind, those of annotated images as the `settings` change them."""
        has = self._has[kind] if settings is None else self._has[kind] & self.annotated
        places = [place for place, index in enumerate(indices) if has[index]]
        read = [self.split.rows(kind, indices[place]) for place in places]
        owners = [place for place, (classes, _) in zip(places, read, strict=True) for _ in classes]
        none = self.split.no_rows(kind)
        classes, rows = (np.concatenate(column) for column in zip(none, *read, strict=True))
        shapes = KINDS[kind].opened(rows, self.split.size)
        found = _Objects(kind, owners, classes.tolist(), torch.from_numpy(shapes))
        return found if settings is None else self._changed(found, indices, settings)

    def _changed(self, objects: _Objects, indices: Sequence[int], settings: RegionSettings) -> _Objects:
        """Return objects that are coarser, or somewhere else, as the settings want it."""
        size = self.split.size
        grown = replace(objects, shapes=KINDS[objects.kind].dilated(objects.shapes, settings.dilate, size))
        if settings.kind != RANDOM:
            return grown
        moved = [
            self._displaced(grown.of(place).shapes, indices[place], seed_of(settings.seed, indices[place]))
            for place in dict.fromkeys(grown.owners)
        ]
        return replace(grown, shapes=torch.cat([grown.shapes[:0], *moved]))

    def _displaced(self, boxes: Tensor, index: int, seed: int) -> Tensor:
        """Return boxes of the same sizes at random places in the photo."""
        if self.split.frames is None:
            return random_boxes(boxes, self.split.size, seed)
        x1, y1, x2, y2 = map(int, self.split.frames[index])
        return random_boxes(boxes, (y2 - y1, x2 - x1), seed) + boxes.new_tensor([x1, y1, x1, y1])

    def _photos(self, indices: Sequence[int]) -> list[_Objects]:
        """Return where the photos lie, as a box each, if there is padding around them."""
        if self.split.frames is None:
            return []
        count, frames = len(indices), torch.from_numpy(self.split.frames[indices])
        return [_Objects("boxes", [*range(count)], [0] * count, frames)]

    def _in_photos(self, regions: list[list[Region]], photos: list[_Objects]) -> list[list[Region]]:
        """Take from the regions what lies in the padding."""
        if not photos:
            return regions
        masks = KINDS["boxes"].masks(photos[0].shapes, self.split.size)
        return [within(own, photo) for own, photo in zip(regions, masks, strict=True)]

    def _annotations(self, indices: Sequence[int]) -> list[_Objects]:
        """Return what becomes regions, coarse or displaced as the settings want it."""
        return [self._objects(kind, indices, self.settings) for kind in self.settings.kinds]

    def _regions(self, annotations: Iterable[_Objects], images: int) -> list[list[Region]]:
        """Return where the evidence lies in each image, without what must not be used."""
        evidence: list[list[Region]] = [[] for _ in range(images)]
        excluded: list[list[Region]] = [[] for _ in range(images)]
        for each in annotations:
            kind = KINDS[each.kind]
            masks = self._masks(each, images, kind.united or kind.excludes)
            for own, found in zip(excluded if kind.excludes else evidence, masks, strict=True):
                own.extend(found)
        if self.outside:
            evidence = [
                [Region(each.label, ~each.mask) for each in own if not each.mask.all()] for own in evidence
            ]
        return [without(*both) for both in zip(evidence, excluded, strict=True)]

    def _masks(self, objects: _Objects, images: int, united: bool) -> list[list[Region]]:
        """Return each image's masks that are not empty, or one for each class, sorted."""
        found: list[list[Region]] = [[] for _ in range(images)]
        if objects.owners:  # most images have no annotation of most kinds
            masks = KINDS[objects.kind].masks(objects.shapes, self.split.size)
            seen = masks.flatten(1).any(dim=1).tolist()
            for place, label, mask, any_ in zip(objects.owners, objects.classes, masks, seen, strict=True):
                if any_:
                    found[place].append(Region(label, mask))
        return [_united(each) for each in found] if united else found

    def _drawn(self, regions: list[Region], epoch: int, index: int) -> list[Region]:
        drawn = self.draw_one and len(regions) > 1
        return one_of(regions, seed_of(self.seed, epoch, index, 1)) if drawn else regions


def _united(regions: list[Region]) -> list[Region]:
    """Return one region for each class: the union of its own, sorted by class."""
    masks: dict[int, Tensor] = {}
    for each in regions:
        masks[each.label] = masks[each.label] | each.mask if each.label in masks else each.mask
    return [Region(label, masks[label]) for label in sorted(masks)]


def one_of(regions: list[Region], seed: int) -> list[Region]:
    """Return one of the regions, drawn by `seed`; none of none."""
    return [regions[seed % len(regions)]] if regions else []
