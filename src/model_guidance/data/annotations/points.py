"""Points with a radius, x, y, radius: a disc, which becomes an ellipse when the aspect changes."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchvision.tv_tensors import Mask

from model_guidance.data.annotations.kind import Kind


class Points(Kind):
    """Rows are x, y and the two half axes, float32, in pixels of the cache."""

    def row(self, size: int) -> tuple[type[np.generic], int]:
        """Return four numbers."""
        return np.float32, 4

    def resized(self, shape: np.ndarray, image: tuple[int, int], size: int) -> np.ndarray:
        """Scale the place and the radius, in each direction."""
        x, y, radius = np.asarray(shape, np.float64)
        across, down = (size / side for side in image)
        return np.array([x * across, y * down, radius * across, radius * down], np.float32)

    def dilated(self, shapes: Tensor, fraction: float, size: int) -> Tensor:
        """Enlarge the half axes: by `fraction` of their double on each side, as for boxes."""
        return torch.cat([shapes[:, :2], shapes[:, 2:] * (1 + 2 * fraction)], dim=1)

    def movable(self, shapes: Tensor, size: int) -> Tensor:
        """Return the ellipses as masks: the pixels whose centre lies inside, and the one with the point."""
        centres = torch.arange(size) + 0.5
        x, y, across, down = (shapes[:, each, None] for each in range(4))
        columns, rows = ((centres - x) / across).square(), ((centres - y) / down).square()
        inside = rows[:, :, None] + columns[:, None, :] <= 1
        hit = _holds(y, size)[:, :, None] & _holds(x, size)[:, None, :]
        return Mask(inside | hit)

    def masks(self, moved: Tensor, size: int) -> Bool[Tensor, "objects size size"]:
        """Return the masks as they are."""
        return moved.as_subclass(torch.Tensor)

    def frames(self, shapes: np.ndarray) -> Float[np.ndarray, "objects 4"]:
        """Return the square around each disc; `shapes` are x, y, radius here."""
        return np.concatenate([shapes[:, :2] - shapes[:, 2:3], shapes[:, :2] + shapes[:, 2:3]], axis=1)


def _holds(place: Float[Tensor, "points 1"], size: int) -> Bool[Tensor, "points size"]:
    return torch.arange(size) == place.floor().clamp(0, size - 1)
