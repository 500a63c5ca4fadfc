"""A cached split as a torch data set: images with the regions that guidance may use."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from model_guidance.data.annotations.kinds import KINDS
from model_guidance.data.annotations.settings import RANDOM, RegionSettings, annotated_images
from model_guidance.data.augmentation import crop_and_flip, seed_of
from model_guidance.data.cache.features import Features
from model_guidance.data.cache.split import Split
from model_guidance.data.regions import Region, random_boxes, without

ItemKey = int | tuple[int, int]
BOXES = RegionSettings()


@dataclass(frozen=True)
class Item:
    """One image, `index` in its split; no mask of `regions` or `objects` is empty.

    `image` is RGB, or the image's features where these were asked for; `size` is the image's side in pixels.
    `weight` is None for an image of the data set, and for one that is made beside them how much its
    classification loss counts, theirs being 1.
    """

    image: UInt8[Tensor, "3 size size"] | Float[Tensor, "..."]
    labels: Float[Tensor, "classes"]
    regions: list[Region]
    objects: list[Region]
    group: int
    index: int
    size: int
    weight: float | None = None


@dataclass(frozen=True)
class _Objects:
    """The annotated objects of one kind in one image, as torchvision moves them."""

    kind: str
    classes: list[int]
    movable: Tensor


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
        has_region = split.has(*settings.kinds)
        self.annotated = annotated_images(has_region, settings.annotated, settings.seed)
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

    def __getitem__(self, key: ItemKey) -> Item:
        epoch, index = key if isinstance(key, tuple) else (0, key)
        view = self.view(epoch)
        objects = [self._objects(index, "masks"), *self._annotations(index)]
        image, objects = self._seen(view, index, objects)
        segmented, *annotations = objects
        return Item(
            image,
            torch.from_numpy(self.split.labels[index]).float(),
            self._drawn(self._regions(annotations), epoch, index),
            [] if self.split.outside else self._masks(segmented, united=False),
            int(self.split.group[index]),
            index,
            self.split.size,
        )

    def _seen(self, view: int, index: int, objects: list[_Objects]) -> tuple[Tensor, list[_Objects]]:
        """Return a view of an image, or its features, and the objects as they lie there."""
        if not self.features:
            image = torch.from_numpy(self.split.image(index)).permute(2, 0, 1)
            return self._cropped(image, objects, view, index)
        if any(len(each.movable) for each in objects):
            blank = torch.zeros(1, self.split.size, self.split.size, dtype=torch.uint8)
            _, objects = self._cropped(blank, objects, view, index)
        return torch.from_numpy(self.features[view][index]), objects

    def _cropped(
        self, image: Tensor, objects: list[_Objects], view: int, index: int
    ) -> tuple[Tensor, list[_Objects]]:
        if not self.augment:
            return image, objects
        seed = seed_of(self.seed, view, index)
        image, moved = crop_and_flip(image, [each.movable for each in objects], seed)
        return image, [_Objects(each.kind, each.classes, to) for each, to in zip(objects, moved, strict=True)]

    def _objects(
        self, index: int, kind: str, dilate: float | None = None, seed: int | None = None
    ) -> _Objects:
        """Return an image's objects of one kind; with a `seed`, boxes go to random places."""
        classes, shapes = self.split.annotations(kind, index)
        size, found = self.split.size, torch.from_numpy(shapes)
        if dilate is not None:
            found = KINDS[kind].dilated(found, dilate, size)
        if seed is not None:
            found = random_boxes(found, (size, size), seed)
        return _Objects(kind, classes.tolist(), KINDS[kind].movable(found, size))

    def _annotations(self, index: int) -> list[_Objects]:
        """Return what becomes regions, coarse or displaced as the settings want it."""
        if not self.annotated[index]:
            return []
        seed = seed_of(self.settings.seed, index) if self.settings.kind == RANDOM else None
        return [self._objects(index, kind, self.settings.dilate, seed) for kind in self.settings.kinds]

    def _regions(self, annotations: Iterable[_Objects]) -> list[Region]:
        """Return where the evidence lies, without what must not be used."""
        evidence: list[Region] = []
        excluded: list[Region] = []
        for each in annotations:
            kind = KINDS[each.kind]
            (excluded if kind.excludes else evidence).extend(self._masks(each, kind.united or kind.excludes))
        if self.outside:
            evidence = [Region(each.label, ~each.mask) for each in evidence if not each.mask.all()]
        return without(evidence, excluded)

    def _masks(self, objects: _Objects, united: bool) -> list[Region]:
        """Return the objects' masks that are not empty, or one for each class, sorted."""
        if not objects.classes:  # most images have no annotation of most kinds
            return []
        masks = KINDS[objects.kind].masks(objects.movable, self.split.size)
        found = [
            Region(label, mask) for label, mask in zip(objects.classes, masks, strict=True) if mask.any()
        ]
        if not united:
            return found
        classes = sorted({each.label for each in found})
        unions = (torch.stack([each.mask for each in found if each.label == label]) for label in classes)
        return [Region(label, masks.any(dim=0)) for label, masks in zip(classes, unions, strict=True)]

    def _drawn(self, regions: list[Region], epoch: int, index: int) -> list[Region]:
        if not self.draw_one:
            return regions
        present = [each for each in regions if self.split.labels[index, each.label]]
        return one_of(present, seed_of(self.seed, epoch, index, 1))


def one_of(regions: list[Region], seed: int) -> list[Region]:
    """Return one of the regions, drawn by `seed`; none of none."""
    return [regions[seed % len(regions)]] if regions else []
