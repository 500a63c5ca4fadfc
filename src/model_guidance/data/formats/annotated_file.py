"""What every format of annotations becomes: the images that a file names, and what is marked in them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from model_guidance.data.checks import check_size
from model_guidance.data.marks import Mark, Remarks, Size
from model_guidance.data.source import Annotation

EXCLUDED = {"boxes": "ignore", "masks": "ignore_masks"}  # the kind of a mark that must not be used


@dataclass(frozen=True)
class Annotated:
    """What a file says of one image; `where` names the place.

    `size` is the image's (width, height) in pixels, where the file states it. `labels` are classes that are
    named for the image as a whole.
    """

    where: str
    marks: Sequence[Mark] = ()
    size: Size | None = None
    labels: Sequence[str] = ()

    @property
    def classes(self) -> list[str]:
        """The names of all classes that the file gives the image; not of what must not be used."""
        marked = (mark.label for mark in self.marks if mark.label and not mark.ignored)
        return list(dict.fromkeys((*self.labels, *marked)))

    def drawn(
        self, image: Image.Image, labels: Collection[int], numbers: Callable[[Mark], Sequence[int]]
    ) -> tuple[tuple[Annotation, ...], Remarks]:
        """Return the annotations of the image, and remarks; `numbers` are the classes that a mark is of.

        A remark names each mark of a class that is none of the image's `labels`. Raises `UserError` for an
        image of another size, and for a mark that does not fit into it.
        """
        if self.size is not None:
            check_size(image, self.size, self.where)
        annotations: list[Annotation] = []
        remarks: list[str] = []
        for mark in self.marks:
            shapes, seen = mark.drawn(image.size)
            remarks += seen
            if mark.ignored:  # a mask's box would hold more
                shapes = tuple((EXCLUDED[kind], shape) for kind, shape in shapes[-1:])
            for number in numbers(mark):
                if number not in labels:
                    remarks.append(
                        f"{mark.where}: is of {mark.label}, which its image is not: it guides nothing"
                    )
                annotations += (Annotation(kind, number, shape) for kind, shape in shapes)
        return tuple(annotations), tuple(remarks)


class AnnotatedFile(ABC):
    """A file or folder of annotations.

    `images` are the images' names as they stand there, perhaps without their suffix; `classes` are those
    that it lists, in its order, () where it lists none. `files` are what it is read from. `remarks` say what
    is odd in it as a whole.
    """

    path: Path
    images: Sequence[str]
    files: tuple[Path, ...]
    classes: tuple[str, ...] = ()
    remarks: Remarks = ()

    @abstractmethod
    def read(self, index: int) -> Annotated:
        """Return what is said of image `index` of `images`; raises `UserError` for what makes no sense."""
