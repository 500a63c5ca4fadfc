"""Trained networks for use without this package; each is loaded again and compared before it is kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from jaxtyping import Float
from torch import Tensor

from model_guidance.data.resizing import Size
from model_guidance.errors import UserError, listed
from model_guidance.export.description import SUFFIX, Description
from model_guidance.export.graphs import onnx, torch_export
from model_guidance.export.weights import Logits, safetensors, timm, torchvision
from model_guidance.files import check_output_folder, is_there, write
from model_guidance.runs.folder import Run
from model_guidance.runs.load import load

ALIKE = 1e-3  # of the largest logit, or of 1: other orders of the same sums
COMPARED = 5  # images


@dataclass(frozen=True)
class Format:
    """How a network is written to an empty folder, and the names of the files."""

    write: Callable[[Description, Path], Logits]
    files: Sequence[str]


FORMATS = {
    "safetensors": Format(safetensors, ("model.safetensors", "model.safetensors" + SUFFIX)),
    "timm": Format(timm, ("model.safetensors", "config.json")),
    "torchvision": Format(torchvision, ("model.pth", "model.pth" + SUFFIX)),
    "onnx": Format(onnx, ("model.onnx", "model.onnx" + SUFFIX)),
    "torch.export": Format(torch_export, ("model.pt2", "model.pt2" + SUFFIX)),
}


@dataclass(frozen=True)
class Exported:
    """The files that were written, and by how much the logits differ from the run's, on `COMPARED` images."""

    files: Sequence[Path]
    difference: float
    largest: float


def export(run: Run, kind: str, out: Path, checkpoint: str = "best", *, overwrite: bool = False) -> Exported:
    """Write a finished run's network to the folder `out`, in one of `FORMATS`.

    What was written is loaded again by the library that it is for, and its logits are compared with the
    run's; where they differ, nothing is kept. Raises `UserError` for that, for a run that is not finished,
    for a network that the format cannot hold, and for files that are there already, unless `overwrite`.
    """
    if kind not in FORMATS:
        raise UserError(f"--format {kind}: choose one of {listed(FORMATS, kind)}")
    _ = run.finished
    form = FORMATS[kind]
    files = [out / name for name in form.files]
    check_new(files, overwrite)
    model = load(run.folder, checkpoint)
    images = _images(run.config.resizing.size)
    with torch.no_grad(), TemporaryDirectory() as folder:
        expected = model(images)
        logits = form.write(Description(run, checkpoint, model), Path(folder))
        difference = _difference(logits, images, expected)
        largest = float(expected.abs().max())
        if not difference <= ALIKE * max(1.0, largest):
            raise UserError(
                f"--format {kind}: what was written computes other logits than {run.folder} (they differ by "
                f"{difference:.2g}), so it was not kept; choose another format"
            )
        for file in files:
            write(file, (Path(folder) / file.name).read_bytes())
    return Exported(files, difference, largest)


def check_new(files: Sequence[Path], overwrite: bool) -> None:
    """Raise `UserError` unless files can be written to their folder, and none is there or may be replaced."""
    check_output_folder(files[0].parent)
    there = [file.name for file in files if is_there(file)]
    if there and not overwrite:
        raise UserError(
            f"--out {files[0].parent}: {' and '.join(there)} there already: name another folder, or add "
            "--overwrite"
        )


def _images(size: Size) -> Float[Tensor, "compared 3 height width"]:
    """Return images of noise, from dark to bright: each gives its own logits."""
    noise = torch.rand(COMPARED, 3, *size, generator=torch.Generator().manual_seed(1))
    return noise * torch.linspace(0.2, 1, COMPARED).view(-1, 1, 1, 1)


def _difference(logits: Logits, images: Tensor, expected: Tensor) -> float:
    """Return the largest difference, of all images together and of one alone."""
    together, alone = logits(images), logits(images[:1])
    return max(float((together - expected).abs().max()), float((alone - expected[:1]).abs().max()))


__all__ = ["FORMATS", "Exported", "export"]


def __dir__() -> list[str]:
    return __all__
