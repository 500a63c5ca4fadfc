"""The slow twin: the method as it was published, written plainly from its description.

One double backward through the whole batch at every step, a loop over the images for maps, masks and losses,
one backward pass per (image, class) pair at evaluation, scores in loops over images and classes. It shares
the networks with the package, and nothing else; `speed.py` checks that both compute the same.
"""

from contextlib import ExitStack, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_guidance.autodiff.dynamic_linear import constant_factors

Box = tuple[int, int, int, int, int]  # class, left, top, right, bottom


def forward(model: nn.Module, layer: str, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits and what the module `layer` put out."""
    kept: list[Tensor] = []

    def keep(_: nn.Module, __: object, output: Tensor) -> Tensor:
        kept.append(output if output.requires_grad else output.detach().requires_grad_())
        return kept[0].clone()

    handle = model.get_submodule(layer).register_forward_hook(keep)
    with ExitStack() as stack:
        stack.callback(handle.remove)
        return model(images), kept[0]


def gradient(model: nn.Module, method: str, logit: Tensor, features: Tensor, graph: bool) -> Tensor:
    """Return the gradient of a logit, or of a sum of them, that makes the map."""
    with constant_factors(model) if method == "bcos" else nullcontext():
        return torch.autograd.grad(logit, features, create_graph=graph, retain_graph=True)[0]


def map_of(features: Tensor, slope: Tensor, size: torch.Size) -> Tensor:
    """Return one image's map in its size."""
    small = (features * slope).sum(dim=0)
    return F.interpolate(small[None, None], size, mode="bilinear", align_corners=False)[0, 0]


def mask_of(box: Box, size: torch.Size) -> Tensor:
    """Return the mask of a box."""
    mask = torch.zeros(size)
    mask[box[2] : box[4], box[1] : box[3]] = 1
    return mask


def energy(heat: Tensor, mask: Tensor) -> Tensor:
    """Return one minus the energy pointing game."""
    positive = heat.clamp(min=0)
    return 1 - (positive * mask).sum() / positive.sum()


def l1(heat: Tensor, mask: Tensor) -> Tensor:
    """Return the mean distance of the scaled positive map from the mask."""
    positive = heat.clamp(min=0)
    return (mask - positive / positive.max()).abs().mean()


LOSSES = {"energy": energy, "l1": l1}


def guided_loss(
    model: nn.Module, method: str, layer: str, images: Tensor, labels: Tensor, boxes: list[Box], loss: str
) -> Tensor:
    """Return the loss of a step; box i is the one of image i."""
    logits, features = forward(model, layer, images)
    chosen = torch.stack([logits[i, box[0]] for i, box in enumerate(boxes)]).sum()
    slopes = gradient(model, method, chosen, features, graph=True)
    size, device = images.shape[-2:], images.device
    total = torch.zeros((), dtype=logits.dtype, device=device)
    for i, box in enumerate(boxes):
        mask = mask_of(box, size).to(device)
        total = total + LOSSES[loss](map_of(features[i], slopes[i], size), mask)
    return F.binary_cross_entropy_with_logits(logits, labels) + total / len(boxes)


def evaluation(
    model: nn.Module, method: str, layer: str, images: Tensor, boxes: list[list[Box]]
) -> list[float]:
    """Return the EPG of every pair; `boxes[i]` are those of image i, one per class."""
    logits, features = forward(model, layer, images)
    scores = []
    for i, own in enumerate(boxes):
        for box in own:
            slope = gradient(model, method, logits[i, box[0]], features, graph=False)[i]
            heat = map_of(features[i], slope, images.shape[-2:]).detach()
            mask = mask_of(box, images.shape[-2:]).to(images.device)
            scores.append(1 - energy(heat, mask).item())
    return scores


def f1(logits: Tensor, labels: Tensor) -> float:
    """Return the F1 over all decisions."""
    right = false = missed = 0
    for row, truth in zip(logits, labels, strict=True):
        for value, present in zip(row, truth, strict=True):
            right += int(value > 0 and present > 0)
            false += int(value > 0 and present == 0)
            missed += int(value <= 0 and present > 0)
    return 2 * right / max(2 * right + false + missed, 1)
