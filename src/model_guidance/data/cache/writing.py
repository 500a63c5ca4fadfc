"""Writing the cache: decoded by several threads, written in order by one."""

import json
import os
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from model_guidance.data.cache.resize import Resized, resize_sample
from model_guidance.data.cache.split import IMAGES, MASKS, META, NAMES, TABLES
from model_guidance.data.source import Source
from model_guidance.progress import steps

Array = np.ndarray
THREADS = min(16, os.cpu_count() or 1)
AHEAD = 4 * THREADS


@dataclass
class _Tables:
    """What is gathered over all samples before it is written at once."""

    labels: list[Array] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    box_edges: list[Array] = field(default_factory=list)
    box_classes: list[Array] = field(default_factory=list)
    object_classes: list[Array] = field(default_factory=list)

    def add(self, sample: Resized) -> None:
        self.labels.append(sample.labels)
        self.group.append(sample.group)
        self.box_edges.append(sample.box_edges)
        self.box_classes.append(sample.box_classes)
        self.object_classes.append(sample.object_classes)

    def arrays(self) -> dict[str, Array]:
        return {
            "labels": np.stack(self.labels),
            "group": np.array(self.group, np.int64),
            "box_edges": np.concatenate(self.box_edges),
            "box_classes": np.concatenate(self.box_classes),
            "box_offsets": _offsets(self.box_classes),
            "object_classes": np.concatenate(self.object_classes),
            "object_offsets": _offsets(self.object_classes),
        }


def write_split(source: Source, size: int, folder: Path, title: str) -> None:
    """Write `source`, resized, to the empty `folder`; on return every byte is on the disk.

    Files are written sequentially, not through a memory map: a full disk is an `OSError`, not a crash.
    """
    tables = _Tables()
    with ExitStack() as files:
        images, masks = (files.enter_context((folder / name).open("wb")) for name in (IMAGES, MASKS))
        samples = files.enter_context(closing(_resized(source, size)))
        bar = files.enter_context(steps(title, len(source.names)))
        for sample in samples:
            images.write(sample.pixels.tobytes())
            masks.write(sample.object_bits.tobytes())
            tables.add(sample)
            bar.advance()
        _sync(images)
        _sync(masks)
    with (folder / TABLES).open("wb") as file:
        np.savez(file, **tables.arrays())  # type: ignore[arg-type]
        _sync(file)
    _write_json(folder / NAMES, list(source.names))
    _write_json(folder / META, _meta(source, size, title))
    _sync_folder(folder)


def _resized(source: Source, size: int) -> Generator[Resized]:
    """Yield the samples in order, never more than `AHEAD` of them in memory."""
    waiting: deque[Future[Resized]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for index in range(len(source.names)):
                waiting.append(pool.submit(_one, source, size, index))
                if len(waiting) == AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _one(source: Source, size: int, index: int) -> Resized:
    return resize_sample(source.read(index), size, len(source.classes))


def _meta(source: Source, size: int, title: str) -> dict[str, object]:
    facts = {"title": title, "size": size, "images": len(source.names), "version": source.version}
    kind = {"exclusive": source.exclusive, "outside": source.outside}
    return facts | kind | {"classes": source.classes, "groups": source.groups}


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


def _offsets(parts: list[Array]) -> Array:
    return np.cumsum([0, *map(len, parts)])
