"""What a person marked, on disk after every change: a COCO file, which two people may write to."""

import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock
import msgspec

from model_guidance.annotate.shapes import Shape, categories
from model_guidance.errors import UserError
from model_guidance.files import check_output, is_there, read_bytes, write

STATUSES = ("right", "skip")
PATIENCE = 10.0  # seconds that one change waits for another

Size = tuple[int, int]


class NotSavedError(UserError):
    """A change could not be written; it may be tried again."""


@dataclass
class Marked:
    """What is marked in one image of (width, height) pixels; `status` is None, "right" or "skip"."""

    size: Size
    shapes: dict[str, Shape] = field(default_factory=dict)
    status: str | None = None


class _Image(msgspec.Struct):
    id: int
    file_name: str
    width: int
    height: int
    status: str | None = None


class _Annotation(msgspec.Struct):
    image_id: int
    mark: Shape


class _File(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]


_DECODER = msgspec.json.Decoder(_File)


class MarksFile:
    """The marks of all images, by their names.

    Each change reads the file again if somebody else has written it, under a lock, and replaces it in one
    instant. `revision` grows with each change that this process sees, from the clock's microseconds on: a
    page that outlives its server takes what the next one says for later. Raises `UserError` for a file that
    is damaged or not one of the page's own, which then stays as it is.
    """

    def __init__(self, path: Path, classes: Sequence[str]) -> None:
        check_output(path, "--marks", {".json"})
        self.path, self.classes = path, classes
        self.images: dict[str, Marked] = {}
        self.revision = time.time_ns() // 1000
        self._changes: dict[str, int] = {}  # in which revision an image was changed last
        self._stamp: tuple[int, int] | None = None
        self._writing = threading.Lock()  # held for as long as a change waits for other processes
        self._memory = threading.Lock()  # held for a moment: a refresh puts nothing older back
        self.refresh()

    def refresh(self) -> None:
        """Read the file if it is not as this process left it."""
        with self._memory:
            stamp = self._stamp_now()
            if stamp == self._stamp:
                return
            found = self._read() if stamp else {}
            names = {*found, *self.images}
            self._keep(found, stamp, [name for name in names if found.get(name) != self.images.get(name)])

    @property
    def known(self) -> tuple[int, Mapping[str, Marked]]:
        """The revision, and the marks of all images at it."""
        with self._memory:
            return self.revision, self.images

    def of(self, name: str) -> Marked | None:
        """Return what is marked in an image, None for nothing."""
        return self.images.get(name)

    def put(self, name: str, size: Size, shape: Shape) -> int:
        """Add a region to an image of (width, height), or change the one with its uid."""
        shape.check(size, self.classes)
        with self._changed(name, size) as marked:
            marked.shapes[shape.uid] = shape
        return self.revision

    def delete(self, name: str, uid: str) -> int:
        """Remove a region; one that is gone already is no mistake."""
        with self._changed(name, (0, 0)) as marked:
            marked.shapes.pop(uid, None)
        return self.revision

    def set_status(self, name: str, size: Size, status: str | None) -> int:
        """Say that an image is right as it looks, or is to be skipped."""
        if status is not None and status not in STATUSES:
            raise UserError(f"the status {status!r} is unknown; there are {', '.join(STATUSES)}")
        with self._changed(name, size) as marked:
            marked.status = status
        return self.revision

    def since(self, revision: int) -> list[str]:
        """Return the images that were changed after a revision."""
        return [name for name, changed in self._changes.copy().items() if changed > revision]

    @contextmanager
    def _changed(self, name: str, size: Size) -> Iterator[Marked]:
        """Hold the file, change one image, and write it: if that fails, memory is as the file."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._writing, filelock.FileLock(f"{self.path}.lock", timeout=PATIENCE):
                self.refresh()
                known = self.images.get(name, Marked(size))
                marked = Marked(known.size, dict(known.shapes), known.status)
                yield marked
                changed = {**self.images, name: marked}
                if not marked.shapes and marked.status is None:
                    del changed[name]
                self._write(changed)
                with self._memory:
                    self._keep(changed, self._stamp_now(), [name])
        except filelock.Timeout as error:
            raise NotSavedError(f"{self.path}: another process holds it for {PATIENCE:g} seconds") from error
        except OSError as error:
            raise NotSavedError(f"{self.path}: could not be written ({error.strerror or error})") from error

    def _write(self, images: dict[str, Marked]) -> None:
        content = json.dumps(coco(images, self.classes), ensure_ascii=False, indent=1).encode()
        try:
            write(self.path, content)
        except UserError as error:
            raise NotSavedError(str(error)) from error

    def _keep(self, images: dict[str, Marked], stamp: tuple[int, int] | None, changed: Iterable[str]) -> None:
        self.images, self._stamp = images, stamp
        for name in changed:
            self.revision += 1
            self._changes[name] = self.revision

    def _stamp_now(self) -> tuple[int, int] | None:
        if not is_there(self.path):
            return None
        found = self.path.stat()
        return found.st_mtime_ns, found.st_ino

    def _read(self) -> dict[str, Marked]:
        try:
            content = _DECODER.decode(read_bytes(self.path))
        except (msgspec.DecodeError, RecursionError) as error:
            raise UserError(
                f"{self.path}: is no file of marks of this page ({error}); move it away or name another"
            ) from error
        by_id = {each.id: each.file_name for each in content.images}
        found = {i.file_name: Marked((i.width, i.height), status=i.status) for i in content.images}
        for each in content.annotations:
            if each.image_id not in by_id:
                raise UserError(f"{self.path}: region {each.mark.uid}: no image has the id {each.image_id}")
            found[by_id[each.image_id]].shapes[each.mark.uid] = each.mark
        return found


def coco(images: dict[str, Marked], classes: Sequence[str]) -> dict[str, Any]:
    """Return the marks in COCO's format; the last category is that of regions which must not be used."""
    numbers = {name: place + 1 for name, place in categories(classes).items()}
    entries, annotations = [], list[dict[str, Any]]()
    for number, (name, marked) in enumerate(images.items(), start=1):
        width, height = marked.size
        entry = {"id": number, "file_name": name, "width": width, "height": height}
        entries.append(entry | ({"status": marked.status} if marked.status else {}))
        for shape in marked.shapes.values():
            own = {"id": len(annotations) + 1, "image_id": number, "category_id": numbers[shape.category]}
            annotations.append(own | shape.coco(marked.size))
    named = [{"id": number, "name": name} for name, number in numbers.items()]
    return {"images": entries, "annotations": annotations, "categories": named}
