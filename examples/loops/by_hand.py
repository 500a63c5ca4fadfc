"""What all loops train: a small network on a few images, and the loop by hand, without `Guidance`."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, default_collate

import model_guidance as mg

SIZE, BATCH, LAMBDA, RATE, DECAY, NORM = 16, 4, 2.0, 0.2, 0.9, 0.05
Item = tuple[Tensor, int, mg.Regions]


def data() -> list[Item]:
    """Return images, their class numbers and regions; every fifth image has no region."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(16, 3, SIZE, SIZE, generator=generator)
    boxes: list[Any] = [[] if i % 5 == 0 else [(i % 2, (2, 2 + i % 6, 9, 14))] for i in range(16)]
    return [(image, i % 2, mg.from_boxes([boxes[i]], (SIZE, SIZE))) for i, image in enumerate(images)]


def loader(batch: int = BATCH) -> "DataLoader[Item]":
    """Return batches in the order of the data; torch's own collation joins the regions as well."""
    return DataLoader(data(), batch, collate_fn=default_collate)


def network() -> nn.Module:
    """Return the network before training."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3, 2, 1), nn.GELU(), nn.Conv2d(8, 8, 3, 2, 1), nn.GELU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))


def guided() -> mg.Guidance:
    """Return the network with guidance."""
    return mg.Guidance(network(), layer="input")


def weights(module: nn.Module) -> Tensor:
    """Return all weights in a row."""
    return torch.cat([each.detach().flatten() for each in module.parameters()])


def loss_by_hand(model: nn.Module, images: Tensor, labels: Tensor, regions: mg.Regions) -> Tensor:
    """Return Eq. 1 with the energy loss of input times gradient, as a mean over the annotated images."""
    images.requires_grad_()
    logits = model(images)
    owners, classes = regions.pairs.image_index, regions.pairs.class_index
    gradient = torch.autograd.grad(logits[owners, classes].sum(), images, create_graph=True)[0]
    positive = (images * gradient).sum(dim=1)[owners].relu()
    outside = (positive * ~regions.masks).sum((1, 2)) / positive.sum((1, 2))
    return cross_entropy(logits, labels) + LAMBDA * outside.mean()


def by_hand(clip: bool = False, average: bool = False, half: torch.dtype | None = None) -> Tensor:
    """Train with double backward and steps that are written out: what all others must come to."""
    model, mean = network(), None
    for images, labels, regions in loader():
        with torch.autocast("cpu", half, enabled=half is not None):
            loss = loss_by_hand(model, images, labels, regions)
        found = torch.autograd.grad(loss, [*model.parameters()])
        norm = torch.cat([each.flatten() for each in found]).norm()
        scale = min(1.0, NORM / (norm.item() + 1e-6)) if clip else 1.0
        with torch.no_grad():
            for weight, along in zip(model.parameters(), found, strict=True):
                weight.sub_(RATE * scale * along)
        now = weights(model)
        mean = now if mean is None else DECAY * mean + (1 - DECAY) * now
    return mean if average and mean is not None else weights(model)
