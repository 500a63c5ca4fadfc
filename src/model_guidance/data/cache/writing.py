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
from model_guidance.data.cache.split import CLASSES, IMAGES, META, NAMES, OFFSETS, TABLES
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
    owners: list[dict[str, list[int]]] = field(default_factory=list)

    def add(self, sample: Resized) -> None:
        self.labels.append(sample.labels)
        self.group.append(sample.group)
        owners = {kind: [label for label, _ in objects] for kind, objects in sample.objects.items()}
        self.owners.append(owners)

    def arrays(self) -> dict[str, Array]:
        found = {"labels": np.stack(self.labels), "group": np.array(self.group, np.int64)}
        for kind in sorted({kind for owners in self.owners for kind in owners}):
            each = [owners.get(kind, []) for owners in self.owners]
            found[kind + CLASSES] = np.array([label for labels in each for label in labels], np.int64)
            found[kind + OFFSETS] = np.cumsum([0, *map(len, each)])
        return found


def write_split(source: Source, size: int, folder: Path, title: str) -> None:
    """Write `source`, resized, to the empty `folder`; on return every byte is on the disk.

    Files are written sequentially, not through a memory map: a full disk is an `OSError`, not a crash.
    """
    tables = _Tables()
    with ExitStack() as open_files:
        files: dict[str, BinaryIO] = {}

        def append(name: str, content: bytes) -> None:
            if name not in files:
                files[name] = open_files.enter_context((folder / name).open("wb"))
            files[name].write(content)

        samples = open_files.enter_context(closing(_resized(source, size)))
        bar = open_files.enter_context(steps(title, len(source.names)))
        for sample in samples:
            append(IMAGES, sample.pixels.tobytes())
            for kind, objects in sample.objects.items():
                append(f"{kind}.bin", b"".join(row.tobytes() for _, row in objects))
            tables.add(sample)
            bar.advance()
        for file in files.values():
            _sync(file)
    with (folder / TABLES).open("wb") as file:
        np.savez(file, **tables.arrays())  # type: ignore[arg-type]
        _sync(file)
    _write_json(folder / NAMES, list(source.names))
    written = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    _write_json(folder / META, _meta(source, size, title) | {"bytes": written})
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
    kind = {"exclusive": source.exclusive, "outside": source.outside, "remarks": source.remarks}
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
