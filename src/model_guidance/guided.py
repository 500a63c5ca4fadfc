"""Which of the annotated images of a batch are guided, and by which of their classes."""

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from model_guidance.checks import by_class, present
from model_guidance.types import Regions


def guided_images(labels: Any, regions: Regions | None) -> Tensor:
    """Return in how many images of a batch a class is present that has a region: those that are guided.

    Without regions, None, these are 0. Summed over the batches whose gradients are accumulated it is the
    `normalizer` of each.
    """
    if regions is None:
        return torch.tensor(0, device=torch.as_tensor(labels).device)
    labels = by_class(torch.as_tensor(labels, device=regions.masks.device))
    there = present(labels, regions.pairs)
    if regions.pairs.distinct:
        return there.sum()
    return (
        torch.zeros(len(labels), device=there.device).index_fill(0, regions.pairs.image_index[there], 1).sum()
    )


def draw_part(regions: Regions, part: float) -> Regions:
    """Keep a random part of the regions, rounded up, in their order."""
    if part == 1:
        return regions
    count = math.ceil(part * len(regions))
    drawn = torch.randperm(len(regions))[:count].sort().values
    return regions[drawn.to(regions.masks.device)]


def draw_one_class(regions: Regions, labels: Tensor) -> Regions:
    """Keep one pair of each image, drawn uniformly among those whose class is present in the image.

    Where no image is known to have two pairs there is nothing to draw, and absent classes are kept as well.
    `labels` are those of `check_batch`.
    """
    if regions.pairs.distinct:
        return regions
    images = regions.pairs.image_index
    order = torch.randperm(len(regions)).to(images.device)
    order = order[present(labels, regions.pairs[order])]
    order = order[images[order].argsort(stable=True)]
    first = torch.ones_like(order, dtype=torch.bool)
    first[1:] = images[order][1:] != images[order][:-1]
    drawn = regions[order[first]]
    return replace(drawn, pairs=replace(drawn.pairs, distinct=True))
