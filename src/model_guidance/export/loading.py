"""How to load what lies beside a model card: code that a reader copies."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from model_guidance.export.description import SUFFIX
from model_guidance.files import is_file
from model_guidance.runs.folder import Run

ONNX = """import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")  # it normalises by itself
logits = session.run(["logits"], {"images": images.numpy()})[0]"""
PT2 = """model = torch.export.load("model.pt2").module()  # it normalises by itself
logits = model(images)"""
NORMALISED = """description = json.load(open("model.pth.json"))
mean, std = (torch.tensor(description["normalisation"][name]).view(-1, 1, 1) for name in ("mean", "std"))
logits = model((images - mean) / std)"""
TIMM = """import timm

model = timm.create_model("local-dir:.", pretrained=True).eval()
mean, std = (torch.tensor(model.pretrained_cfg[name]).view(-1, 1, 1) for name in ("mean", "std"))
logits = model((images - mean) / std)"""
TORCHVISION = """import json

import torchvision

model = torchvision.models.get_model("{name}", weights=None, num_classes={classes}).eval()
model.load_state_dict(torch.load("model.pth", weights_only=True))
{normalised}"""
OURS = """import model_guidance as mg

model = mg.models.build("{backbone}", {classes}, "model.safetensors"{one_logit}).eval()
logits = model(images)
maps = mg.attribute(model, images, logits.argmax(dim=1).tolist(), "{method}", "{layer}")"""
RUN = """import model_guidance as mg

model = mg.load("{name}")  # the run's folder
logits = model(images)"""


def loading(run: Run, folder: Path) -> Mapping[str, str]:
    """Return code by what it needs, for each format that lies in the folder; of none, for the run's."""
    return dict(_found(run, folder)) or {"With model-guidance": RUN.format(name=run.folder.resolve().name)}


def _found(run: Run, folder: Path) -> Iterator[tuple[str, str]]:
    config, classes = run.config, len(run.classes)
    there = {
        name for name in ("model.onnx", "model.pt2", "model.pth", "config.json") if is_file(folder / name)
    }
    if "model.onnx" in there:
        yield "With onnxruntime", ONNX
    if "model.pt2" in there:
        yield "With PyTorch alone", PT2
    if "config.json" in there:
        yield "With timm", TIMM
    if "model.pth" in there:
        name = config.backbone.removeprefix("torchvision/")
        yield "With torchvision", TORCHVISION.format(name=name, classes=classes, normalised=NORMALISED)
    if is_file(folder / f"model.safetensors{SUFFIX}"):
        one = ", one_logit=True" if config.one_logit else ""
        names = {"method": config.own_method, "layer": config.layer}
        yield (
            "With model-guidance, maps included",
            OURS.format(backbone=config.backbone, classes=classes, one_logit=one, **names),
        )
