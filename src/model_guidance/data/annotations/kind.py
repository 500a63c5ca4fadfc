"""What a kind of annotation must know: how it is resized, stored, moved with the image and made a mask."""

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from model_guidance.data.resizing import Placement, Size

Moved = Shaped[Tensor, "objects ..."]


class Kind(ABC):
    """One kind of annotation, on its way from a reader to the masks of a batch.

    A reader delivers each object as an array in the image's own pixels (a `source.Annotation`). The cache
    keeps it as a row of fixed length. From there on, all objects of an image are handled at once: opened,
    perhaps `dilated`, made `movable`, cropped and flipped with the image, and at last made `masks`. Images
    have a `size` of (height, width) pixels then.
    """

    excludes = False
    """Whether the inside is what must *not* be used; otherwise it is where the evidence lies."""
    united = True
    """Whether the objects of one class become one mask; otherwise one each."""

    @abstractmethod
    def row(self, size: Size) -> tuple[type[np.generic], int]:
        """Return the type of a row's values and how many there are."""

    @abstractmethod
    def resized(self, shape: np.ndarray, place: Placement) -> np.ndarray | None:
        """Return the row of an object; None for one without extent, or of which nothing is seen there."""

    def opened(self, rows: np.ndarray, size: Size) -> np.ndarray:
        """Return what the rows of some objects stand for."""
        return rows

    @abstractmethod
    def dilated(self, shapes: Tensor, fraction: float, size: Size) -> Tensor:
        """Enlarge each object, on each side, by `fraction` of its own width and height."""

    @abstractmethod
    def movable(self, shapes: Tensor, size: Size) -> Tensor:
        """Return the objects as a tensor of torchvision that its transforms move with the image."""

    @abstractmethod
    def masks(self, moved: Tensor, size: Size) -> Bool[Tensor, "objects height width"]:
        """Return the mask of each object; empty for one that a crop removed."""

    @abstractmethod
    def frames(self, shapes: np.ndarray) -> Float[np.ndarray, "objects 4"]:
        """Return the box around each object, for a person to look at."""
