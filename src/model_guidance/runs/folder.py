"""A run's folder: what lies in it, whether it may be written, and reading it back."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from model_guidance.errors import UserError
from model_guidance.runs.result import Result, read_result
from model_guidance.training.config import Config, load

CONFIG, CLASSES, RESULT, STATE = "config.yaml", "classes.json", "result.json", "state.pt"
TIMING, LOOKS, EXAMPLES = "timing.json", "looks", "examples"
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
}


@dataclass(frozen=True)
class Run:
    """A run folder and what it says of itself; `result` is None until the run is finished."""

    folder: Path
    config: Config
    classes: list[str]
    result: Result | None

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """Open a run folder; raises `UserError` if it is none, or damaged."""
        config = load(folder / CONFIG)
        try:
            classes = json.loads((folder / CLASSES).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{folder}: this run folder is damaged ({error})") from error
        return cls(folder, config, classes, read_result(folder / RESULT))

    def checkpoint(self, name: str = "best") -> Path:
        """Return the path of `best`, `last` or `front/epoch-NNN`; raises `UserError` if it is not there."""
        path = self.folder / f"{name}.safetensors"
        if not path.is_file():
            files = self.folder.rglob("*.safetensors")
            there = sorted(str(file.relative_to(self.folder).with_suffix("")) for file in files)
            raise UserError(f"{self.folder}: no checkpoint '{name}', there are: {', '.join(there) or 'none'}")
        return path


def claim(folder: Path, config: Config, overwrite: bool) -> None:
    """Raise `UserError` unless a run with these settings may be started or continued in `folder`."""
    if folder.exists() and not (folder / CONFIG).is_file():
        if not folder.is_dir() or any(folder.iterdir()):
            raise UserError(f"{folder}: this exists and is no run folder, choose another --out")
    elif folder.exists() and not overwrite:
        _check_same(folder, config)


def _check_same(folder: Path, config: Config) -> None:
    if (folder / RESULT).is_file():
        raise UserError(f"{folder}: a finished run lies here, add --overwrite to replace it")
    ours, theirs = asdict(config), asdict(load(folder / CONFIG))
    for name in ours:
        if ours[name] != theirs[name] and name not in MACHINE:
            raise UserError(
                f"{folder}: an unfinished run with --{name.strip('_')} {theirs[name]} lies here: use that "
                "value or --resume to continue it, or --overwrite to start again"
            )


def clear(folder: Path) -> None:
    """Delete the files of an earlier run, and no others."""
    for pattern in (CONFIG, CLASSES, RESULT, STATE, TIMING, "metrics.*", "*.safetensors"):
        for file in folder.glob(pattern):
            file.unlink()
    for name in ("front", LOOKS, EXAMPLES):
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
