"""What a kind of annotation must know: how it is resized, stored, moved with the image and made a mask."""

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

Moved = Shaped[Tensor, "objects ..."]


class Kind(ABC):
    """One kind of annotation, on its way from a reader to the masks of a batch.

    A reader delivers each object as an array in the image's own pixels (a `source.Annotation`). The cache
    keeps it as a row of fixed length. From there on, all objects of an image are handled at once: opened,
    perhaps `dilated`, made `movable`, cropped and flipped with the image, and at last made `masks`. Images
    are squares of `size` pixels then.
    """

    excludes = False
    """Whether the inside is what must *not* be used; otherwise it is where the evidence lies."""
    united = True
    """Whether the objects of one class become one mask; otherwise one each."""

    @abstractmethod
    def row(self, size: int) -> tuple[type[np.generic], int]:
        """Return the type of a row's values and how many there are."""

    @abstractmethod
    def resized(self, shape: np.ndarray, image: tuple[int, int], size: int) -> np.ndarray | None:
        """Return the row of an object of an image of (width, height) pixels; None for one without extent."""

    def opened(self, rows: np.ndarray, size: int) -> np.ndarray:
        """Return what the rows of some objects stand for."""
        return rows

    @abstractmethod
    def dilated(self, shapes: Tensor, fraction: float, size: int) -> Tensor:
        """Enlarge each object, on each side, by `fraction` of its own width and height."""

    @abstractmethod
    def movable(self, shapes: Tensor, size: int) -> Tensor:
        """Return the objects as a tensor of torchvision that its transforms move with the image."""

    @abstractmethod
    def masks(self, moved: Tensor, size: int) -> Bool[Tensor, "objects size size"]:
        """Return the mask of each object; empty for one that a crop removed."""

    @abstractmethod
    def frames(self, shapes: np.ndarray) -> Float[np.ndarray, "objects 4"]:
        """Return the box around each object, for a person to look at."""
