"""COCO's JSON, with any file names: boxes, polygons, run lengths."""

from pathlib import Path

from model_guidance.data.formats.annotated_file import Annotated, AnnotatedFile
from model_guidance.data.formats.coco_index import Annotation, index_file
from model_guidance.data.formats.coco_masks import segmentation_mask
from model_guidance.data.marks import Mark, box, mask

EMPTY = (b"[]", b"null", b"")


class Coco(AnnotatedFile):
    """The annotations stay in the file until their image is asked for; crowds count like any object."""

    def __init__(self, path: Path) -> None:
        self.path, self.files = path, (path,)
        self._index = index_file(path)
        self.images = [picture.file_name for picture in self._index.pictures]
        self.classes, self.remarks = self._index.classes, self._index.remarks

    def read(self, index: int) -> Annotated:
        """Return the image's objects, each as a mask if it has one, else as its box."""
        picture = self._index.pictures[index]
        where = f"{self.path}, image {picture.id} ({picture.file_name})"
        marks = [self._mark(each, picture.file_name) for each in self._index.annotations(index)]
        return Annotated(where, marks, (picture.width, picture.height))

    def _mark(self, annotation: Annotation, name: str) -> Mark:
        where = f"{self.path}, annotation {annotation.id} ({name})"
        label = self.classes[self._index.labels[annotation.category_id]]
        if bytes(annotation.segmentation).strip() in EMPTY:
            return box(where, label, annotation.edges)
        return mask(
            where,
            label,
            lambda size: segmentation_mask(annotation.segmentation, size[::-1], where),
            annotation.edges,
        )
