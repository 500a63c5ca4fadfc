"""Where the channels of a layer's features are: in front of rows and columns, or behind them."""

from torch import Size, nn

from model_guidance.errors import UserError

LAYOUTS = ("NCHW", "NHWC")


def check_layout(layout: str | None) -> None:
    """Raise `UserError` unless there is such a layout; None: it is to be found."""
    if layout is not None and layout not in LAYOUTS:
        raise UserError(f"there is no layout '{layout}': choose one of {', '.join(LAYOUTS)}")


def channels_last(model: nn.Module, size: tuple[int, int], shape: Size, layout: str | None = None) -> bool:
    """Return whether features of this shape, [batch, ., ., .], of images of `size` have the channels last.

    Rows and columns have the proportions of the image. Where both readings have them, or none, a network
    that says what it does is believed, and one that cannot be told raises `UserError`.
    """
    if layout is not None:
        return layout == "NHWC"
    first, last = _proportional(shape[2:], size), _proportional(shape[1:3], size)
    if first != last:
        return last
    stated = [
        str(getattr(each.output_fmt, "value", each.output_fmt))
        for each in model.modules()
        if hasattr(each, "output_fmt")
    ]
    if stated:  # as networks of timm do
        return stated[0] == "NHWC"
    if any(type(each) is nn.LayerNorm for each in model.modules()):
        raise UserError(
            f"layer: its features {list(shape)} may have the channels first or last: say which by "
            "layout='NCHW' or layout='NHWC', or choose another layer"
        )
    return False


def _proportional(sides: Size, size: tuple[int, int]) -> bool:
    return abs(sides[0] * size[1] - sides[1] * size[0]) < max(size)
