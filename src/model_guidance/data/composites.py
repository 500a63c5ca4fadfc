"""Guidance by intervention: annotated images with their surroundings, or their objects, replaced.

No map is differentiated. What is relevant stays and the rest is perturbed (arXiv 2303.06419) or masked at
the input (arXiv 2308.12127); or what is relevant goes, and its label with it (arXiv 2106.01127).
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2.functional import resized_crop
from torchvision.tv_tensors import Image, Mask

from model_guidance.data.augmentation import crop_and_flip, seed_of
from model_guidance.data.cache.features import Features
from model_guidance.data.dataset import Item, ItemKey, SplitDataset, one_of
from model_guidance.data.regions import Region
from model_guidance.data.replacement import blur, feathered, mean_colour, mixed, noise, without_objects
from model_guidance.errors import UserError, listed

FILLERS, CROP = ("swap", "mean", "blur", "noise"), "crop"
REPLACED = ("outside", "inside", "both")
ENOUGH = 25
MARGIN = 1 / 8  # around a crop, in its sides
LEAST_BACKGROUND = 0.1  # of the pixels of an image that is the background of another one

Moved = tuple[Tensor, list[Tensor]]


class Composites(Dataset[Item]):
    """Images that are composed of annotated images of `dataset`, with its settings, seed and crops.

    There are `count` of them, and more where a larger index is asked for.

    `replaced` says what of an annotated image is replaced, with soft edges (`replacement.feathered`):

    - "outside": everything but its regions. The classes that have a region keep their label and their
      regions; the others lose it, since their pixels are gone (where such an object reaches into a kept
      region, no annotation tells it).
    - "inside": its regions. The classes that have a region lose their label, and there are no regions. Of
      `exclusive` classes no label is right then: every class gets 1 / classes, which asks for logits that do
      not tell the classes apart (Hendrycks et al., arXiv 1812.04606).
    - "both": either, each for about half of the items.

    `filler` is what takes the place: "swap", another annotated image at the same place, all of whose classes
    have a region, without its objects (`replacement.without_objects`); "mean" or "blur" of the image's own
    pixels outside of its regions, which keep the colour of the surroundings; "noise", uniform in [0, 255];
    "crop", nothing: the regions, with an eighth of their size around them, fill the image.

    Item (epoch, index) depends on the seed, the epoch and the index alone; epoch 0 is a fixed set. Where the
    images have so many views, there are as many fixed sets, which the epochs take in turn; `features` are
    those of each, and stand in for the images. `weight` is that of `Item.weight`. Raises `UserError` for
    settings that it does not know, and if there is no annotated image to compose, or to swap only one.
    """

    def __init__(
        self,
        dataset: SplitDataset,
        count: int,
        filler: str = "swap",
        replaced: str = "outside",
        weight: float = 1.0,
        features: Sequence[Features] = (),
    ):
        check_settings(filler, replaced)
        self.dataset, self.count, self.filler, self.replaced = dataset, count, filler, replaced
        self.weight, self.features = weight, features
        self._whole = SplitDataset(dataset.split, dataset.settings, seed=dataset.seed)
        self._annotated = np.flatnonzero(dataset.annotated)
        self._check()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, key: ItemKey) -> Item:
        epoch, index = key if isinstance(key, tuple) else (0, key)
        view, index = self.dataset.view(epoch), index % self.count if self.dataset.views else index
        seed = seed_of(self.dataset.seed, view, index, 2)
        random = np.random.default_rng(seed)
        outside = self.replaced == "outside" or (self.replaced == "both" and bool(random.integers(2)))
        shown = self._draw(random, lambda item: item.regions)
        image = shown.image if self.features else self._composed(shown, outside, random)
        regions = shown.regions if outside else []
        if self.filler == CROP:
            image, regions = _zoomed(image, regions)
        if self.dataset.augment:
            image, regions = _moved(image, regions, seed)
        if self.features:
            image = torch.from_numpy(self.features[view][index])
        if self.dataset.draw_one:
            regions = one_of(regions, seed)
        labels = _labels(shown, outside, self.dataset.split.exclusive)
        return Item(image, labels, regions, [], -1, index, shown.size, self.weight)

    def __getitems__(self, keys: Sequence[ItemKey]) -> list[Item]:
        """Return several items, as torch's loader asks for them."""
        return [self[key] for key in keys]

    @property
    def pixels(self) -> str:
        """What the pixels of an item depend on besides the split, the view and the index."""
        drawn = f"{self.filler} {self.replaced} {self.dataset.regions_identity} seed {self.dataset.seed}"
        return f"composites {drawn} {self.dataset.pixels}"

    def _draw(
        self, random: np.random.Generator, usable: Callable[[Item], object], but: int | None = None
    ) -> Item:
        """Return a usable annotated image, each as likely, but not the one numbered `but`."""
        order = random.permutation(self._annotated).tolist()
        items = (self._whole[place] for place in order if place != but)
        return next(item for item in items if usable(item))

    def _composed(
        self, shown: Item, outside: bool, random: np.random.Generator
    ) -> UInt8[Tensor, "3 height width"]:
        if self.filler == CROP:
            return shown.image
        image, regions = _pixels(shown), union(shown.regions)
        soft = feathered(regions)
        if self.filler == "swap":
            other = self._draw(random, _can_be_background, shown.index)
            fill = without_objects(_pixels(other), union(other.regions))
        elif self.filler == "noise":
            fill = noise(image, 255, int(random.integers(2**32)))
        elif self.filler == "blur":
            fill = blur(without_objects(image, regions))
        else:
            fill = mean_colour(image, soft == 0)
        return mixed(image, fill, soft if outside else 1 - soft)[0].round().to(torch.uint8)

    def _check(self) -> None:
        """Raise `UserError` if there is nothing to compose, or nothing to swap it with."""
        items = (self._whole[place] for place in self._annotated.tolist())
        if not any(item.regions for item in items):
            raise UserError(
                f"--composites: there is nothing to compose, none of the {len(self._whole)} training images "
                f"has a region of a class that it has; mark about {ENOUGH} of them"
            )
        if self.filler == "swap":
            self._check_backgrounds()

    def _check_backgrounds(self) -> None:
        found = 0
        for place in self._annotated.tolist():
            found += _can_be_background(self._whole[place])
            if found == 2:
                return
        raise UserError(
            f"--filler swap: {found} of {len(self._annotated)} annotated images can be the background of "
            "another one, at least 2 are needed, with regions of all their classes and a tenth "
            "of the image outside of these; mark more images, or choose --filler mean, blur or noise"
        )


def check_settings(filler: str, replaced: str, option: str = "filler") -> None:
    """Raise `UserError` for a filler, which `option` names, or a side that is unknown."""
    for name, value, known in ((option, filler, (*FILLERS, CROP)), ("replaced", replaced, REPLACED)):
        if value not in known:
            raise UserError(f"--{name} {value}: choose one of {listed(known, value)}")
    if filler == CROP and replaced != "outside":
        raise UserError(f"--{option} crop shows the inside of the regions: leave out --replaced {replaced}")


def union(regions: list[Region]) -> Bool[Tensor, "1 height width"]:
    """Return the union of the masks of at least one region, as a batch of one."""
    return torch.stack([each.mask for each in regions]).any(dim=0, keepdim=True)


def _pixels(item: Item) -> Float[Tensor, "1 3 size size"]:
    return item.image.unsqueeze(0).float()


def _can_be_background(item: Item) -> bool:
    """Return whether it is known where all objects are, and whether anything is to be seen beside them."""
    located = {each.label for each in item.regions if each.valid is None}
    complete = bool(located) and set(item.labels.nonzero().flatten().tolist()) <= located
    return complete and bool((feathered(union(item.regions)) == 0).float().mean() >= LEAST_BACKGROUND)


def _labels(shown: Item, outside: bool, exclusive: bool) -> Float[Tensor, "classes"]:
    if not outside and exclusive:
        return torch.full_like(shown.labels, 1 / len(shown.labels))
    classes = [each.label for each in shown.regions]
    start = torch.zeros_like(shown.labels) if outside else shown.labels.clone()
    start[classes] = float(outside)
    return start


def _zoomed(
    image: UInt8[Tensor, "3 height width"], regions: list[Region]
) -> tuple[UInt8[Tensor, "3 height width"], list[Region]]:
    """Enlarge the box around the regions, and a margin of it, to the whole image."""
    rows, columns = (union(regions)[0].any(dim=axis).nonzero() for axis in (1, 0))
    size = [*image.shape[-2:]]
    sides = []
    for places, side in zip((rows, columns), size, strict=True):
        first, last = int(places[0]), int(places[-1]) + 1
        margin = round(MARGIN * (last - first))
        sides.append((max(first - margin, 0), min(last + margin, side)))
    (top, bottom), (left, right) = sides
    box = (top, left, bottom - top, right - left)

    def move(image: Tensor, masks: Sequence[Tensor]) -> Moved:
        enlarged, *rest = (resized_crop(each, *box, size) for each in (Image(image), *masks))
        return enlarged.as_subclass(Tensor), rest

    return _together(image, regions, move)


def _moved(
    image: UInt8[Tensor, "3 height width"], regions: list[Region], seed: int
) -> tuple[UInt8[Tensor, "3 height width"], list[Region]]:
    """Crop and flip an image with its regions; those that the crop removed are gone."""
    return _together(image, regions, lambda image, masks: crop_and_flip(image, masks, seed))


def _together(
    image: UInt8[Tensor, "3 height width"],
    regions: list[Region],
    move: Callable[[Tensor, Sequence[Tensor]], Moved],
) -> tuple[UInt8[Tensor, "3 height width"], list[Region]]:
    planes = [
        [each.mask, torch.ones_like(each.mask) if each.valid is None else each.valid] for each in regions
    ]
    image, moved = move(image, [Mask(torch.stack(pair)) for pair in planes])
    pairs = [each.as_subclass(Tensor).unbind(dim=0) for each in moved]
    found = [
        Region(each.label, mask, None if each.valid is None else valid)
        for each, (mask, valid) in zip(regions, pairs, strict=True)
    ]
    return image, [each for each in found if each.mask.any()]
