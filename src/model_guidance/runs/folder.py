"""A run's folder: the names of what lies in it, and reading it back."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model_guidance.errors import UserError
from model_guidance.files import entries, is_file, is_folder, is_there, read_bytes, read_json, write
from model_guidance.runs.result import Result, read_result
from model_guidance.training.config import Config
from model_guidance.training.config_file import load

CONFIG, CLASSES, RESULT, STATE = "config.yaml", "classes.json", "result.json", "state.pt"
SPLITS = "splits.csv"  # file and split of every image, where splits may have been drawn
TIMING, HISTORY, TABLE = "timing.json", "metrics.jsonl", "metrics.csv"
BEST, LAST, FRONT, EXAMPLES = "best.safetensors", "last.safetensors", "front", "examples"
ATTRIBUTIONS, ATTRIBUTIONS_0_1 = "attributions", "looks"
EVIDENCE, OTHER_EVIDENCE = "evidence.safetensors", "evidence"  # under the run's own maps, and others
CSV, TENSORBOARD, WANDB = (
    "csv",
    "tensorboard",
    "wandb.txt",
)  # what loggers write
# `clear` deletes them in this order: without its state first, no finished run becomes one that goes on.
FILES = (STATE, RESULT, SPLITS, TIMING, HISTORY, TABLE, BEST, LAST, EVIDENCE, WANDB)
BELOW = {
    FRONT: re.compile(r"epoch-\d{3,}\.safetensors"),
    ATTRIBUTIONS: re.compile(r"[^@]+@[^@]+\.json"),
    ATTRIBUTIONS_0_1: re.compile(r"[^@]+@[^@]+\.json"),
    EXAMPLES: re.compile(r"[^@]+@[^@]+\.safetensors"),
    CSV: re.compile(r"metrics\.csv"),
    TENSORBOARD: re.compile(r"events\.out\.tfevents\..+"),
    OTHER_EVIDENCE: re.compile(r"[^@]+@[^@]+\.safetensors"),
}
# What may change when a run is continued.
MACHINE = {
    "workers",
    "cache",
    "root",
    "accelerator",
    "devices",
    "nodes",
    "precision",
    "compile",
    "checkpoint",
    "evaluation_batch",
    "keep_state",
    "logger",
}


def write_splits(folder: Path, names: Mapping[str, Sequence[str]]) -> None:
    """Write which split each image is in, by its name in the data set."""
    text = io.StringIO(newline="")
    rows = ((name, split) for split, each in names.items() for name in each)
    csv.writer(text, lineterminator="\n").writerows([("file", "split"), *rows])
    write(folder / SPLITS, text.getvalue().encode("utf-8", "surrogateescape"))


def read_splits(folder: Path) -> dict[str, str] | None:
    """Return the split of each image by its name, None where no splits can have been drawn.

    Raises `UserError` if the file is damaged.
    """
    path = folder / SPLITS
    if not is_there(path):
        return None
    text = read_bytes(path).decode("utf-8", "surrogateescape")
    try:
        head, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        if head != ["file", "split"]:
            raise ValueError(head)
        return {name: split for name, split in rows}  # noqa: C416  (each row has two columns, or is damaged)
    except (csv.Error, ValueError) as error:
        raise UserError(f"{path}: damaged, this is no list of images and their splits") from error


@dataclass(frozen=True)
class Run:
    """A run folder and what it says of itself; `result` is None until the run is finished."""

    folder: Path
    config: Config
    classes: list[str]
    result: Result | None

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """Open a run folder; raises `UserError`, naming the file, if it is none, or damaged."""
        return cls(folder, load(folder / CONFIG), read_classes(folder), read_result(folder / RESULT))

    @property
    def finished(self) -> Result:
        """The scores of a finished run; raises `UserError` if it is not finished."""
        if self.result is None:
            raise UserError(
                f"{self.folder}: is not finished, so its best epoch is not known yet: "
                f"model-guidance train --resume --out {self.folder} continues it"
            )
        return self.result

    def checkpoint(self, name: str = "best") -> Path:
        """Return the path of `best`, `last` or `front/epoch-NNN`; raises `UserError` if it is not there."""
        path = self.folder / f"{name}.safetensors"
        there = [file.relative_to(self.folder).with_suffix("").as_posix() for file in _weights(self.folder)]
        if name not in there:
            raise UserError(f"{self.folder}: no checkpoint '{name}', there are: {', '.join(there) or 'none'}")
        return path


def read_classes(folder: Path) -> list[str]:
    """Return the names of a run's classes; raises `UserError` naming the file if it does not hold them."""
    path = folder / CLASSES
    classes = read_json(path)
    if not (isinstance(classes, list) and classes and all(isinstance(name, str) for name in classes)):
        raise UserError(f"{path}: damaged, this is no list of class names")
    return classes


def own_files(folder: Path) -> Iterator[Path]:
    """Yield each file in a run folder that a run writes, but for its settings and its classes."""
    yield from (folder / name for name in FILES if is_file(folder / name))
    for name in BELOW:
        yield from filter(is_file, named_below(folder, name))


def named_below(folder: Path, name: str) -> list[Path]:
    """Return what is named as the files that a run writes to one of its folders `BELOW`, sorted."""
    inside = entries(folder / name) if is_folder(folder / name) else []
    return [path for path in inside if BELOW[name].fullmatch(path.name)]


def _weights(folder: Path) -> Iterator[Path]:
    yield from filter(is_file, (folder / BEST, folder / LAST))
    yield from filter(is_file, named_below(folder, FRONT))
