"""Made-up annotations of six images."""

import torch

from model_guidance.types import Pairs, Regions


def regions(*pairs: tuple[int, int]) -> Regions:
    """One box for each (image, class), a different one for each."""
    masks = torch.zeros(len(pairs), 8, 8, dtype=torch.bool)
    for mask, (image, label) in zip(masks, pairs, strict=True):
        mask[image : image + 3, label : label + 4] = True
    images, classes = torch.tensor(pairs, dtype=torch.long).view(-1, 2).T
    return Regions(Pairs(images, classes), masks)
