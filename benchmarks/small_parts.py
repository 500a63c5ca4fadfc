"""The parts besides the network: losses, F1, the way of an image from the cache to the device."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import twin
from torch import Tensor

from model_guidance.data import RegionSettings, SplitDataset, loader, open_split
from model_guidance.losses import LOSSES
from model_guidance.metrics.classification import f1 as micro_f1
from model_guidance.metrics.classification import mean_average_precision
from model_guidance.types import unit_range

IMAGES = 256


def losses(pairs: int, size: int, device: torch.device) -> dict[str, Callable[[], object]]:
    """Return the Energy loss of so many maps with its gradient, image by image and all at once."""
    maps = torch.randn(pairs, size, size).to(device)
    box = (0, size // 4, size // 4, size // 2, size // 2)
    masks = torch.stack([twin.mask_of(box, maps.shape[1:])] * pairs).bool().to(device)

    def backward(loss: Callable[[Tensor], Tensor]) -> None:
        leaf = maps.clone().requires_grad_()
        loss(leaf).backward()

    def one_by_one(leaf: Tensor) -> Tensor:
        made = [twin.mask_of(box, maps.shape[1:]).to(device) for _ in leaf]
        return torch.stack([twin.energy(each, mask) for each, mask in zip(leaf, made, strict=True)]).mean()

    return {
        "loss, twin": lambda: backward(one_by_one),
        "loss, ours": lambda: backward(lambda leaf: LOSSES["energy"](leaf, masks).mean()),
    }


def f1(images: int, classes: int) -> dict[str, Callable[[], object]]:
    """Return F1 and mAP of a batch against loops over images and classes for F1 alone."""
    logits, labels = torch.randn(images, classes), (torch.rand(images, classes) > 0.9).float()
    return {
        "F1, twin": lambda: twin.f1(logits, labels),
        "F1 and mAP, ours": lambda: (micro_f1(logits, labels), mean_average_precision(logits, labels)),
    }


def loading(size: int, batch: int, workers: int, device: torch.device) -> dict[str, Callable[[], object]]:
    """Return a pass over cached images with their masks, moved to the device as floats in [0, 1]."""
    folder = tempfile.TemporaryDirectory()
    split = open_split("shapes", None, "train", size, Path(folder.name), {"count": IMAGES})
    batches = loader(SplitDataset(split, RegionSettings()), batch, workers=workers)

    def read(_: object = folder) -> None:  # the folder lives as long as this function
        for each in batches:
            unit_range(each.to(device).images).sum()

    return {f"loading {IMAGES} images": read}
