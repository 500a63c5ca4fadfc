"""The guided forward pass: classification and localization from one run of the network (Eq. 1)."""

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.attribution import check_method, explain
from model_guidance.errors import UserError
from model_guidance.losses import LOSSES
from model_guidance.models.tap import layer_name, tap
from model_guidance.types import Regions

REDUCTIONS = ("mean", "sum")


class Guidance(nn.Module):
    """Wraps a model so that a training loop gets its logits and its localization loss in one call.

    `forward(images, labels, regions)` returns the logits `Float[B C]` and a scalar to be added, times
    lambda, to the classification loss. One of the positive classes with a region, drawn at random, is
    guided in each image that has any (torch's global generator). `reduction` is over the guided images:
    their mean does not depend on the batch size or on how many images are annotated; their sum is the
    paper's. Without a region in the batch the loss is 0.

    Everything, `autograd.grad` included, happens inside `forward`: wrap this module, not the model, for
    data-parallel training. The mean is then over the guided images of all processes.
    """

    def __init__(
        self,
        model: nn.Module,
        method: str = "ixg",
        layer: str = "layer4",
        loss: str = "energy",
        reduction: str = "mean",
    ):
        super().__init__()
        for name, value, known in (
            ("loss", loss, list(LOSSES)),
            ("reduction", reduction, list(REDUCTIONS)),
        ):
            if value not in known:
                raise UserError(f"there is no {name} '{value}': choose one of {', '.join(known)}")
        check_method(model, method)
        layer_name(model, layer)
        self.model = model
        self.method, self.layer, self.loss, self.reduction = method, layer, loss, reduction

    def forward(
        self,
        images: Float[Tensor, "batch channels height width"],
        labels: Float[Tensor, "batch classes"],
        regions: Regions,
    ) -> tuple[Float[Tensor, "batch classes"], Float[Tensor, ""]]:
        """Return the logits and the localization loss."""
        chosen = draw_one_class(regions, labels)
        if not len(chosen):
            return self.model(images), images.new_zeros(())
        forward = tap(self.model, images, self.layer, attached=True)
        maps = explain(self.model, forward, chosen.pairs, self.method, create_graph=True)
        total = LOSSES[self.loss](maps, chosen.masks).sum()
        return forward.logits, total if self.reduction == "sum" else total / _mean_divisor(len(chosen), total)


def draw_one_class(regions: Regions, labels: Float[Tensor, "batch classes"]) -> Regions:
    """Keep one pair of each image, drawn uniformly among those whose class is present in the image."""
    images, classes = regions.pairs.images, regions.pairs.classes
    order = torch.randperm(len(regions)).to(images.device)
    order = order[labels[images[order], classes[order]] > 0]
    order = order[images[order].argsort(stable=True)]
    first = torch.ones_like(order, dtype=torch.bool)
    first[1:] = images[order][1:] != images[order][:-1]
    return regions[order[first]]


def _mean_divisor(count: int, like: Tensor) -> Tensor:
    """Return how many images were guided, such that the average over processes is the mean over them all."""
    total = like.new_tensor(float(count)).detach()
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(total)
        total /= dist.get_world_size()
    return total.clamp(min=torch.finfo(total.dtype).tiny)
