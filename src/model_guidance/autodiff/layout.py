"""Where in a layer's output the channels, rows and columns are, and how it becomes a map."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Size, Tensor


@dataclass(frozen=True)
class Layout:
    """Channels first ("NCHW"), channels last ("NHWC"), or tokens [batch, prefix + rows * columns, channels].

    Tokens have a `grid` (rows, columns), row by row, behind `prefix` tokens of another kind (class,
    distillation, registers), which are no part of the map. `nested`: so many times the places of each 2 x 2
    square are the outermost order, the smallest squares first, as in Hiera. As text it is what `layout=`
    takes.
    """

    axes: str
    prefix: int = 0
    grid: tuple[int, int] = (0, 0)
    nested: int = 0

    def __str__(self) -> str:
        if self.axes != "tokens":
            return self.axes
        rows, columns = self.grid
        return f"tokens:{self.prefix}:{rows}x{columns}" + (f":{self.nested}" if self.nested else "")

    def sides(self, shape: Size) -> tuple[int, int]:
        """Return rows and columns of the map of an output of this shape."""
        if self.axes == "tokens":
            return self.grid
        return (shape[2], shape[3]) if self.axes == "NCHW" else (shape[1], shape[2])

    def to_map(self, output: Tensor) -> Float[Tensor, "batch channels rows columns"]:
        """Return the part of a layer's output, or of a gradient like it, that is explained."""
        if self.axes == "NCHW":
            return output
        if self.axes == "NHWC":
            return output.movedim(-1, 1)
        channels = output[:, self.prefix :].mT
        split = [2, 2] * self.nested + [side >> self.nested for side in self.grid]
        squares = channels.reshape(*channels.shape[:2], *split)
        return squares.permute(self._order()).reshape(*channels.shape[:2], *self.grid)

    def from_map(self, features: Float[Tensor, "batch channels rows columns"], output: Tensor) -> Tensor:
        """Return the layer's output with `features` instead of what `to_map` takes from it."""
        if self.axes == "NCHW":
            return features
        if self.axes == "NHWC":
            return features.movedim(1, -1)
        rows, columns = (side >> self.nested for side in self.grid)
        squares = [2] * self.nested
        split = features.reshape(*features.shape[:2], rows, *squares, columns, *squares)
        order = self._order()
        tokens = split.permute([order.index(axis) for axis in range(len(order))]).flatten(2).mT
        return torch.cat([output[:, : self.prefix], tokens], dim=1)

    def _order(self) -> list[int]:
        """Return the axes of the split tokens so that those of the rows come first, the largest in front."""
        inner = [2 + 2 * level for level in reversed(range(self.nested))]
        last = 2 + 2 * self.nested
        return [0, 1, last, *inner, last + 1, *(axis + 1 for axis in inner)]
