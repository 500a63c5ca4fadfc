"""One image with the map of one class, from Python."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn

from model_guidance.attribution import Method, as_pairs, capture
from model_guidance.autodiff.evaluation_mode import evaluation_mode
from model_guidance.checks import described
from model_guidance.data.photos import open_image
from model_guidance.errors import UserError
from model_guidance.models.backbone import Backbone
from model_guidance.models.layers import unwrapped
from model_guidance.report.figures.heatmaps import Panel, Row, heatmap_sheets
from model_guidance.training.classification import probabilities_of
from model_guidance.types import unit_range


def show(
    model: nn.Module,
    image: Float[Tensor, "3 height width"] | Image.Image | str | Path,
    class_index: int | None = None,
    method: str | Method | None = None,
    layer: str | None = None,
) -> Figure:
    """Draw the map of a class over an image; of the class with the highest logit by default.

    `image` is a photo (a path or an `Image`), which a model of `mg.load` sees as in training and any other
    at its own size, or RGB in [0, 1], as the model takes it. `method` and `layer` as for
    `attribution.capture`; None are the model's own. Returns a figure, which a notebook draws. The model is
    used in evaluation mode, on its device, and left as it was. Raises `UserError` for what does not fit
    together and for a photo that cannot be read.
    """
    inner = unwrapped(model)[0]
    known = inner if isinstance(inner, Backbone) else None
    if isinstance(image, str | Path):
        image = open_image(Path(image), known.orientation if known else "stored")
    picture, pixels = _read(image, known)
    pixels = pixels.to(next(model.parameters(), pixels).device)
    layout = known.default_layout if known and layer is None else None
    layer = layer or (known.default_layer if known else "final")
    with evaluation_mode(model):
        explanation = capture(model, pixels, method, layer, layout=layout)
        logits = explanation.logits.detach()[0]
        label = int(logits.argmax()) if class_index is None else class_index
        maps = explanation.maps(as_pairs([label], pixels, len(logits))).detach()
    name = known.classes[label] if known and known.classes else f"class {label}"
    raw = maps[0].cpu().numpy()
    if known and known.resizing and isinstance(image, Image.Image):
        raw = known.resizing.placement(picture.shape[:2]).back(raw)
    probability = float(probabilities_of(logits, known.classification if known else "bce")[label])
    panel = Panel(raw, f"{name}: {100 * probability:.0f} %")
    return heatmap_sheets([Row(picture, "image", None, [panel])], ["map"])[0]


def _read(
    image: Tensor | Image.Image, known: Backbone | None
) -> tuple[UInt8[np.ndarray, "height width 3"], Float[Tensor, "1 3 rows columns"]]:
    """Return the image as it is shown, and as the model takes it."""
    if isinstance(image, Image.Image):
        photo = image.convert("RGB")
        seen = known.resizing.pixels(photo) if known and known.resizing else np.asarray(photo)
        return np.asarray(photo), unit_range(torch.from_numpy(seen.copy()).permute(2, 0, 1).unsqueeze(0))
    if not isinstance(image, Tensor) or image.ndim != 3:
        raise UserError(
            f"image: {described(image)} found, a tensor [3, height, width], a PIL image or a path is needed"
        )
    shown = (image.detach().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return shown, image.detach().unsqueeze(0)
