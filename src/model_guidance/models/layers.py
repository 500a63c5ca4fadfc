"""The layers of a model: found by the names of their depth, or by dotted names."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.checks import check_images, logits_of
from model_guidance.errors import UserError
from model_guidance.models.backbone import Backbone
from model_guidance.models.layout import channels_last

POOLED = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Dropout)  # what is behind the last features


def find_layer(model: nn.Module, layer: str, images: Tensor) -> str:
    """Return the dotted module name of `layer`, or "" for the input of a model without an encoding.

    Where a model does not say what its `final` layer is, one of the images shows it. Raises `UserError`,
    listing the layers that exist, if there is no such layer.
    """
    if layer == "final" and layer not in _named(model) and not hasattr(model, layer):
        return _last_spatial(model, images[:1])
    return layer_name(model, layer)


def layer_name(model: nn.Module, layer: str) -> str:
    """Return the same without images; `final` only of a model that says what it is."""
    names, modules = _named(model), dict(model.named_modules())
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


class Layer(NamedTuple):
    """A layer that can be explained: its name, the size of its maps, and where its channels are."""

    name: str
    rows: int
    columns: int
    layout: str


def layers(model: nn.Module, images: Float[Tensor, "batch channels height width"]) -> list[Layer]:
    """Return the modules whose features have rows and columns for such images, from the input to the logits.

    One pass of one image shows it. Those whose layout their shape does not tell are left out.
    """
    check_images(images, model)
    found, _ = traced_outputs(model, images[:1])
    height, width = images.shape[-2:]
    listed = [Layer("input", height, width, "NCHW")]
    for name, output in found:
        if output.ndim == 4 and not isinstance(model.get_submodule(name), nn.Dropout):
            with suppress(UserError):
                last = channels_last(model, (height, width), output.shape)
                rows, columns = output.shape[1:3] if last else output.shape[2:]
                listed.append(Layer(name, rows, columns, "NHWC" if last else "NCHW"))
    return listed


def _named(model: nn.Module) -> Mapping[str, str]:
    return model.layers if isinstance(model, Backbone) else {"input": ""}


def _last_spatial(model: nn.Module, image: Tensor) -> str:
    """Return the module that puts out the last features with rows and columns, before they are pooled."""
    found, logits = traced_outputs(model, image)
    spatial = [
        i
        for i, (name, output) in enumerate(found)
        if output.ndim == 4
        and sum(side > 1 for side in output.shape[1:]) == 3
        and output.shape[1] != logits.shape[1]
        and not isinstance(model.get_submodule(name), POOLED)
    ]
    if not spatial:
        raise UserError("layer 'final': no module of this network puts out rows and columns for these images")
    name, _ = found[spatial[-1]]
    for after, output in found[spatial[-1] + 1 :]:
        if output.ndim == 3:
            raise UserError(
                f"layer 'final': after '{name}' this network goes on with tokens, '{after}' puts out "
                f"{list(output.shape)}: give the dotted name of a module with rows and columns"
            )
    return name


def traced_outputs(model: nn.Module, image: Tensor) -> tuple[list[tuple[str, Tensor]], Tensor]:
    """Return what the modules put out in a forward pass in evaluation mode, in order, and the logits."""
    found: list[tuple[str, Tensor]] = []

    def keep(name: str, _: nn.Module, __: Any, output: object) -> None:
        if isinstance(output, Tensor):
            found.append((name, output))

    modes = {module: module.training for module in model.modules()}
    hooks = [m.register_forward_hook(partial(keep, n)) for n, m in model.named_modules() if n]
    try:
        with torch.no_grad():
            return found, logits_of(model.eval()(image))
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes.items():
            module.training = training


def residual_blocks(model: nn.Module) -> dict[str, nn.Module]:
    """Return the blocks of the model's stages by dotted name; raises `UserError` if it has no stages."""
    stages = (
        [name for name in model.layers.values() if name != "encode"] if isinstance(model, Backbone) else []
    )
    blocks = {
        f"{stage}.{name}": block
        for stage in stages
        for name, block in model.get_submodule(stage).named_children()
        if isinstance(model.get_submodule(stage), nn.Sequential)
    }
    if not blocks:
        raise UserError("checkpoint: this network has no stages of blocks; leave checkpoint out")
    return blocks
