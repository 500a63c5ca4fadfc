"""One image with the map of one class, from Python."""

from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor, nn

from model_guidance.attribution import Method, as_pairs, capture
from model_guidance.checks import described
from model_guidance.errors import UserError
from model_guidance.report.figures.heatmaps import Panel, Row, heatmap_sheets


def show(
    model: nn.Module,
    image: Float[Tensor, "3 height width"],
    class_index: int | None = None,
    method: str | Method | None = None,
    layer: str = "final",
) -> Figure:
    """Draw the map of a class over an RGB image in [0, 1]; of the class with the highest logit by default.

    `method` and `layer` as for `attribution.capture`. Raises `UserError` for what does not fit together.
    """
    if not isinstance(image, Tensor) or image.ndim != 3:
        raise UserError(f"image: {described(image)} found, a tensor [3, height, width] is needed")
    explanation = capture(model, image.unsqueeze(0), method, layer)
    logits = explanation.logits.detach()[0]
    label = int(logits.argmax()) if class_index is None else class_index
    maps = explanation.maps(as_pairs([label], image.unsqueeze(0), len(logits))).detach()
    picture = (image.detach().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    panel = Panel(maps[0].cpu().numpy(), f"class {label}: {100 * float(logits[label].sigmoid()):.0f} %")
    return heatmap_sheets([Row(picture, "image", None, [panel])], ["map"])[0]
