"""A forward pass that keeps the features of one layer; the hook is always removed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from model_guidance.errors import UserError
from model_guidance.models.backbone import Backbone
from model_guidance.types import Forward


def layer_name(model: nn.Module, layer: str) -> str:
    """Return the dotted module name of `layer`, or "" for the input of a model without an encoding.

    Raises `UserError`, listing the layers that exist, if there is no such layer.
    """
    names = model.layers if isinstance(model, Backbone) else {"input": ""}
    modules = dict(model.named_modules())
    if layer in names:
        return names[layer]
    for name in (layer, f"network.{layer}"):
        if name in modules and layer:
            return name
    children = [name for name in modules if name and name.count(".") <= 1]
    raise UserError(
        f"there is no layer '{layer}': choose one of {', '.join(names)}, or a module's dotted name, "
        f"such as {', '.join(children[:12])}"
    )


def tap(
    model: nn.Module, images: Float[Tensor, "batch channels height width"], layer: str, *, attached: bool
) -> Forward:
    """Run the model once and keep what `layer` puts out, ready to be differentiated with respect to.

    With `attached` the features remain a function of the weights (training); without, they are cut off
    from them (evaluation). `Forward.resume` runs the rest of the network from other features: batch
    statistics that such a run would update are left as they are.
    """
    name = layer_name(model, layer)
    kept: list[Tensor] = []

    def keep(output: Tensor) -> Tensor:
        _check_features(output, layer, kept)
        kept.append(output if attached and output.requires_grad else output.detach().requires_grad_())
        return kept[0].clone()  # the next layer may work in place

    def resume(features: Tensor) -> Tensor:
        buffers = {key: value.clone() for key, value in model.named_buffers()}
        with _replaced_output(model, name, lambda _: features.clone()) as run:
            return functional_call(model, buffers, (run(images),))

    with torch.enable_grad(), _replaced_output(model, name, keep) as run:
        logits = model(run(images))
    if not kept:
        raise UserError(f"layer '{layer}' is not used in a forward pass: choose another layer")
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        raise UserError(f"the model puts out {_described(logits)}: logits [batch, classes] are needed")
    height, width = images.shape[-2:]
    return Forward(logits, kept[0], resume, (height, width))


@contextmanager
def _replaced_output(
    model: nn.Module, name: str, replace: Callable[[Tensor], Tensor]
) -> Iterator[Callable[[Tensor], Tensor]]:
    """Pass the output of the module `name` through `replace`; yield what must be done to the images."""
    if not name:
        yield replace
        return
    handle = model.get_submodule(name).register_forward_hook(lambda _, __, output: replace(output))
    try:
        yield lambda images: images
    finally:
        handle.remove()


def _check_features(output: object, layer: str, kept: list[Tensor]) -> None:
    if kept:
        raise UserError(f"layer '{layer}' is used more than once in a forward pass: choose another layer")
    if not isinstance(output, Tensor) or output.ndim != 4:
        raise UserError(
            f"layer '{layer}' puts out {_described(output)}: a map needs [batch, channels, rows, columns], "
            "so choose a convolutional layer"
        )


def _described(output: object) -> str:
    return str(list(output.shape)) if isinstance(output, Tensor) else type(output).__name__
