"""The layers of a model: found by the names of their depth, or by dotted names."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel

from model_guidance.autodiff.arguments import also_given
from model_guidance.autodiff.inference_mode import ordinary, ordinary_mode
from model_guidance.checks import check_images, check_model
from model_guidance.errors import UserError, meant
from model_guidance.models.after_layer import AfterLayer
from model_guidance.models.backbone import Backbone
from model_guidance.models.depths import DEPTHS, places_of

WRAPPERS = (
    "_orig_mod",
    "base_model.model",
    "module",
)  # what torch.compile, peft, DDP and `AfterLayer` call it


class Layer(NamedTuple):
    """A layer that can be explained: its name, the size of its maps, how its output becomes one.

    `layout` is spelled as the argument of that name; `depth` is "input", "mid1" to "mid3", "final" or "".
    """

    name: str
    rows: int
    columns: int
    layout: str
    depth: str = ""


def find_layer(model: nn.Module, layer: str, images: Tensor) -> str:
    """Return the dotted module name of `layer`, or "" for the input of a model without an encoding.

    Where a model does not say what its `mid1` to `final` layers are, one of the images shows it. Raises
    `UserError`, naming layers that exist, if there is no such layer, or if it lies in what is frozen.
    """
    name = _found(model, layer, images)
    if isinstance(model, AfterLayer):
        model.check_runs(layer, name.removeprefix("module."))
    return name


def _found(model: nn.Module, layer: str, images: Tensor) -> str:
    if needs_images(model, layer):
        inner, prefix = unwrapped(model)
        places, depths = places_of(inner, model.image if isinstance(model, AfterLayer) else images)
        if layer in depths:
            return prefix + depths[layer]
        raise UserError(_missing(layer, [prefix + each.name for each in places], bool(depths)))
    return layer_name(model, layer)


def needs_images(model: nn.Module, layer: str) -> bool:
    """Return whether only a forward pass shows which layer is called so."""
    return layer in DEPTHS and layer not in _named(model) and not hasattr(model, layer)


def _missing(depth: str, places: list[str], depths: bool) -> str:
    """Say why there is no such depth."""
    if not places:
        return f"layer '{depth}': no module of this network puts out rows and columns for these images"
    why = "it has too few layers" if depths else "it goes on with tokens that cannot become a map"
    return (
        f"layer '{depth}': this network has none for these images, {why}: give a module's dotted name, such "
        f"as {', '.join(places[-6:])}"
    )


def layer_name(model: nn.Module, layer: str) -> str:
    """Return the same without images; `mid1` to `final` only of a model that says what they are."""
    names = _named(model)
    if layer in names:
        return names[layer]
    bare = {_bare(name): name for name, _ in model.named_modules() if name}
    if _bare(layer) in bare:
        return bare[_bare(layer)]
    close = [bare[each] for each in get_close_matches(_bare(layer), bare, n=6)]
    near = close or [name for name in bare.values() if name.count(".") < 2][:12]
    raise UserError(
        f"there is no layer '{layer}': choose one of {', '.join(dict.fromkeys(('input', *DEPTHS, *names)))}, "
        f"or a module's dotted name, such as {', '.join(near)}"
        f"{meant(layer, ('input', *DEPTHS))}"
    )


def layers(
    model: nn.Module,
    images: Float[Tensor, "batch channels height width"],
    *,
    arguments: Mapping[str, Any] | None = None,
) -> list[Layer]:
    """Return the layers that can be explained for such images, from the input to the logits.

    They are those that all evidence passes through, not the branches of a block. One pass of one image
    shows them. Those whose layout their shape does not tell are left out. `arguments` are what the model
    takes besides the images, by their names.
    """
    check_images(images, model)
    check_model(model)
    inner, prefix = unwrapped(model)
    with ordinary_mode(), also_given(inner, arguments, len(images)):
        images = ordinary(images)
        places, found = places_of(inner, images)
    stated = _named(model)
    depths = {prefix + name: depth for depth, name in found.items() if depth not in stated}
    depths |= {name: depth for depth, name in stated.items()}
    height, width = images.shape[-2:]
    listed = [Layer("input", height, width, "NCHW", "input")]
    for place in places:
        name = prefix + place.name
        if depths.get(name) != "input":
            listed.append(Layer(name, *place.sides, str(place.layout), depths.get(name, "")))
    return listed


def _named(model: nn.Module) -> Mapping[str, str]:
    """Return the dotted names of the depths that the model, or what is wrapped by it, states."""
    inner, prefix = unwrapped(model)
    stated = inner.layers if isinstance(inner, Backbone) else {"input": ""}
    return {depth: prefix + each if each else "" for depth, each in stated.items()}


def unwrapped(model: nn.Module) -> tuple[nn.Module, str]:
    """Return the model inside of `torch.compile`, data parallel training and peft, and its name there."""
    prefix = ""
    while (name := _wrapped(model)) is not None:
        model, prefix = model.get_submodule(name), f"{prefix}{name}."
    return model, prefix


def _wrapped(model: nn.Module) -> str | None:
    around = (
        hasattr(model, "_orig_mod"),
        type(model).__module__.startswith("peft."),
        isinstance(model, DataParallel | DistributedDataParallel | AfterLayer),
    )
    return next((name for name, found in zip(WRAPPERS, around, strict=True) if found), None)


def _bare(name: str) -> str:
    """Return a module's name without the names of what wraps the network, our own backbone included."""
    name = name.replace("._orig_mod", "")
    while wrapper := next((each for each in (*WRAPPERS, "network") if name.startswith(f"{each}.")), None):
        name = name.removeprefix(f"{wrapper}.")
    return name


def residual_blocks(model: nn.Module) -> dict[str, nn.Module]:
    """Return the blocks of the model's stages by dotted name; raises `UserError` if it has no stages."""
    inner, prefix = unwrapped(model)
    stages = [prefix + name for name in inner.stages] if isinstance(inner, Backbone) else []
    blocks = {
        f"{stage}.{name}": block
        for stage in stages
        for name, block in model.get_submodule(stage).named_children()
        if isinstance(model.get_submodule(stage), nn.Sequential)
    }
    if not blocks:
        raise UserError("checkpoint: this network has no stages of blocks; leave checkpoint out")
    return blocks
