"""The layers of a model: found by the names of their depth, or by dotted names."""

from torch import nn

from model_guidance.errors import UserError
from model_guidance.models.backbone import Backbone


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
