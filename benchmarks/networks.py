"""The networks of `models.py`: what people train of torchvision and timm, the large ones made smaller."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn

CLASSES = 3


class Network(NamedTuple):
    """How to make a network, and the side of its images in pixels."""

    make: Callable[[], nn.Module]
    size: int


def network(name: str) -> nn.Module:
    """Return a network with random weights; heads that start at zero, and explain nothing, are filled."""
    torch.manual_seed(0)
    made = NETWORKS[name].make()
    for module in made.modules():
        if isinstance(module, nn.Linear) and not module.weight.any():
            nn.init.normal_(module.weight, std=0.02)
    return made


def _torchvision(name: str, **options: Any) -> nn.Module:
    import torchvision  # noqa: PLC0415  (seconds)

    return torchvision.models.get_model(name, weights=None, num_classes=CLASSES, **options)


def _timm(name: str, **options: Any) -> nn.Module:
    import timm  # noqa: PLC0415  (seconds)

    return timm.create_model(name, num_classes=CLASSES, **options)


SMALL_VIT = {"img_size": 64, "depth": 4}
TORCHVISION: Mapping[str, tuple[int, dict[str, Any]]] = {
    "alexnet": (64, {}),
    "convnext_tiny": (64, {}),
    "densenet121": (64, {}),
    "efficientnet_b0": (64, {}),
    "efficientnet_v2_s": (64, {}),
    "googlenet": (64, {"init_weights": False}),
    "inception_v3": (96, {"init_weights": False, "aux_logits": False}),
    "maxvit_t": (224, {}),
    "mnasnet0_5": (64, {}),
    "mobilenet_v2": (64, {}),
    "mobilenet_v3_small": (64, {}),
    "regnet_x_400mf": (64, {}),
    "regnet_y_400mf": (64, {}),
    "resnet18": (64, {}),
    "resnet50": (64, {}),
    "resnext50_32x4d": (64, {}),
    "shufflenet_v2_x0_5": (64, {}),
    "squeezenet1_1": (64, {}),
    "swin_t": (64, {}),
    "swin_v2_t": (64, {}),
    "vgg11": (64, {}),
    "vgg16_bn": (64, {}),
    "vit_b_16": (64, {"image_size": 64}),
}
TIMM: Mapping[str, tuple[int, dict[str, Any]]] = {
    "beit_base_patch16_224": (64, SMALL_VIT),
    "cait_xxs24_224": (64, {"img_size": 64, "depth": 4}),
    "coatnet_pico_rw_224": (224, {}),
    "convmixer_1024_20_ks9_p14": (70, {}),
    "convnext_atto": (64, {}),
    "convnextv2_atto": (64, {}),
    "davit_tiny": (64, {}),
    "deit3_small_patch16_224": (64, SMALL_VIT),
    "deit_tiny_patch16_224": (64, SMALL_VIT),
    "edgenext_xx_small": (64, {}),
    "efficientformer_l1": (224, {}),
    "efficientformerv2_s0": (224, {}),
    "efficientnet_b0": (64, {}),
    "efficientvit_b0": (64, {}),
    "eva02_tiny_patch14_224": (70, {"img_size": 70, "depth": 4}),
    "fastvit_t8": (64, {}),
    "ghostnet_100": (64, {}),
    "hgnet_tiny": (64, {}),
    "hgnetv2_b0": (64, {}),
    "hiera_tiny_224": (224, {}),
    "levit_128s": (224, {}),
    "mambaout_femto": (64, {}),
    "maxvit_rmlp_pico_rw_256": (256, {}),
    "mixer_s32_224": (224, {}),
    "mobilenetv4_conv_small": (64, {}),
    "mobilenetv4_hybrid_medium": (64, {}),
    "mobilevit_xxs": (64, {}),
    "mobilevitv2_050": (64, {}),
    "nfnet_l0": (64, {}),
    "poolformer_s12": (64, {}),
    "pvt_v2_b0": (64, {}),
    "regnety_002": (64, {}),
    "repvgg_a0": (64, {}),
    "repvit_m0_9": (64, {}),
    "res2net50_26w_4s": (64, {}),
    "resnet18": (64, {}),
    "resnetv2_50x1_bit": (64, {}),
    "seresnet18": (64, {}),
    "starnet_s1": (64, {}),
    "swin_tiny_patch4_window7_224": (224, {}),
    "swinv2_tiny_window8_256": (256, {}),
    "tf_efficientnet_lite0": (64, {}),
    "vit_base_patch16_clip_224": (64, SMALL_VIT),
    "vit_base_patch16_siglip_224": (64, SMALL_VIT),
    "vit_small_patch14_dinov2": (70, {"img_size": 70, "depth": 4}),
    "vit_small_patch14_reg4_dinov2": (70, {"img_size": 70, "depth": 4}),
    "vit_tiny_patch16_224": (64, SMALL_VIT),
    "xcit_nano_12_p16_224": (64, {}),
}
NETWORKS: dict[str, Network] = {
    **{
        f"torchvision/{name}": Network(partial(_torchvision, name, **options), size)
        for name, (size, options) in TORCHVISION.items()
    },
    **{
        f"timm/{name}": Network(partial(_timm, name, **options), size)
        for name, (size, options) in TIMM.items()
    },
}
