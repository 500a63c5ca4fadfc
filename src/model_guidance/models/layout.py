"""Which layout the output of a layer has: said by the user or the network, or told by its proportions."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Size, nn

from model_guidance.autodiff.layout import Layout
from model_guidance.errors import UserError, meant

NAMES = ("NCHW", "NHWC", "tokens")
SPELLINGS = "NCHW, NHWC, tokens, tokens:PREFIX, or tokens:PREFIX:ROWSxCOLUMNS such as tokens:1:14x14"
TOKENS = re.compile(r"tokens(?::(\d+))?(?::(\d+)x(\d+)(?::(\d))?)?")


def check_layout(layout: str | None) -> None:
    """Raise `UserError` unless `layout` is spelled as one; None: it is to be found."""
    if not (layout in (None, "NCHW", "NHWC") or TOKENS.fullmatch(layout or "")):
        raise UserError(
            f"there is no layout '{layout}': choose one of {SPELLINGS}{meant(str(layout), NAMES)}"
        )


def layout_of(model: nn.Module, size: tuple[int, int], shape: Size, said: str | None = None) -> Layout:
    """Return the layout of an output of this shape for images of `size`; `said` is how the user spells it.

    Rows and columns have the proportions of the image. Where more than one reading has them, or none, a
    network that says what it does is believed, and one that cannot be told raises `UserError`.
    """
    if said is not None:
        return _said(model, size, shape, said)
    if len(shape) == 4:
        return Layout("NHWC" if _channels_last(model, size, shape) else "NCHW")
    return _tokens(model, size, shape)


def _said(model: nn.Module, size: tuple[int, int], shape: Size, said: str) -> Layout:
    match = TOKENS.fullmatch(said)
    if len(shape) != (3 if match else 4):
        raise UserError(f"layout {said}: the layer puts out {list(shape)}, which has another number of axes")
    if not match:
        return Layout(said)
    prefix, rows, columns, nested = (None if each is None else int(each) for each in match.groups())
    if prefix is None:
        return _tokens(model, size, shape, sure=True)
    if rows is None or columns is None:
        grids = _grids(shape[1] - prefix, size)
    else:
        fits = rows * columns == shape[1] - prefix and not any(
            side % (1 << (nested or 0)) for side in (rows, columns)
        )
        grids = [(rows, columns)] if fits else []
    if len(grids) != 1:
        raise UserError(
            f"layout {said}: the layer puts out {list(shape)}, and {shape[1] - prefix} tokens behind "
            f"{prefix} are no such grid: give tokens:PREFIX:ROWSxCOLUMNS"
        )
    return Layout("tokens", prefix, grids[0], nested or 0)


def _channels_last(model: nn.Module, size: tuple[int, int], shape: Size) -> bool:
    first, last = proportional(shape[2:], size), proportional(shape[1:3], size)
    if first != last:
        return last
    for stated in _stated(model, "output_fmt"):  # as networks of timm do
        return str(getattr(stated, "value", stated)) == "NHWC"
    if any(_is_of_vectors(each, shape[3]) for each in model.modules()):
        raise UserError(
            f"layer: its features {list(shape)} may have the channels first or last: say which by "
            "layout='NCHW' or layout='NHWC' (--layout), or choose another layer"
        )
    return False


def _tokens(model: nn.Module, size: tuple[int, int], shape: Size, sure: bool = False) -> Layout:
    """Return the grid of tokens [batch, prefix + rows * columns, channels] and how many others precede it."""
    count, channels = shape[1:]
    if nested := _nested(model, count):
        return nested
    stated = next(_stated(model, "num_prefix_tokens"), None)
    readings = [
        Layout("tokens", prefix, grid)
        for prefix in dict.fromkeys((0, 1) if stated is None else (stated, 0))
        for grid in _grids(count - prefix, size, [*_stated(model, "grid_size")])
    ]
    if stated is not None:
        readings = readings[:1]
    channels_behind = sure or not _grids(channels, size) or _normalises(model, channels)
    if len(readings) != 1 or not channels_behind:
        raise UserError(
            f"layer: how its output {list(shape)} becomes a map of images of {size[0]} x {size[1]} pixels "
            f"cannot be told: say it by layout= (--layout), one of {SPELLINGS}, or choose another layer"
        )
    return readings[0]


def _nested(model: nn.Module, count: int) -> Layout | None:
    """Return the layout of Hiera's tokens, which says by its `unroll` how they are ordered."""
    for unroll in _stated(model, "unroll"):
        levels = len(unroll.schedule)
        rows, columns = (side >> levels for side in unroll.size)
        for nested in range(levels + 1):
            if count == (rows * columns) << (2 * nested):
                return Layout("tokens", 0, (rows << nested, columns << nested), nested)
    return None


def _grids(
    count: int, size: tuple[int, int], stated: list[tuple[int, int]] | None = None
) -> list[tuple[int, int]]:
    """Return the grids of so many places, more than one, that the network states or that fit the image."""
    for grid in stated or ():
        if math.prod(grid) == count:
            return [(grid[0], grid[1])]
    rows = [r for r in range(1, count + 1) if count % r == 0] if count > 1 else []
    return [(r, count // r) for r in rows if proportional((r, count // r), size)]


def _is_of_vectors(module: nn.Module, channels: int) -> bool:
    """Return whether a module normalises so many channels, the last ones: then there are such features."""
    normalized = getattr(module, "normalized_shape", ())
    return [*normalized] == [channels] and not type(module).__name__.endswith("2d")  # timm's are first


def _normalises(model: nn.Module, channels: int) -> bool:
    """Return whether something in the network normalises so many channels."""
    return any(
        "Norm" in type(each).__name__
        and getattr(getattr(each, "weight", None), "shape", None) == Size((channels,))
        for each in model.modules()
    )


def _stated(model: nn.Module, name: str) -> Iterator[Any]:
    for each in model.modules():
        value = getattr(each, name, None)
        if value is not None:
            yield value


def proportional(sides: Sequence[int], size: tuple[int, int]) -> bool:
    """Return whether rows and columns are those of the image but for rounding."""
    return abs(sides[0] * size[1] - sides[1] * size[0]) < max(size)
