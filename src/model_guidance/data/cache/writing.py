"""Writing the cache: decoded by several threads, written in order by one."""

import json
import os
from collections import Counter, deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from model_guidance.data.cache.resize import Marked, Resized, resize_sample
from model_guidance.data.cache.split import CLASSES, FRAMES, IMAGES, META, NAMES, OFFSETS, TABLES
from model_guidance.data.resizing import Resizing
from model_guidance.data.source import Source
from model_guidance.progress import steps

Array = np.ndarray
THREADS = min(16, os.cpu_count() or 1)
AHEAD = 4 * THREADS


@dataclass
class _Tables:
    """What is gathered over all samples before it is written at once; of padded images, where they lie.

    `absent` and `removed` are those of the images that lost an object.
    """

    padded: bool = False
    labels: list[Array] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    owners: list[dict[str, list[int]]] = field(default_factory=list)
    frames: list[Array] = field(default_factory=list)
    absent: list[Counter[str]] = field(default_factory=list)
    removed: list[Counter[str]] = field(default_factory=list)

    def add(self, sample: Resized) -> None:
        self.labels.append(sample.labels)
        self.group.append(sample.group)
        self.frames.append(sample.frame)
        self.mark(sample.marked)

    def mark(self, marked: Marked) -> None:
        self.owners.append({kind: [label for label, _ in found] for kind, found in marked.objects.items()})
        self.absent += [marked.absent] * bool(marked.absent)
        self.removed += [marked.removed] * bool(marked.removed)

    def arrays(self) -> dict[str, Array]:
        found: dict[str, Array] = {}
        if self.labels:
            found = {"labels": np.stack(self.labels), "group": np.array(self.group, np.int64)}
        for kind in sorted({kind for owners in self.owners for kind in owners}):
            each = [owners.get(kind, []) for owners in self.owners]
            found[kind + CLASSES] = np.array([label for labels in each for label in labels], np.int64)
            found[kind + OFFSETS] = np.cumsum([0, *map(len, each)])
        return found | ({FRAMES: np.stack(self.frames)} if self.padded else {})

    def remarks(self) -> list[str]:
        """Say which objects were left out, and which a crop removed."""
        absent, removed = (_counted(lost, len(self.owners)) for lost in (self.absent, self.removed))
        strange = f"left out: {absent}, of a class that the image does not have: they guide nothing"
        cut = f"--resize crop leaves nothing of {removed}: they count for nothing, the images' classes stay"
        return [strange] * bool(absent) + [cut] * bool(removed)


def _counted(lost: Sequence[Counter[str]], images: int) -> str:
    """Return how many objects of each kind were lost, and in how many of the images; "" for none."""
    counts = " and ".join(f"{count} of the {kind}" for kind, count in sorted(sum(lost, Counter()).items()))
    return f"{counts}, in {len(lost)} of {images} images" if counts else ""


def write_split(source: Source, resizing: Resizing, folder: Path, title: str) -> None:
    """Write `source`, resized, to the empty `folder`; on return every byte is on the disk.

    Files are written sequentially, not through a memory map: a full disk is an `OSError`, not a crash.
    """
    tables = _Tables(resizing.mode == "fit")
    with ExitStack() as open_files:
        files: dict[str, BinaryIO] = {}
        pixels = open_files.enter_context((folder / IMAGES).open("wb"))
        samples = open_files.enter_context(closing(_resized(source, resizing)))
        bar = open_files.enter_context(steps(title, len(source.names)))
        for sample in samples:
            pixels.write(sample.pixels.tobytes())
            _append(files, open_files, folder, sample.marked)
            tables.add(sample)
            bar.advance()
        for file in (pixels, *files.values()):
            _sync(file)
    _write_json(folder / NAMES, list(source.names))
    remarks = [*source.remarks, *tables.remarks()]
    _finish(folder, tables, _meta(source, resizing, remarks, title))


def write_regions(marked: Iterable[Marked], folder: Path) -> None:
    """Write the annotated objects of each image in turn to the empty `folder`, as `write_split` does."""
    tables = _Tables()
    with ExitStack() as open_files:
        files: dict[str, BinaryIO] = {}
        for found in marked:
            _append(files, open_files, folder, found)
            tables.mark(found)
        for file in files.values():
            _sync(file)
    remarks = tables.remarks()
    _finish(folder, tables, {"remarks": remarks} if remarks else {})


def _append(files: dict[str, BinaryIO], open_files: ExitStack, folder: Path, marked: Marked) -> None:
    for kind, found in marked.objects.items():
        if kind not in files:
            files[kind] = open_files.enter_context((folder / f"{kind}.bin").open("wb"))
        files[kind].write(b"".join(row.tobytes() for _, row in found))


def _finish(folder: Path, tables: _Tables, facts: dict[str, object]) -> None:
    """Write the tables, and at last the facts with the length of each file: a folder with them is whole."""
    with (folder / TABLES).open("wb") as file:
        np.savez(file, **tables.arrays())  # type: ignore[arg-type]
        _sync(file)
    written = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    _write_json(folder / META, facts | {"bytes": written})
    _sync_folder(folder)


def _resized(source: Source, resizing: Resizing) -> Generator[Resized]:
    """Yield the samples in order, never more than `AHEAD` of them in memory."""
    waiting: deque[Future[Resized]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for index in range(len(source.names)):
                waiting.append(pool.submit(_one, source, resizing, index))
                if len(waiting) == AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _one(source: Source, resizing: Resizing, index: int) -> Resized:
    return resize_sample(source.read(index), resizing, len(source.classes))


def _meta(source: Source, resizing: Resizing, remarks: list[str], title: str) -> dict[str, object]:
    facts = {"title": title, "size": resizing.spelled, "images": len(source.names), "version": source.version}
    facts |= {} if resizing.mode == "stretch" else {"resize": resizing.mode}
    kind = {"exclusive": source.exclusive, "outside": source.outside, "remarks": remarks}
    return facts | kind | {"classes": source.classes, "groups": source.groups, "shares": source.shares}


def _write_json(path: Path, content: object) -> None:
    with path.open("wb") as file:
        file.write(json.dumps(content).encode())
        _sync(file)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
