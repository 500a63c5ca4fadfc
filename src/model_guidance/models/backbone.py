"""What guidance needs of a model: its input encoding, its named layers, its head."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.checks import logits_of
from model_guidance.data.resizing import Resizing

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
STAGES = {f"mid{i}": f"network.layer{i}" for i in (1, 2, 3)} | {"final": "network.layer4"}


class Standardize(nn.Module):
    """`(x - mean) / std` per channel, ImageNet's by default."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, ...] = IMAGENET_MEAN, std: tuple[float, ...] = IMAGENET_STD):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 3 height width"]:
        """Standardize RGB images in [0, 1]."""
        return (images - self.mean) / self.std


class SixChannels(nn.Module):
    """B-cos's encoding `[r, g, b, 1-r, 1-g, 1-b]`: the direction of a pixel tells its colour."""

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 6 height width"]:
        """Encode RGB images in [0, 1]."""
        return torch.cat([images, 1 - images], dim=1)


class Backbone(nn.Module):
    """A network together with its input encoding and the names of its layers.

    Takes RGB images in [0, 1], `Float[B 3 H W]`, and returns logits `Float[B C]`. `layers` maps the names
    of the depths (`input`, `mid1`, ...) to dotted module names, `stages` are those that hold its blocks, the
    same unless they are given; `head` is the dotted name of the classifier.
    `homogeneous` says that `f(a x) - f(0) = a (f(x) - f(0))` for every a > 0, x being the encoded input:
    then Integrated Gradients from a zero baseline equal input times gradient. `default_method` names the
    attribution that explains the network best.

    A trained network knows as well at which layer it is to be explained (`default_layer`,
    `default_layout`), the names of its `classes`, how photos become its images (`resizing`, `orientation`),
    and by which loss its logits were trained (`classification`), which says what probabilities they are.

    With `one_logit` the network puts out a single logit z, for the second of two classes against the first,
    and the model returns -z and z: what explains the first class is minus what explains the second.
    """

    def __init__(
        self,
        network: nn.Module,
        encode: nn.Module,
        *,
        layers: Mapping[str, str] = STAGES,
        head: str = "network.fc",
        homogeneous: bool = False,
        default_method: str = "ixg",
        stages: Sequence[str] | None = None,
    ):
        super().__init__()
        self.encode = encode
        self.network = network
        self.layers = {"input": "encode", **layers}
        self.stages = [*layers.values()] if stages is None else [*stages]
        self.head = head
        self.homogeneous = homogeneous
        self.default_method = default_method
        self.default_layer = "final"
        self.default_layout: str | None = None
        self.classes: Sequence[str] = ()
        self.resizing: Resizing | None = None
        self.orientation = "stored"
        self.classification = "bce"
        self.one_logit = False

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch classes"]:
        """Return one logit per class."""
        logits = logits_of(self.network(self.encode(images)))
        return torch.cat([-logits, logits], dim=1) if self.one_logit else logits
