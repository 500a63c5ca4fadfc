"""Points with a radius, x, y, radius: a disc, which becomes an ellipse when the aspect changes."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchvision.tv_tensors import Mask

from model_guidance.data.annotations.kind import Kind
from model_guidance.data.resizing import Placement, Size


class Points(Kind):
    """Rows are x, y and the two half axes, float32, in pixels of the cache."""

    def row(self, size: Size) -> tuple[type[np.generic], int]:
        """Return four numbers."""
        return np.float32, 4

    def resized(self, shape: np.ndarray, place: Placement) -> np.ndarray | None:
        """Scale and shift the place, and scale the radius, in each direction."""
        x, y, radius = np.asarray(shape, np.float64)
        (rows, columns), (height, width), (top, left) = place.inner, place.photo, place.corner
        across, down = columns / width, rows / height
        row = [x * across + left, y * down + top, radius * across, radius * down]
        found = np.array(row, np.float32)
        if min(top, left) >= 0 < max(top, left):  # one on the photo's edge is not in the padding
            found[:2] = np.minimum(found[:2], np.nextafter(place.frame[2:], np.float32(0)))
        return found if self.movable(torch.from_numpy(found[None]), place.size).any() else None

    def dilated(self, shapes: Tensor, fraction: float, size: Size) -> Tensor:
        """Enlarge the half axes: by `fraction` of their double on each side, as for boxes."""
        return torch.cat([shapes[:, :2], shapes[:, 2:] * (1 + 2 * fraction)], dim=1)

    def movable(self, shapes: Tensor, size: Size) -> Tensor:
        """Return the ellipses as masks: the pixels whose centre lies inside, and the one with the point."""
        height, width = (torch.arange(side) + 0.5 for side in size)
        x, y, across, down = (shapes[:, each, None] for each in range(4))
        columns, rows = ((width - x) / across).square(), ((height - y) / down).square()
        inside = rows[:, :, None] + columns[:, None, :] <= 1
        hit = _holds(y, size[0])[:, :, None] & _holds(x, size[1])[:, None, :]
        return Mask(inside | hit)

    def masks(self, moved: Tensor, size: Size) -> Bool[Tensor, "objects height width"]:
        """Return the masks as they are."""
        return moved.as_subclass(torch.Tensor)

    def frames(self, shapes: np.ndarray) -> Float[np.ndarray, "objects 4"]:
        """Return the square around each disc; `shapes` are x, y, radius here."""
        return np.concatenate([shapes[:, :2] - shapes[:, 2:3], shapes[:, :2] + shapes[:, 2:3]], axis=1)


def _holds(place: Float[Tensor, "points 1"], side: int) -> Bool[Tensor, "points side"]:
    last = torch.where(place == side, side - 1.0, place.floor())  # on the image's edge
    return torch.arange(side) == last
