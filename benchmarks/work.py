"""What is timed: the same work as the slow twin does it and as the package does it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
import twin
from torch import Tensor, nn

from model_guidance.attribution import capture
from model_guidance.guidance import Guidance
from model_guidance.metrics import energy_pointing_game
from model_guidance.models import build
from model_guidance.models.layers import layer_name
from model_guidance.types import Pairs, Regions

CLASSES = 20  # as many as VOC has


@dataclass(frozen=True)
class Work:
    """A network and a batch on which it works; `boxes[i]` are those of image i, of different classes."""

    model: nn.Module
    method: str
    images: Tensor
    labels: Tensor
    boxes: list[list[twin.Box]]

    def regions(self, images: int, most: int) -> Regions:
        """Return at most so many regions of each of the first images."""
        size = self.images.shape[-2:]
        own = [(i, box) for i, boxes in enumerate(self.boxes[:images]) for box in boxes[:most]]
        pairs = Pairs(
            torch.tensor([i for i, _ in own], dtype=torch.long),
            torch.tensor([box[0] for _, box in own], dtype=torch.long),
            distinct=most == 1,
        )
        masks = torch.stack([twin.mask_of(box, size) for _, box in own]).bool()
        return Regions(pairs, masks).to(self.images.device)


def work(name: str, batch: int, size: int, device: torch.device, dtype: torch.dtype = torch.float32) -> Work:
    """Return a network with random weights, and random images of which every second one has two classes."""
    torch.manual_seed(0)
    model = build(name, CLASSES).to(device, dtype)
    for parameter in model.parameters():
        if not parameter.any():  # Fixup starts with zeros, which leave nothing to explain
            nn.init.normal_(parameter, std=0.01)
    images = torch.rand(batch, 3, size, size, dtype=dtype).to(device)
    half = size // 2
    both = [((i % CLASSES, 0, 0, half, half), ((i + 7) % CLASSES, 3, 4, size, half)) for i in range(batch)]
    boxes = [list(each[: 1 + i % 2]) for i, each in enumerate(both)]
    labels = torch.zeros(batch, CLASSES, dtype=dtype)
    for i, each in enumerate(boxes):
        labels[i, [box[0] for box in each]] = 1
    return Work(model, "bcos" if name.startswith("bcos") else "ixg", images, labels.to(device), boxes)


def forward_pass(it: Work) -> None:
    """Run the network in evaluation mode: the unit F."""
    it.model.eval()
    with torch.no_grad():
        it.model(it.images)


def classification(it: Work) -> Tensor:
    """Return the loss of a step without guidance."""
    return F.binary_cross_entropy_with_logits(it.model(it.images), it.labels)


def guided_by_twin(it: Work, layer: str, loss: str) -> Callable[[], Tensor]:
    """Return what computes the loss of a guided step as published."""
    boxes = [each[0] for each in it.boxes]
    module = layer_name(it.model, layer)
    return lambda: twin.guided_loss(it.model, it.method, module, it.images, it.labels, boxes, loss)


def guided(
    it: Work, layer: str, loss: str, annotated: int | None = None, **options: bool
) -> Callable[[], Tensor]:
    """Return what computes the loss of our step, with a region in the first `annotated` images or all."""
    guidance = Guidance(it.model, it.method, layer, loss, **options)
    regions = it.regions(len(it.images) if annotated is None else annotated, most=1)

    def total() -> Tensor:
        logits, localization = guidance(it.images, it.labels, regions)
        return F.binary_cross_entropy_with_logits(logits, it.labels) + localization.to(logits.dtype)

    return total


def step(it: Work, loss: Callable[[], Tensor], training: bool = True) -> Callable[[], None]:
    """Return a whole training step, without the optimizer, which is the same for all."""

    def run() -> None:
        it.model.train(training)
        loss().backward()
        it.model.zero_grad()

    return run


def evaluated_by_twin(it: Work, layer: str) -> list[float]:
    """Return the EPG of every pair as published."""
    it.model.eval()
    return twin.evaluation(it.model, it.method, layer_name(it.model, layer), it.images, it.boxes)


def evaluated(it: Work, layer: str) -> list[float]:
    """Return the EPG of every pair."""
    it.model.eval()
    regions = it.regions(len(it.images), most=2)
    maps = capture(it.model, it.images, it.method, layer).maps(regions.pairs)
    return energy_pointing_game(maps, regions.masks).tolist()
