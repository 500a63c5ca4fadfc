"""Attribution maps that can be trained through; one path for training and evaluation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import index
from typing import Any, SupportsIndex

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.attribution.bcos import bcos, check_bcos
from model_guidance.attribution.grad_cam import grad_cam
from model_guidance.attribution.gradients import class_gradients
from model_guidance.attribution.input_x_gradient import input_x_gradient
from model_guidance.attribution.integrated_gradients import integrated_gradients, points
from model_guidance.attribution.maps import upsample
from model_guidance.autodiff.arguments import also_given
from model_guidance.autodiff.capture import CapturedFeatures, capture_features
from model_guidance.autodiff.inference_mode import ordinary, ordinary_mode
from model_guidance.checks import check_images, check_model, described, size_of
from model_guidance.errors import UserError
from model_guidance.lookup import find
from model_guidance.models.layers import find_layer, unwrapped
from model_guidance.models.layout import check_layout, layout_of
from model_guidance.models.trunk import check_accepted
from model_guidance.types import Pairs

Method = Callable[[nn.Module, CapturedFeatures, Pairs, bool], Tensor]
"""`method(model, captured, pairs, create_graph)` returns a raw signed map of each pair at the features' size,
`Float[pairs rows columns]`. `captured` has the features and the way back to them, see `CapturedFeatures`;
`gradients.class_gradients` asks it for the gradient of each pair's logit. With `create_graph` the maps must
be differentiable with respect to the weights."""

METHODS: dict[str, Method] = {
    "ixg": input_x_gradient,
    "intgrad": integrated_gradients,
    "gradcam": grad_cam,
    "bcos": bcos,
}


@dataclass(frozen=True)
class Explanation:
    """One forward pass whose logits can be explained, by one method at one layer."""

    model: nn.Module
    method: Method
    captured: CapturedFeatures
    create_graph: bool
    arguments: Mapping[str, Any] | None = None

    @property
    def logits(self) -> Float[Tensor, "batch classes"]:
        """The logits of the images."""
        return self.captured.logits

    def maps(self, pairs: Pairs) -> Float[Tensor, "pairs height width"]:
        """Return the raw signed map of each pair, at the images' size."""
        if not len(pairs):
            return self.logits.new_zeros(0, *self.captured.size)
        given = also_given(unwrapped(self.model)[0], self.arguments, len(self.logits))
        with ordinary_mode(), torch.set_grad_enabled(self.create_graph), given:
            maps = self.method(self.model, self.captured, pairs.map(ordinary), self.create_graph)
        if maps.ndim != 3 or len(maps) != len(pairs):
            raise UserError(
                f"method: it returned {described(maps)}, one map for each of {len(pairs)} is needed"
            )
        return upsample(maps if self.create_graph else maps.detach(), self.captured.size)


def capture(
    model: nn.Module,
    images: Float[Tensor, "batch channels height width"],
    method: str | Method | None = None,
    layer: str = "final",
    *,
    create_graph: bool = False,
    layout: str | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Explanation:
    """Run the model once and keep what maps of `method` at `layer` need.

    `method` is a key of `METHODS`, the dotted name of a function, or a function itself (see `Method`); None
    is the model's own default. `layout` says how the layer's output becomes a map, where its shape does not
    tell: "NCHW", "NHWC", "tokens", "tokens:PREFIX" or "tokens:PREFIX:ROWSxCOLUMNS". With `create_graph`
    logits and maps can be differentiated with respect to the weights. `arguments` are what the model takes
    besides the images, by their names. Raises `UserError` for an unknown method or layer, or one that does
    not go with the model.
    """
    check_images(images, model)
    check_layout(layout)
    with ordinary_mode(), also_given(unwrapped(model)[0], arguments, len(images)):
        images = ordinary(images)
        function, module = method_of(model, method), find_layer(model, layer, images)
        found = capture_at(model, images, function, module, create_graph, layout)
    return replace(found, arguments=arguments)


def capture_at(
    model: nn.Module,
    images: Tensor,
    method: Method,
    module: str,
    create_graph: bool,
    layout: str | None = None,
) -> Explanation:
    """Do what `capture` does, with the function and the module's dotted name that it found."""
    try:
        captured = capture_features(
            model,
            images,
            module,
            attached=create_graph,
            constant_factors=method is bcos,
            layout_of=partial(layout_of, model, size_of(images, model), said=layout),
        )
    except (AssertionError, RuntimeError):
        check_accepted(model, images)
        raise
    return Explanation(model, method, captured, create_graph)


def attribute(
    model: nn.Module,
    images: Float[Tensor, "batch channels height width"],
    classes: Tensor | np.ndarray | Sequence[SupportsIndex | Sequence[SupportsIndex]],
    method: str | Method | None = None,
    layer: str = "final",
    create_graph: bool = False,
    layout: str | None = None,
    *,
    arguments: Mapping[str, Any] | None = None,
) -> Float[Tensor, "pairs height width"]:
    """Explain the logits of some classes of each image.

    `classes` is one class number for each image, a list of class numbers for each, or labels `[B C]`, one-hot
    or multi-hot, whose positive classes are explained. Returns raw signed maps (neither clamped nor scaled)
    of the image's size, one per (image, class) pair, in image order. `method`, `layer`, `layout`
    and `arguments` as for `capture`. With `create_graph` the maps can be differentiated with respect to the
    model's weights. Raises `UserError` for what does not fit together.
    """
    explanation = capture(
        model, images, method, layer, create_graph=create_graph, layout=layout, arguments=arguments
    )
    return explanation.maps(as_pairs(classes, images, explanation.logits.shape[1]))


def method_of(model: nn.Module, method: str | Method | None) -> Method:
    """Return the method as a function; `UserError` unless there is one and it can explain `model`."""
    check_model(model)
    asked = default_method(model) if method is None else method
    function = find("attribution method", asked, METHODS, ("model", "captured", "pairs", "create_graph"))
    if function is bcos:
        check_bcos(model)
    return function


def passes_of(model: nn.Module, method: str | Method | None) -> int:
    """Return how often an explanation goes through the network and back; for a method of one's own 1."""
    return points(model) if method_of(model, method) is integrated_gradients else 1


def default_method(model: nn.Module) -> str:
    """Return the name of the method that a model says to be explained by; otherwise input times gradient."""
    return getattr(unwrapped(model)[0], "default_method", "ixg")


def as_pairs(classes: Any, images: Tensor, count: int) -> Pairs:
    """Return the (image, class) pairs that `classes` asks for, of `count` classes, on the images' device."""
    lists = _class_lists(classes, count)
    if len(lists) != len(images):
        raise UserError(f"classes: {len(lists)} entries for {len(images)} images; one per image is needed")
    counts = [len(each) for each in lists]
    flat = [each for own in lists for each in own]
    if not all(0 <= each < count for each in flat):
        raise UserError(f"classes: the model's are 0 to {count - 1}, found {flat}")
    owners = torch.arange(len(lists)).repeat_interleave(torch.tensor(counts, dtype=torch.long))
    pairs = Pairs(owners, torch.tensor(flat, dtype=torch.long), distinct=set(counts) <= {1})
    return pairs.to(images.device)


def _class_lists(classes: Any, count: int) -> list[list[int]]:
    rows = torch.as_tensor(classes) if hasattr(classes, "shape") else classes
    if isinstance(rows, Tensor) and rows.ndim == 2:
        if rows.shape[1] != count or not ((rows == 0) | (rows == 1)).all():
            raise UserError(
                f"classes: {described(rows)} found; labels are 0 or 1, [batch, {count}]; several classes of "
                "an image are given as a list of lists"
            )
        return [row.nonzero().flatten().tolist() for row in rows]
    try:
        return [
            [index(each)] if not hasattr(each, "__len__") else [*map(index, each)] for each in _listed(rows)
        ]
    except TypeError as error:
        raise UserError(
            f"classes: {described(classes)} found, class numbers are needed, or lists of them"
        ) from error


def _listed(rows: Any) -> list[Any]:
    return rows.tolist() if isinstance(rows, Tensor) else list(rows)


__all__ = [
    "METHODS",
    "Explanation",
    "Method",
    "attribute",
    "bcos",
    "capture",
    "class_gradients",
    "grad_cam",
    "input_x_gradient",
    "integrated_gradients",
]


def __dir__() -> list[str]:
    return __all__
