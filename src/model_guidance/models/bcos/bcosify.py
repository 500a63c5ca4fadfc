"""B-cosification: a B-cos network with the weights of a conventional one, to be fine-tuned.

Arya, Rao, Böhle, Schiele, "B-cosification: Transforming Deep Neural Networks to be Inherently Interpretable"
(NeurIPS 2024, arXiv 2411.00715).
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model_guidance.errors import UserError
from model_guidance.models.backbone import Backbone, SixChannels, Standardize
from model_guidance.models.bcos.gates import gated
from model_guidance.models.bcos.layers import UncenteredBatchNorm2d
from model_guidance.models.bcos.transform import BcosTransform
from model_guidance.models.library import wrapped


def bcosify(
    model: nn.Module,
    exponent: float = 2.0,
    *,
    bias: bool = False,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Backbone:
    """Return a B-cos network with the weights of a convolutional one of torchvision, timm or ours.

    It takes RGB in [0, 1], `Float[B 3 H W]`, and is explained by the method `bcos`. Weights are kept; their
    outputs are scaled by `|cos(x, w)|^(exponent - 1)`, so with `exponent` 1 the linear layers are as before.
    Standardisation, `mean` and `std` per channel, is folded into the first convolution, which sees
    `[x, 1 - x]`; batch normalisation only divides; ReLUs and max pools stay, other activations become factors
    of their input; what a network's code does besides its layers stays as it is. Biases and shifts are
    removed, without which the network is to be fine-tuned: then every map at the input sums to its logit.
    Cosines are small, so it should have batch normalisation, whose running averages follow in training.
    With `bias` they stay, and with `exponent` 1 as well the network in evaluation mode puts out what it did.
    What is frozen stays frozen. `model` itself is left as it is.

    `mean` and `std` are those of `model`'s encoding, or of timm's `pretrained_cfg`, unless given. Raises
    `UserError` where they are unknown, without a single convolution of three channels, and for layers that
    are not of convolutional networks.
    """
    if not 1 <= exponent < float("inf"):
        raise UserError(f"exponent: {exponent} found, a number of at least 1 is needed")
    model = copy.deepcopy(model)
    encode = _encoding(model, mean, std)
    bcos = model if isinstance(model, Backbone) else wrapped(model, encode)
    _fold(_first(bcos.network), encode)
    done: dict[nn.Module, nn.Module] = {}
    bcos.network = _converted(bcos.network, exponent, bias, "", done)
    bcos.encode, bcos.homogeneous, bcos.default_method = SixChannels(), False, "bcos"
    return bcos


def _encoding(model: nn.Module, mean: Sequence[float] | None, std: Sequence[float] | None) -> Standardize:
    """Return how the images are standardised before they reach the network."""
    own = getattr(model, "encode", None)
    stated = getattr(model, "pretrained_cfg", None) or {}
    mean, std = mean or stated.get("mean"), std or stated.get("std")
    if isinstance(own, Standardize):
        return own
    if isinstance(model, Backbone):
        raise UserError("model: it does not standardise its images; is it a B-cos network already?")
    if mean is None or std is None:
        raise UserError("mean, std: how the model's images are standardised is not known: give both")
    return Standardize(tuple(mean), tuple(std))


def _first(network: nn.Module) -> nn.Conv2d:
    convs = [each for each in network.modules() if isinstance(each, nn.Conv2d)]
    found = [each for each in convs if each.in_channels == 3 and each.groups == 1]
    if len(found) != 1:
        raise UserError(
            f"model: {len(found)} convolutions of three channels found; there must be one, for the images"
        )
    return found[0]


@torch.no_grad()
def _fold(conv: nn.Conv2d, encode: Standardize) -> None:
    """Have a convolution of `(x - mean) / std` take `[x, 1 - x]`: the same value, at padded borders too.

    `w (x - m) / s = w (1 - m) / s · x - w m / s · (1 - x)` for each weight by itself.
    """
    mean, std = encode.mean.to(conv.weight), encode.std.to(conv.weight)
    direct, inverse = conv.weight * (1 - mean) / std, -conv.weight * mean / std
    conv.weight = nn.Parameter(torch.cat([direct, inverse], dim=1), conv.weight.requires_grad)
    conv.in_channels = 6


def _converted(
    module: nn.Module, exponent: float, bias: bool, name: str, done: dict[nn.Module, nn.Module]
) -> nn.Module:
    """Return the B-cos layer for a layer; of anything else its children are converted in place."""
    if module not in done:
        done[module] = _layer(module, exponent, bias, name, done)
    return done[module]


def _layer(
    module: nn.Module, exponent: float, bias: bool, name: str, done: dict[nn.Module, nn.Module]
) -> nn.Module:
    if isinstance(module, nn.Conv2d | nn.Linear) and _uses_its_weight(module):
        return BcosTransform(module, exponent, bias=bias)
    for child, inner in module.named_children():
        setattr(module, child, _converted(inner, exponent, bias, f"{name}.{child}".strip("."), done))
    if isinstance(module, nn.BatchNorm2d):
        behind = [getattr(module, each) for each in ("drop", "act") if hasattr(module, each)]  # timm's
        norm = _uncentered(module, bias, name)
        return nn.Sequential(norm, *behind) if behind else norm
    activation = gated(module)
    if activation is None and not [*module.children()] and _is_unknown(module):
        raise UserError(f"model: '{name}' is a {type(module).__name__}, which has no B-cos counterpart here")
    return module if activation is None else activation


def _uses_its_weight(module: nn.Conv2d | nn.Linear) -> bool:
    """Return whether a layer is torch's, or timm's that pads or casts; others change their weight first."""
    return type(module).__name__ in ("Conv2d", "Conv2dSame", "Linear")


def _is_unknown(module: nn.Module) -> bool:
    """Return whether a layer does more than rearrange, choose or average its input."""
    kind = type(module)
    activation = "activation" in kind.__module__
    return activation or "Norm" in kind.__name__ or any(True for _ in module.parameters())


@torch.no_grad()
def _uncentered(norm: nn.BatchNorm2d, bias: bool, name: str) -> UncenteredBatchNorm2d:
    """Return a layer that divides as `norm` does; with `bias` it shifts by what the running mean makes."""
    if norm.momentum is None or norm.running_var is None or norm.running_mean is None:
        raise UserError(f"model: '{name}' keeps no running averages; B-cos batch normalisation needs them")
    layer = UncenteredBatchNorm2d(norm.num_features, norm.eps, norm.momentum).to(norm.running_var)
    layer.train(norm.training)
    for each, value in norm.named_buffers():
        layer.get_buffer(each).copy_(value)
    if norm.weight is not None:
        layer.weight.copy_(norm.weight)
    layer.weight.requires_grad_(_is_trained(norm.weight))
    if bias:
        factor = layer.weight / (norm.running_var + norm.eps).sqrt()
        shift: Tensor = -norm.running_mean * factor
        shifted = shift if norm.bias is None else norm.bias + shift
        layer.bias = nn.Parameter(shifted, _is_trained(norm.bias))
    return layer


def _is_trained(parameter: nn.Parameter | None) -> bool:
    """Return whether a parameter is trained: one that stands in for none stays as it is."""
    return parameter is not None and parameter.requires_grad
