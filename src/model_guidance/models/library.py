"""Any classifier of torchvision or timm."""

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from torch import nn

from model_guidance.errors import UserError
from model_guidance.models.backbone import STAGES, Backbone, Standardize
from model_guidance.models.weights import AUXILIARY

INCEPTIONS = ("googlenet", "inception_v3")
INCEPTION = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))  # mean and deviation of their inputs


def torchvision_model(name: str, num_classes: int, pretrained: bool) -> Backbone:
    """Return torchvision's `name`, from ImageNet weights (downloaded) if `pretrained`."""
    import torchvision  # noqa: PLC0415  (seconds)

    if name not in torchvision.models.list_models(module=torchvision.models):
        raise UserError(f"torchvision has no classifier '{name}': see torchvision.models.list_models()")
    if not pretrained:
        return _as_published(name, torchvision.models.get_model(name, weights=None, num_classes=num_classes))
    with _downloading(torchvision.models.get_model_weights(name).DEFAULT.url):
        network = torchvision.models.get_model(name, weights="DEFAULT")
    linear = {key: module for key, module in network.named_modules() if isinstance(module, nn.Linear)}
    if not linear:
        raise UserError(
            f"torchvision/{name} has no linear head that could be replaced: choose another network"
        )
    head, old = linear.popitem()
    network.set_submodule(head, nn.Linear(old.in_features, num_classes, bias=old.bias is not None))
    return _as_published(name, network)


def _as_published(name: str, network: Any) -> Backbone:
    """Return the network with the inputs it was trained on, the same whether it was made with weights or not.

    With weights an inception expects ImageNet's mean and deviation, and turns them into its own; without, it
    expects its own, and may have auxiliary heads.
    """
    if name not in INCEPTIONS:
        return wrapped(network, Standardize())
    network.transform_input = network.aux_logits = False
    for head in {*AUXILIARY} & dict(network.named_children()).keys():
        setattr(network, head, None)
    return wrapped(network, Standardize(*INCEPTION))


def timm_model(name: str, num_classes: int, pretrained: bool) -> Backbone:
    """Return timm's `name`, from its pretrained weights (downloaded) if `pretrained`."""
    if importlib.util.find_spec("timm") is None:
        raise UserError(f"'timm/{name}' needs timm: pip install 'model-guidance[timm]'")
    import timm  # noqa: PLC0415  (an extra)

    if not timm.is_model(name):
        raise UserError(f"timm has no model '{name}': see timm.list_models()")
    with _downloading(f"the weights of timm/{name}") if pretrained else nullcontext():
        network = timm.create_model(name, pretrained=pretrained, num_classes=num_classes)
    config: Any = network.pretrained_cfg
    named = [stage["module"] for stage in getattr(network, "feature_info", [])]
    stages = [f"network.{name}" for name in named if name in dict(network.named_modules())]
    return wrapped(network, Standardize(config["mean"], config["std"]), stages)


@contextmanager
def _downloading(what: str) -> Iterator[None]:
    """Raise `UserError` where the libraries cannot download, or read what they downloaded."""
    try:
        yield
    except Exception as error:  # each of the libraries below raises its own
        found = f"{type(error).__name__}: {error}"
        raise UserError(
            f"--weights imagenet: {what} could not be downloaded ({found}): bring the file here in another "
            "way and give --weights PATH"
        ) from error


def wrapped(network: nn.Module, encode: nn.Module, stages: Sequence[str] | None = None) -> Backbone:
    """Return a network with its encoding and the depths and head that its modules tell."""
    modules = dict(network.named_modules())
    layers = {key: name for key, name in STAGES.items() if name.removeprefix("network.") in modules}
    heads = [name for name, module in modules.items() if isinstance(module, nn.Linear)]
    head = f"network.{heads[-1]}" if heads else "network"
    return Backbone(network, encode, layers=layers, head=head, stages=stages)
