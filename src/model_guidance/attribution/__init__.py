"""Attribution maps that can be trained through; one path for training and evaluation."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from model_guidance.attribution.bcos import bcos, check_bcos
from model_guidance.attribution.grad_cam import grad_cam
from model_guidance.attribution.input_x_gradient import input_x_gradient
from model_guidance.attribution.integrated_gradients import integrated_gradients
from model_guidance.attribution.maps import upsample
from model_guidance.autodiff.capture import tap
from model_guidance.errors import UserError
from model_guidance.models.layers import layer_name
from model_guidance.types import Forward, Pairs

Method = Callable[[nn.Module, Forward, Pairs, bool], Tensor]

METHODS: dict[str, Method] = {
    "ixg": input_x_gradient,
    "intgrad": integrated_gradients,
    "gradcam": grad_cam,
    "bcos": bcos,
}


def attribute(
    model: nn.Module,
    images: Float[Tensor, "batch channels height width"],
    classes: Int[Tensor, "batch"] | Sequence[int | Sequence[int]],
    method: str = "ixg",
    layer: str = "input",
    create_graph: bool = False,
) -> Float[Tensor, "pairs height width"]:
    """Explain the logits of some classes of each image.

    `classes` is one class per image, or a list of classes for each image. Returns raw signed maps (neither
    clamped nor scaled) of the image's size, one per (image, class) pair, in image order. With
    `create_graph` they can be differentiated with respect to the model's weights. Raises `UserError` for
    an unknown method or layer.
    """
    forward = tap_for(method, model, images, layer, attached=create_graph)
    pairs = as_pairs(classes, images)
    count = forward.logits.shape[1]
    if not all(0 <= each < count for each in pairs.classes.tolist()):
        raise UserError(f"classes: the model's are 0 to {count - 1}, found {pairs.classes.tolist()}")
    return explain(model, forward, pairs, method, create_graph)


def tap_for(
    method: str,
    model: nn.Module,
    images: Float[Tensor, "batch channels height width"],
    layer: str,
    *,
    attached: bool,
) -> Forward:
    """Run the model once and keep what maps of `method` at `layer` need; see `tap`."""
    return tap(model, images, layer_name(model, layer), attached=attached, constant_factors=method == "bcos")


def explain(
    model: nn.Module, forward: Forward, pairs: Pairs, method: str, create_graph: bool
) -> Float[Tensor, "pairs height width"]:
    """Return the maps of `pairs` for a forward pass that was made already; see `attribute`."""
    check_method(model, method)
    if not len(pairs):
        return forward.logits.new_zeros(0, *forward.size)
    with torch.set_grad_enabled(create_graph):
        maps = METHODS[method](model, forward, pairs, create_graph)
    return upsample(maps if create_graph else maps.detach(), forward.size)


def check_method(model: nn.Module, method: str) -> None:
    """Raise `UserError` unless there is such a method and it can explain `model`."""
    if method not in METHODS:
        raise UserError(f"there is no attribution method '{method}': choose one of {', '.join(METHODS)}")
    if method == "bcos":
        check_bcos(model)


def as_pairs(classes: Tensor | Sequence[int | Sequence[int]], images: Tensor) -> Pairs:
    """Return the (image, class) pairs that `classes` asks for, on the images' device."""
    rows: Sequence[int | Sequence[int]] = classes.tolist() if isinstance(classes, Tensor) else classes
    lists = [[each] if isinstance(each, int) else list(each) for each in rows]
    if len(lists) != len(images):
        raise UserError(f"classes: {len(lists)} entries for {len(images)} images; one per image is needed")
    counts = [len(each) for each in lists]
    flat = torch.tensor([c for each in lists for c in each], dtype=torch.long)
    owners = torch.arange(len(lists)).repeat_interleave(torch.tensor(counts, dtype=torch.long))
    return Pairs(owners, flat, distinct=set(counts) <= {1}).to(images.device)
