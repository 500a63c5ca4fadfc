"""The guided forward pass: classification and localization from one run of the network (Eq. 1)."""

import math
from collections.abc import Callable
from contextlib import nullcontext

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.attribution import check_method, explain, tap_for
from model_guidance.autodiff.batch_statistics import uses_batch_statistics
from model_guidance.autodiff.capture import marked
from model_guidance.autodiff.checkpointing import checkpointed
from model_guidance.errors import UserError
from model_guidance.losses import LOSSES
from model_guidance.models.layers import layer_name, residual_blocks
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

    `part` guides only a random part, in (0, 1], of the annotated images of each batch; the loss is unbiased.
    `checkpoint` keeps of each residual block its input only and runs it again in the backward pass: less
    memory, more time.

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
        part: float = 1.0,
        checkpoint: bool = False,
    ):
        super().__init__()
        if not 0 < part <= 1:
            raise UserError(f"part {part}: a number above 0, at most 1, is needed")
        for name, value, known in (
            ("loss", loss, list(LOSSES)),
            ("reduction", reduction, list(REDUCTIONS)),
        ):
            if value not in known:
                raise UserError(f"there is no {name} '{value}': choose one of {', '.join(known)}")
        check_method(model, method)
        self.model = model
        self.method, self.layer, self.loss, self.reduction = method, layer, loss, reduction
        if compile and checkpoint:
            raise UserError("compile and checkpoint exclude each other: choose one")
        self.part, self.checkpoint = part, checkpoint
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
        with checkpointed(residual_blocks(self.model), self._module) if self.checkpoint else nullcontext():
            return self._losses(images, labels, regions)

    def _losses(self, images: Tensor, labels: Tensor, regions: Regions) -> tuple[Tensor, Tensor]:
        drawn = draw_one_class(regions, labels)
        chosen = draw_part(drawn, self.part)
        present = labels[chosen.pairs.images, chosen.pairs.classes] > 0
        divisor = self._divisor(present.sum(), len(chosen) / max(len(drawn), 1))
        if not len(chosen):
            return self.model(images), images.new_zeros(())
        logits, maps = self._explained(images, chosen.pairs)
        return logits, (LOSSES[self.loss](maps, chosen.masks) * present).sum() / divisor

    def _explained(self, images: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Return the logits of all images and the maps of `pairs`, at most one of each image.

        Explaining an image costs several forward passes, so those without an annotation are spared it: they
        go through the network by themselves, unless it normalises over the whole batch.
        """
        guided = pairs.images
        if len(guided) == len(images) or uses_batch_statistics(self.model):
            return self._run(images, pairs)
        # the positions of the others, by a sort: a GPU would have to be waited for to know how many they are
        is_guided = torch.zeros(len(images), device=images.device).index_fill(0, guided, 1)
        rest = is_guided.argsort(stable=True)[: len(images) - len(guided)]
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
                "has no adjoint in autodiff/adjoints: leave compile out"
            )
        compiled = torch.compile(self._logits_and_maps)

        def run(images: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
            with marked(self.model, self._module):
                return compiled(images, pairs)

        self._run = run
        return forward.logits, explain(self.model, forward, pairs, self.method, create_graph=True)

    def _divisor(self, guided: Tensor, share: float) -> Tensor | float:
        """Return what makes the average over processes the mean, or the sum, over all guided images.

        `guided` is how many images this process guides, and `share` which part they are of those it might.
        Every process must get here, also one without a guided image: the others wait for its count.
        """
        parallel = dist.is_available() and dist.is_initialized()
        processes = dist.get_world_size() if parallel else 1
        if self.reduction == "sum":
            return share / processes
        total = guided.float()
        if parallel:
            dist.all_reduce(total)
        return total.clamp(min=1) / processes


def draw_part(regions: Regions, part: float) -> Regions:
    """Keep a random part of the regions, rounded up, in their order."""
    if part == 1:
        return regions
    count = math.ceil(part * len(regions))
    drawn = torch.randperm(len(regions))[:count].sort().values
    return regions[drawn.to(regions.masks.device)]


def draw_one_class(regions: Regions, labels: Float[Tensor, "batch classes"]) -> Regions:
    """Keep one pair of each image, drawn uniformly among those whose class is present in the image.

    Where no image is known to have two pairs there is nothing to draw, and absent classes are kept as well.
    """
    if regions.pairs.distinct:
        return regions
    images, classes = regions.pairs.images, regions.pairs.classes
    order = torch.randperm(len(regions)).to(images.device)
    order = order[labels[images[order], classes[order]] > 0]
    order = order[images[order].argsort(stable=True)]
    first = torch.ones_like(order, dtype=torch.bool)
    first[1:] = images[order][1:] != images[order][:-1]
    drawn = order[first]
    return Regions(Pairs(images[drawn], classes[drawn], distinct=True), regions.masks[drawn])
