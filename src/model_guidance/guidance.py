"""The guided forward pass: classification and localization from one run of the network (Eq. 1)."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.attribution import Explanation, Method, capture_at, default_method, method_of
from model_guidance.autodiff.arguments import also_given
from model_guidance.autodiff.batch_statistics import (
    influence_each_other,
    several_values,
    uses_batch_statistics,
)
from model_guidance.autodiff.capture import watched
from model_guidance.autodiff.checkpointing import checkpointed
from model_guidance.autodiff.inference_mode import ordinary, ordinary_mode
from model_guidance.checks import (
    check_batch,
    check_images,
    check_logits,
    check_model,
    check_trainable,
    described,
    logits_of,
    present,
    size_of,
)
from model_guidance.effect import Effect
from model_guidance.errors import UserError, meant
from model_guidance.guided import draw_one_class, draw_part
from model_guidance.lookup import find, name_of, takes_so_many
from model_guidance.losses import LOSSES, Loss
from model_guidance.models.layers import find_layer, layer_name, needs_images, residual_blocks, unwrapped
from model_guidance.models.layout import check_layout
from model_guidance.types import Pairs, Regions

REDUCTIONS = ("mean", "sum")


class Guidance(nn.Module):
    """Wraps a model so that a training loop gets its logits and its localization loss in one call.

    `forward(images, labels, regions)` returns the logits `Float[B C]` and a scalar to be added, times
    lambda, to the classification loss. One of the positive classes with a region, drawn at random, is
    guided in each image that has any (torch's global generator). `method` and `loss` are names of
    `attribution.METHODS` and `losses.LOSSES`, dotted names of functions, or functions; without a method the
    model's default is taken. `layer` is a depth's name or a module's dotted name.

    `reduction` is over the guided images: their mean does not depend on the batch size or on how many images
    are annotated; their sum is the paper's. Without a region in the batch the loss is 0. Images without a
    region are not explained, which makes a step with few of them cost little more than plain training, unless
    batch normalisation is in training mode: then the images of a batch belong together. With `compile` the
    guided part of the forward pass and its backward pass go through `torch.compile`: the second step takes
    minutes, later ones less time. The first one raises `UserError` if only autograd can take maps through the
    network.

    `layout` says where the channels of the layer's features are, see `attribution.capture`.
    `part` guides only a random part, in (0, 1], of the annotated images of each batch; the loss is unbiased.
    `checkpoint` keeps of each residual block its input only and runs it again in the backward pass: less
    memory, more time.

    Everything, `autograd.grad` included, happens inside `forward`: wrap this module, not the model, for
    data-parallel training. Mean and sum are then over the guided images of all processes.
    """

    def __init__(
        self,
        model: nn.Module,
        method: str | Method | None = None,
        layer: str = "final",
        loss: str | Loss = "energy",
        *,
        reduction: str = "mean",
        compile: bool = False,
        part: float = 1.0,
        checkpoint: bool = False,
        layout: str | None = None,
    ):
        super().__init__()
        if not 0 < part <= 1:
            raise UserError(f"part {part}: a number above 0, at most 1, is needed")
        if reduction not in REDUCTIONS:
            raise UserError(
                f"there is no reduction '{reduction}': choose one of {', '.join(REDUCTIONS)}"
                f"{meant(reduction, REDUCTIONS)}"
            )
        if compile and checkpoint:
            raise UserError("compile and checkpoint exclude each other: choose one")
        check_layout(layout)
        if not needs_images(model, layer):
            layer_name(model, layer)  # or a UserError
        self.model = model
        self.method = default_method(model) if method is None else method
        self.layer, self.loss, self.reduction = layer, loss, reduction
        self.layout = layout
        self.compile_step, self.part, self.checkpoint = compile, part, checkpoint
        self._method = method_of(model, self.method)
        self._loss = find("loss", loss, LOSSES, takes=("maps", "masks"))
        self._judges = takes_so_many(self._loss, 3)
        self._effect = Effect()
        self._module: str | None = None
        self._together = False
        self._compiled: Callable[[Tensor, Pairs], tuple[Tensor, Tensor]] | None = None
        self._mixing: dict[bool, bool] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the compiled step, which is of this one's weights: a copy compiles its own."""
        return {**vars(self), "_compiled": None}

    if TYPE_CHECKING:

        def __call__(  # noqa: D102  (what `forward` does)
            self,
            images: Tensor,
            labels: Any,
            regions: Regions | None,
            *,
            normalizer: Any = None,
            arguments: Mapping[str, Any] | None = None,
        ) -> tuple[Tensor, Tensor]: ...

    def forward(
        self,
        images: Float[Tensor, "batch channels height width"],
        labels: Any,
        regions: Regions | None,
        *,
        normalizer: float | Tensor | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> tuple[Float[Tensor, "batch classes"], Float[Tensor, ""]]:
        """Return the logits and the localization loss.

        `labels` are class numbers `Int[B]`, one-hot or multi-hot `[B C]`, or for a single logit `Float[B]`.
        `normalizer` is what the mean divides by instead of the guided images of this batch: their number in
        all batches whose gradients are accumulated, see `guided_images`. With several processes each gives
        the number of its own. `arguments` are what the model takes besides the images, by their names; then
        all images of a batch are explained. Raises `UserError` for what does not fit together.
        """
        check_images(images, self.model)
        check_model(self.model)
        check_trainable(self.model, images)
        labels, regions = check_batch(images, labels, regions, size_of(images, self.model))
        if normalizer is not None and self.reduction != "mean":
            raise UserError(f"normalizer: the reduction is '{self.reduction}', it belongs to 'mean'")
        if arguments and self.compile_step:
            raise UserError("arguments: a compiled step takes images only: leave compile out")
        self._together = bool(arguments)
        given = also_given(unwrapped(self.model)[0], arguments, len(images))
        trains = torch.is_grad_enabled()
        with ordinary_mode(), several_values(), given:
            images, labels, regions = ordinary(images), ordinary(labels), regions.map(ordinary)
            module = self._found(images)
            with checkpointed(residual_blocks(self.model), module) if self.checkpoint else nullcontext():
                logits, localization = self._losses(images, labels, regions, normalizer)
        check_logits(logits, labels)
        return (logits, localization) if trains else (logits.detach(), localization.detach())

    def _found(self, images: Tensor) -> str:
        """Return the dotted name of the layer, which may have to be seen in a forward pass."""
        if self._module is None:
            self._module = find_layer(self.model, self.layer, images)
        return self._module

    def _losses(
        self, images: Tensor, labels: Tensor, regions: Regions, normalizer: float | Tensor | None
    ) -> tuple[Tensor, Tensor]:
        self._effect.of_classes(labels, regions)
        drawn = draw_one_class(regions, labels)
        guided = draw_part(drawn, self.part)
        share = len(guided) / max(len(drawn), 1)
        total = present(labels, drawn.pairs).sum() if normalizer is None else torch.as_tensor(normalizer)
        divisor = self._divisor(share * total.to(images.device), share)
        if not len(guided):
            return logits_of(self.model(images)), images.new_zeros(())
        logits, maps = self._explained(images, guided.pairs)
        self._effect.of_maps(maps, self._loss)
        counted = present(labels, guided.pairs)
        return logits, (self._each(maps, guided) * counted).sum() / divisor

    def _each(self, maps: Tensor, regions: Regions) -> Tensor:
        """Return the localization loss of each pair."""
        valid = () if regions.valid is None else (regions.valid,)
        if valid and not self._judges:
            raise UserError(
                f"loss: {name_of(self.loss)}: takes maps and masks only, but must take `valid` as well, the "
                "pixels that count: some images have nothing but what must not be used"
            )
        values = self._loss(maps, regions.masks, *valid)
        if values.shape != (len(regions),):
            raise UserError(
                f"loss: {name_of(self.loss)} returned {described(values)}, one value for each of "
                f"{len(regions)} pairs is needed"
            )
        return values

    def _explained(self, images: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Return the logits of all images and the maps of `pairs`, at most one of each image.

        Explaining an image costs several forward passes, so those without an annotation are spared it: they
        go through the network by themselves, unless it lets the images of a batch influence each other.
        """
        guided = pairs.image_index
        if len(guided) == len(images) or self._together or self._mixes(images):
            return self._run(images, pairs)
        # the positions of the others, by a sort: a GPU would have to be waited for to know how many they are
        is_guided = torch.zeros(len(images), device=images.device).index_fill(0, guided, 1)
        rest = is_guided.argsort(stable=True)[: len(images) - len(guided)]
        alone = Pairs(torch.arange(len(guided), device=images.device), pairs.class_index, distinct=True)
        logits, maps = self._run(images[guided], alone)
        order = torch.cat([guided, rest]).argsort()
        return torch.cat([logits, logits_of(self.model(images[rest]))])[order], maps

    def _mixes(self, images: Tensor) -> bool:
        """Return whether images must stay together; autograd is asked once in each mode."""
        if uses_batch_statistics(self.model):
            return True
        mode = self.model.training
        if mode not in self._mixing:
            self._mixing[mode] = influence_each_other(self.model, images)
        return self._mixing[mode]

    def _run(self, images: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
        if not self.compile_step:
            return self._logits_and_maps(images, pairs)
        if self._compiled is None:
            return self._first(images, pairs)
        with watched(self.model, self._found(images)):
            return self._compiled(images, pairs)

    def _first(self, images: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Do a step as it is, which shows whether the next ones can be compiled."""
        explanation = self._capture(images)
        if not explanation.captured.by_adjoints:
            raise UserError(
                f"compile: {name_of(self.method)} maps of this network cannot be compiled, because "
                f"{explanation.captured.without_adjoint} has no adjoint in autodiff/adjoints: leave it out"
            )
        self._compiled = torch.compile(self._logits_and_maps)
        return explanation.logits, explanation.maps(pairs)

    def _logits_and_maps(self, images: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
        explanation = self._capture(images)
        return explanation.logits, explanation.maps(pairs)

    def _capture(self, images: Tensor) -> Explanation:
        explanation = capture_at(self.model, images, self._method, self._found(images), True, self.layout)
        if not torch.compiler.is_compiling():
            self._effect.of_size(self.layer, explanation.captured.features)
        return explanation

    def _divisor(self, guided: Tensor, share: float) -> Tensor | float:
        """Return what makes the average over processes the mean, or the sum, over all guided images.

        `guided` is how many images this process may be expected to guide, and `share` which part they are of
        those it might.
        Every process must get here, also one without a guided image: the others wait for its count. Without
        gradients, in a validation that may be that of one process, the mean is over its own images.
        """
        parallel = dist.is_available() and dist.is_initialized() and torch.is_grad_enabled()
        processes = dist.get_world_size() if parallel else 1
        if self.reduction == "sum":
            return share / processes
        total = guided.float()
        if parallel:
            dist.all_reduce(total)
        return total.clamp(min=torch.finfo(total.dtype).tiny) / processes
