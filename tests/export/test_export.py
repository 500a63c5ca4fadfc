"""Exported networks compute the run's logits in a process in which this package cannot be imported."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.training.helpers import small
from torch import Tensor, nn

from model_guidance import cli
from model_guidance.commands import export as command
from model_guidance.errors import UserError
from model_guidance.evaluation import Evaluation
from model_guidance.export import FORMATS, export
from model_guidance.files import write
from model_guidance.models import build
from model_guidance.runs.checkpoints import write_weights
from model_guidance.runs.folder import CLASSES, CONFIG, RESULT, Run
from model_guidance.runs.load import load
from model_guidance.runs.result import Result, write_result

CLASSES_OF_IT = ["striped", "spotted", "plain"]
WITHOUT = """
import importlib.util, json, sys
sys.modules["model_guidance"] = None  # importing it raises
import torch
from safetensors.torch import load_file, save_file
torch.set_num_threads(1)
folder, images = sys.argv[1], load_file(sys.argv[2])["images"]
def described(): return json.load(open(f"{folder}/{sys.argv[4]}.json"))
def normalised():
    norm = described()["normalisation"]
    assert not norm["inside"]
    mean, std = (torch.tensor(norm[name]).view(-1, 1, 1) for name in ("mean", "std"))
    return (images - mean) / std
with torch.no_grad():
"""
ALONE = {
    "onnx": """
    import numpy, onnxruntime
    session = onnxruntime.InferenceSession(f"{folder}/model.onnx")
    logits = torch.from_numpy(session.run(["logits"], {"images": images.numpy()})[0])
    kept = json.loads(session.get_modelmeta().custom_metadata_map["model_guidance"])
    assert kept == described() and kept["normalisation"]["inside"]
    """,
    "torch.export": """
    kept = {"model_guidance.json": ""}
    logits = torch.export.load(f"{folder}/model.pt2", extra_files=kept).module()(images)
    assert json.loads(kept["model_guidance.json"]) == described() and described()["normalisation"]["inside"]
    """,
    "timm": """
    import timm
    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    data = timm.data.resolve_model_data_config(model)
    assert tuple(data["input_size"]) == (3, 64, 64)
    assert data["crop_mode"] == "squash" and data["crop_pct"] == 1
    assert model.pretrained_cfg["label_names"] == ["striped", "spotted", "plain"]
    mean, std = (torch.tensor(data[name]).view(-1, 1, 1) for name in ("mean", "std"))
    logits = model((images - mean) / std)
    """,
    "torchvision": """
    import torchvision
    model = torchvision.models.resnet18(weights=None, num_classes=len(described()["classes"])).eval()
    model.load_state_dict(torch.load(f"{folder}/model.pth", weights_only=True))
    logits = model(normalised())
    """,
    "safetensors": """
    import torchvision
    model = torchvision.models.resnet18(weights=None, num_classes=len(described()["classes"])).eval()
    model.load_state_dict(load_file(f"{folder}/model.safetensors"))
    logits = model(normalised())
    """,
}
END = """
    assert "model_guidance" not in sys.modules or sys.modules["model_guidance"] is None
    save_file({"logits": logits.contiguous()}, sys.argv[3])
"""


def finished(folder: Path, backbone: str, size: int = 32) -> Run:
    """A run of random weights whose logits differ between images, with a result."""
    config = small(folder.parent / "cache", backbone=backbone, layer="final", size=size)
    torch.manual_seed(0)
    model = build(backbone, len(CLASSES_OF_IT))
    _warm_up(model, size)
    write(folder / CONFIG, config.yaml().encode())
    write(folder / CLASSES, json.dumps(CLASSES_OF_IT).encode())
    write_weights(folder / "best.safetensors", model.network.state_dict())
    scores = Evaluation(8, {"accuracy": 0.5})
    write_result(folder / RESULT, Result(1, 1, scores, scores))
    return Run.open(folder)


def _warm_up(model: nn.Module, size: int) -> None:
    """Let the network tell dark images from bright ones: logits of random weights hardly differ."""
    images = torch.rand(9, 3, size, size) * torch.linspace(0.1, 1, 9).view(-1, 1, 1, 1)
    optimizer = torch.optim.Adam(model.train().parameters(), lr=3e-3)
    for _ in range(25):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), torch.arange(9) // 3).backward()
        optimizer.step()


def images(size: int) -> Tensor:
    return torch.rand(3, 3, size, size) * torch.tensor([0.2, 0.6, 1]).view(-1, 1, 1, 1)


def alone(kind: str, folder: Path, inputs: Tensor, tmp_path: Path) -> Tensor:
    """Return the logits that a process without this package computes."""
    given, found = tmp_path / "images.safetensors", tmp_path / "logits.safetensors"
    save_file({"images": inputs.contiguous()}, given)
    program = WITHOUT + ALONE[kind] + END
    given_to = [sys.executable, "-c", program, str(folder), str(given), str(found), FORMATS[kind].files[0]]
    done = subprocess.run(given_to, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return load_file(found)["logits"]


CASES = [
    ("onnx", "small", 32),
    ("torch.export", "bcos_small", 32),
    ("torchvision", "resnet18", 64),
    ("safetensors", "resnet18", 64),
    ("timm", "timm/resnet10t", 64),
]
SLOW = [
    ("onnx", "bcos_small", 32),
    ("onnx", "bcosified/resnet18", 64),
    ("onnx", "timm/convnext_atto", 64),
    ("onnx", "xdnn_resnet18", 64),
    ("torch.export", "xdnn_small", 32),
    ("torch.export", "timm/convnext_atto", 64),
    ("torch.export", "torchvision/shufflenet_v2_x0_5", 64),
]


@pytest.mark.parametrize(
    ("kind", "backbone", "size"), [*CASES, *(pytest.param(*each, marks=pytest.mark.slow) for each in SLOW)]
)
def test_logits_without_this_package(kind, backbone, size, tmp_path, capsys):
    run = finished(tmp_path / "run", backbone, size)
    out = tmp_path / "out"
    cli.main(["export", str(run.folder), f"--format={kind}", f"--out={out}"])
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if line.startswith(str(out))] == [
        str(out / name) for name in FORMATS[kind].files
    ]
    assert float(re.search(r"differ by at most (\S+)", printed)[1]) < 1e-3
    inputs = images(size)
    with torch.no_grad():
        expected = load(run.folder)(inputs)
    assert expected.std(dim=0).min() > 1e-3, "every image has the same logits"
    torch.testing.assert_close(alone(kind, out, inputs, tmp_path), expected, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("timm", "--format timm: bcos_small is no network of timm: choose onnx, torch.export or safetensors"),
        ("torchvision", "--format torchvision: torchvision has no network bcos_small: choose onnx"),
        ("tflite", "--format tflite: choose one of safetensors, timm"),
    ],
)
def test_formats_that_cannot_hold_a_network(kind, said, tmp_path):
    run = finished(tmp_path / "run", "bcos_small")
    with pytest.raises(UserError, match=said):
        export(run, kind, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_replaced_only_when_asked(tmp_path):
    run, out = finished(tmp_path / "run", "bcos_small"), tmp_path / "out"
    out.mkdir()
    (out / "model.safetensors.json").write_text("mine")
    with pytest.raises(
        UserError, match=r"out: model.safetensors.json there already: name another folder, or add --overwr"
    ):
        export(run, "safetensors", out)
    assert (out / "model.safetensors.json").read_text() == "mine"
    export(run, "safetensors", out, overwrite=True)
    description = json.loads((out / "model.safetensors.json").read_text())
    assert description["classes"] == CLASSES_OF_IT
    assert description["explained_by"] == {"method": "bcos", "layer": "final", "layout": None}
    assert description["normalisation"] == {"inside": False, "channels": "r, g, b, 1 - r, 1 - g, 1 - b"}


def test_the_command_names_every_format():
    assert (*FORMATS, command.CARD) == command.FORMATS


def test_an_unfinished_run_is_not_exported(tmp_path):
    run = finished(tmp_path / "run", "small")
    (run.folder / RESULT).unlink()
    with pytest.raises(UserError, match="is not finished, so its best epoch is not known yet"):
        export(Run.open(run.folder), "safetensors", tmp_path / "out")


def test_what_computes_something_else_is_not_kept(tmp_path, monkeypatch):
    run = finished(tmp_path / "run", "small")
    monkeypatch.setitem(
        FORMATS, "onnx", FORMATS["onnx"].__class__(lambda what, folder: lambda x: what.model(x) + 1, ("a",))
    )
    with pytest.raises(UserError, match="computes other logits than .*differ by 1"):
        export(run, "onnx", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_network_that_an_exporter_cannot_take_is_said_in_a_sentence(tmp_path, monkeypatch):
    run = finished(tmp_path / "run", "small")

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no such operator\nin a long story")

    monkeypatch.setattr("torch.export.export", refuse)
    with pytest.raises(UserError, match=r"small cannot be exported \(RuntimeError: no such operator\)"):
        export(run, "torch.export", tmp_path / "out")
