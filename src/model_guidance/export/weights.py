"""Weights that the libraries' own constructors take: safetensors, torchvision, timm.

What is exported is the network alone: whoever uses it resizes and normalises the images.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from model_guidance.errors import UserError
from model_guidance.export.description import Description
from model_guidance.models import build
from model_guidance.models.stages import DEPTHS

Logits = Callable[[Tensor], Tensor]  # of RGB in [0, 1], by what was written, loaded again
CROP_MODES = {"stretch": "squash", "fit": "border", "crop": "center"}  # what timm calls them
OTHERS = "choose onnx, torch.export or safetensors, which take every network"


def safetensors(what: Description, folder: Path) -> Logits:
    """Write `model.safetensors`, the network's weights, and beside it what else one needs to know."""
    path = folder / "model.safetensors"
    save_file({name: each.contiguous() for name, each in what.model.network.state_dict().items()}, path)
    what.write(path, inside=False)
    config = what.run.config
    return build(config.backbone, len(what.run.classes), path, one_logit=config.one_logit).eval()


def torchvision(what: Description, folder: Path) -> Logits:
    """Write `model.pth`, a state dict for torchvision's constructor of this name."""
    import torchvision as library  # noqa: PLC0415  (seconds)

    _check_logits(what, "torchvision")
    name, path = _torchvision_name(what), folder / "model.pth"
    torch.save(what.model.network.state_dict(), path)
    what.write(path, inside=False)
    network = library.models.get_model(name, weights=None, num_classes=len(what.run.classes))
    network.load_state_dict(torch.load(path, weights_only=True))
    return nn.Sequential(what.model.encode, network.eval())


def _check_logits(what: Description, kind: str) -> None:
    """Raise `UserError` for a network of one logit, of which a library would make one class."""
    if what.run.config.one_logit:
        raise UserError(f"--format {kind}: {kind} knows no network with one logit for two classes: {OTHERS}")


def _torchvision_name(what: Description) -> str:
    backbone = what.run.config.backbone
    if backbone in (f"resnet{depth}" for depth in DEPTHS):
        return backbone
    if not backbone.startswith("torchvision/"):
        raise UserError(f"--format torchvision: torchvision has no network {backbone}: {OTHERS}")
    return backbone.removeprefix("torchvision/")


def timm(what: Description, folder: Path) -> Logits:
    """Write `model.safetensors` and `config.json`, a folder for `timm.create_model("local-dir:FOLDER")`.

    timm's own transform, `timm.data.create_transform`, then resizes and normalises as the run did.
    """
    backbone = what.run.config.backbone
    if not backbone.startswith("timm/"):
        raise UserError(f"--format timm: {backbone} is no network of timm: {OTHERS}")
    _check_logits(what, "timm")
    import timm as library  # noqa: PLC0415  (an extra; without it the run could not be loaded)

    network: Any = what.model.network
    network.pretrained_cfg = {**network.pretrained_cfg, **_preprocessing(what)}
    names = {"num_classes": len(what.run.classes), "label_names": what.run.classes}
    try:
        library.models.save_for_hf(network, str(folder), model_config=names, safe_serialization=True)
        loaded = library.create_model(f"local-dir:{folder}", pretrained=True)
    except Exception as error:  # an earlier timm, or another hub than it knows, raises nearly anything
        raise UserError(
            f"--format timm: timm {library.__version__} cannot write or load such a folder ({error}): "
            "pip install 'model-guidance[timm]' brings one that can"
        ) from error
    return nn.Sequential(what.model.encode, loaded.eval())


def _preprocessing(what: Description) -> dict[str, object]:
    """Return how the images are read, in timm's words."""
    return {
        "input_size": (3, *what.size),
        "test_input_size": None,
        "interpolation": "bilinear",
        "crop_pct": 1.0,
        "crop_mode": CROP_MODES[what.run.config.resize],
        "num_classes": len(what.run.classes),
        **what.normalisation,
    }
