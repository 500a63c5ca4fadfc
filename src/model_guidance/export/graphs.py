"""Networks as graphs, with the normalisation inside: ONNX and torch.export."""

import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model_guidance.errors import UserError
from model_guidance.export.description import Description
from model_guidance.export.weights import Logits

NEEDED = ("onnx", "onnxscript", "onnxruntime")
METADATA = "model_guidance"  # under which a graph says what `Description` knows


def torch_export(what: Description, folder: Path) -> Logits:
    """Write `model.pt2`, for `torch.export.load`; the batch is of any size."""
    path = folder / "model.pt2"
    extra = {f"{METADATA}.json": what.write(path, inside=True)}
    with _exporting("torch.export", what):
        program = torch.export.export(
            what.model, (_example(what),), dynamic_shapes=_any_batch(), strict=False
        )
        torch.export.save(program, path, extra_files=extra)
    return torch.export.load(path).module()


def onnx(what: Description, folder: Path) -> Logits:
    """Write `model.onnx`: from `images`, a batch of any size, to `logits`."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"--format onnx: needs {', '.join(missing)}: pip install 'model-guidance[export]'")
    path = folder / "model.onnx"
    with _exporting("onnx", what):
        program: Any = torch.onnx.export(
            what.model,
            (_example(what),),
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=_any_batch(),
            dynamo=True,
            verbose=False,
        )
        program.model.metadata_props[METADATA] = what.write(path, inside=True)
        program.save(str(path))
    return _onnxruntime(path)


def _onnxruntime(path: Path) -> Logits:
    import onnxruntime  # noqa: PLC0415  (an extra)

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def logits(images: Tensor) -> Tensor:
        (found,) = session.run(["logits"], {"images": images.numpy()})
        return torch.from_numpy(np.asarray(found))

    return logits


def _example(what: Description) -> Tensor:
    """Return two images: of one, the exporter would take its number for a constant."""
    return torch.rand(2, 3, *what.size, generator=torch.Generator().manual_seed(0))


def _any_batch() -> tuple[dict[int, Any]]:
    return ({0: torch.export.Dim("batch")},)


@contextmanager
def _exporting(kind: str, what: Description) -> Iterator[None]:
    """Silence what the exporters say of themselves; raise `UserError` for a network that they cannot take."""
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:  # the exporters raise nearly anything
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise UserError(
            f"--format {kind}: {what.run.config.backbone} cannot be exported "
            f"({type(error).__name__}: {lines[0] if lines else 'no reason given'}); choose safetensors"
        ) from error
