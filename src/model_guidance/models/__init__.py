"""Networks that can be guided: `build(name, num_classes, weights)`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from model_guidance.errors import UserError, meant
from model_guidance.models import library, resnet, small, xdnn
from model_guidance.models import weights as checkpoints
from model_guidance.models.after_layer import AfterLayer
from model_guidance.models.backbone import Backbone
from model_guidance.models.bcos import convnext, densenet, vgg, vit
from model_guidance.models.bcos import resnet as bcos_resnet
from model_guidance.models.bcos.bcosify import bcosify
from model_guidance.models.stages import DEPTHS

BACKBONES: dict[str, Callable[[int], Backbone]] = {
    "small": small.build,
    "xdnn_small": small.build_xdnn,
    "bcos_small": small.build_bcos,
    **{f"resnet{depth}": partial(resnet.build, depth=depth) for depth in DEPTHS},
    **{f"xdnn_resnet{depth}": partial(xdnn.build, depth=depth) for depth in DEPTHS},
    **{f"bcos_resnet{depth}": partial(bcos_resnet.build, depth=depth) for depth in DEPTHS},
    **{f"bcos_densenet{depth}": partial(densenet.build, depth=depth) for depth in densenet.DENSE},
    "bcos_vgg11_bnu": vgg.build,
    **{
        f"bcos_convnext_{size}_{norm}": partial(convnext.build, size=size, norm=norm)
        for size in convnext.CONVNEXTS
        for norm in convnext.NORMS
    },
    **{f"bcos_vitc_{size}": partial(vit.build, size=size) for size in vit.VITS},
}
LIBRARIES = {"torchvision": library.torchvision_model, "timm": library.timm_model}
BCOSIFIED = "bcosified/"
UNTRAINED = ("small", "xdnn_small", "bcos_small")  # of ours, for drawn data and tests


def build(
    name: str, num_classes: int, weights: str | Path | None = None, *, one_logit: bool = False
) -> Backbone:
    """Return the network `name`, which takes RGB in [0, 1], `Float[B 3 H W]`, and puts out `Float[B C]`.

    `name` is a key of `BACKBONES`, `torchvision/NAME` or `timm/NAME`, or one of them behind `bcosified/`, see
    `bcosify`. `weights` is None (random), a path (see `weights.load` for the formats), or "imagenet": the
    library's own weights, downloaded. A head with another number of classes is replaced by a new one. With
    `one_logit` a network of two classes has a head of one logit, see `Backbone`. Raises `UserError` if there
    is no such network, or if the weights do not fit.
    """
    if one_logit:
        return _of_one_logit(name, num_classes, weights)
    if name.startswith(BCOSIFIED):
        return _bcosified(name.removeprefix(BCOSIFIED), num_classes, weights)
    pretrained = weights == "imagenet"
    family, _, member = name.partition("/")
    if pretrained and name.startswith("resnet"):
        family, member = "torchvision", name
    if member and family in LIBRARIES:
        model = LIBRARIES[family](member, num_classes, pretrained)
    elif name not in BACKBONES:
        raise UserError(
            f"there is no backbone '{name}': choose one of {', '.join(BACKBONES)}, "
            f"torchvision/NAME or timm/NAME, or bcosified/ and one of these{meant(name, BACKBONES)}"
        )
    elif pretrained and name in UNTRAINED:
        raise UserError(
            f"'{name}' has no ImageNet weights: leave --weights out, or take resnet18, timm/NAME, ..."
        )
    elif pretrained:
        raise UserError(
            f"no library has ImageNet weights of '{name}': download the published file, give its path"
        )
    else:
        model = BACKBONES[name](num_classes)
    if weights is not None and not pretrained:
        checkpoints.load(model, Path(weights))
    return model


def _of_one_logit(name: str, num_classes: int, weights: str | Path | None) -> Backbone:
    if num_classes != 2:
        raise UserError(f"one_logit: {num_classes} classes found, one logit tells two apart")
    model = build(name, 1, weights)
    model.one_logit = True
    return model


def _bcosified(name: str, num_classes: int, weights: str | Path | None) -> Backbone:
    """Return a network made B-cos; a path is to weights of what it was, or of what it became in a run."""
    if weights is not None and weights != "imagenet":
        model = bcosify(build(name, num_classes))
        try:
            checkpoints.load(model, Path(weights))
        except UserError:
            pass
        else:
            return model
    return bcosify(build(name, num_classes, weights))


__all__ = [
    "BACKBONES",
    "AfterLayer",
    "Backbone",
    "bcosify",
    "build",
]


def __dir__() -> list[str]:
    return __all__
