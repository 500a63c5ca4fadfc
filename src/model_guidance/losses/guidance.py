"""The guided forward pass: classification and localization from one run of the network (Eq. 1)."""

from collections.abc import Callable

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.attribution import check_method, explain, tap_for
from model_guidance.errors import UserError
from model_guidance.losses import LOSSES
from model_guidance.models.batch_statistics import uses_batch_statistics
from model_guidance.models.tap import layer_name, marked
from model_guidance.types import Forward, Pairs, Regions

REDUCTIONS = ("mean", "sum")


class Guidance(nn.Module):
    """Wraps a model so that a training loop gets its logits and its localization loss in one call.

    `forward(images, labels, regions)` returns the logits `Float[B C]` and a scalar to be added, times
    lambda, to the classification loss. One of the positive classes with a region, drawn at random, is
    guided in each image that has any (torch's global generator). `reduction` is over the guided images:
    their mean does not depend on the batch size or on how many images are annotated; their sum is the
    paper's. Without a region in the batch the loss is 0. Images without a region are not explained, which
    makes a step with few of them hardly dearer than plain training, unless batch normalisation is in
    training mode: then the images of a batch belong together. With `compile` the guided part of the forward
    pass and its backward pass go through `torch.compile`: the second step takes minutes, later ones less
    time. The first one raises `UserError` if only autograd can take maps through the network.

    Everything, `autograd.grad` included, happens inside `forward`: wrap this module, not the model, for
    data-parallel training. Mean and sum are then over the guided images of all processes.
    """

    def __init__(
        self,
        model: nn.Module,
        method: str = "ixg",
        layer: str = "layer4",
        loss: str = "energy",
        reduction: str = "mean",
        compile: bool = False,
    ):
        super().__init__()
        for name, value, known in (
            ("loss", loss, list(LOSSES)),
            ("reduction", reduction, list(REDUCTIONS)),
        ):
            if value not in known:
                raise UserError(f"there is no {name} '{value}': choose one of {', '.join(known)}")
        check_method(model, method)
        self.model = model
        self.method, self.layer, self.loss, self.reduction = method, layer, loss, reduction
        self._module = layer_name(model, layer)
        self._run: Callable[[Tensor, Pairs], tuple[Tensor, Tensor]] = self._logits_and_maps
        if compile:
            self._run = self._first

    def forward(
        self,
        images: Float[Tensor, "batch channels height width"],
        labels: Float[Tensor, "batch classes"],
        regions: Regions,
    ) -> tuple[Float[Tensor, "batch classes"], Float[Tensor, ""]]:
        """Return the logits and the localization loss."""
        chosen = draw_one_class(regions, labels)
        divisor = self._divisor(len(chosen), images.device)
        if not len(chosen):
            return self.model(images), images.new_zeros(())
        logits, maps = self._explained(images, chosen.pairs)
        return logits, LOSSES[self.loss](maps, chosen.masks).sum() / divisor

    def _explained(self, images: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Return the logits of all images and the maps of `pairs`, at most one of each image.

        Explaining an image costs several forward passes, so those without an annotation are spared it: they
        go through the network by themselves, unless it normalises over the whole batch.
        """
        guided = pairs.images
        if len(guided) == len(images) or uses_batch_statistics(self.model):
            return self._run(images, pairs)
        plain = torch.ones(len(images), dtype=torch.bool, device=images.device)
        plain[guided] = False
        rest = plain.nonzero().squeeze(1)
        alone = Pairs(torch.arange(len(guided), device=images.device), pairs.classes, distinct=True)
        logits, maps = self._run(images[guided], alone)
        order = torch.cat([guided, rest]).argsort()
        return torch.cat([logits, self.model(images[rest])])[order], maps

    def _tap(self, images: Tensor) -> Forward:
        return tap_for(self.method, self.model, images, self.layer, attached=True)

    def _logits_and_maps(self, images: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
        forward = self._tap(images)
        return forward.logits, explain(self.model, forward, pairs, self.method, create_graph=True)

    def _first(self, images: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Do a step as it is, which shows whether the next ones can be compiled."""
        forward = self._tap(images)
        if not forward.recorded:
            raise UserError(
                f"compile: {self.method} maps of this network cannot be compiled, because an operation in it "
                "has no adjoint in models/adjoints.py: leave compile out"
            )
        compiled = torch.compile(self._logits_and_maps)

        def run(images: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
            with marked(self.model, self._module):
                return compiled(images, pairs)

        self._run = run
        return forward.logits, explain(self.model, forward, pairs, self.method, create_graph=True)

    def _divisor(self, count: int, device: torch.device) -> Tensor:
        """Return what makes the average over processes the mean, or the sum, over all guided images.

        Every process must get here, also one without a guided image: the others wait for its count.
        """
        parallel = dist.is_available() and dist.is_initialized()
        processes = dist.get_world_size() if parallel else 1
        total = torch.tensor(1.0 if self.reduction == "sum" else float(count), device=device)
        if parallel and self.reduction == "mean":
            dist.all_reduce(total)
        return total / processes


def draw_one_class(regions: Regions, labels: Float[Tensor, "batch classes"]) -> Regions:
    """Keep one pair of each image, drawn uniformly among those whose class is present in the image."""
    images, classes = regions.pairs.images, regions.pairs.classes
    order = torch.randperm(len(regions)).to(images.device)
    order = order[labels[images[order], classes[order]] > 0]
    order = order[images[order].argsort(stable=True)]
    first = torch.ones_like(order, dtype=torch.bool)
    first[1:] = images[order][1:] != images[order][:-1]
    drawn = order[first]
    return Regions(Pairs(images[drawn], classes[drawn], distinct=True), regions.masks[drawn])
