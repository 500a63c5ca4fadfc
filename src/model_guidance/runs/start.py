"""Where a run's initial weights lie: kept so that they are found again, from whatever folder one asks."""

from collections.abc import Iterator
from pathlib import Path

from model_guidance.files import is_file
from model_guidance.runs.folder import BEST, CONFIG, FRONT, LAST, Run
from model_guidance.training.config import Config
from model_guidance.training.settings import LIBRARY


def kept_weights(weights: str | None) -> str | None:
    """Return initial weights as a run keeps them: a file by its absolute path, all else as it is."""
    named = weights is not None and weights != LIBRARY and is_file(Path(weights))
    return str(Path(str(weights)).absolute()) if named else weights


def initial_checkpoint(config: Config, folder: Path) -> Path | None:
    """Return the file that the run in `folder` started from; None if it is of no file, or that is gone.

    A run's checkpoint is there as long as the run is. Where a path leads nowhere it is looked for from the
    folders above the run: earlier versions kept it as it was given, and all runs may have moved together.
    """
    if config.weights is None or config.weights == LIBRARY:
        return None
    path = Path(config.weights).absolute()
    return next(filter(_is_there, (path, *_from_above(Path(config.weights), folder))), None)


def _from_above(path: Path, folder: Path) -> Iterator[Path]:
    """Yield where a file would lie if it had moved with the run: as much of its path as possible first."""
    parts = path.parts[1:] if path.is_absolute() else path.parts
    for first in range(len(parts) - 1):  # its name alone says nothing
        for above in folder.resolve().parents:
            yield above.joinpath(*parts[first:])


def _is_there(path: Path) -> bool:
    return is_file(path) or (is_checkpoint(path) and is_file(run_folder(path) / CONFIG))


def is_checkpoint(path: Path) -> bool:
    """Return whether a file is called as a run's checkpoints are."""
    return path.name in (BEST, LAST) or path.match(f"{FRONT}/epoch-*.safetensors")


def run_folder(checkpoint: Path) -> Path:
    """Return the folder of the run that a checkpoint belongs to, if it belongs to one."""
    return checkpoint.parent.parent if checkpoint.parent.name == FRONT else checkpoint.parent


def started_from(run: Run) -> Run | None:
    """Return the finished run whose weights a run started from, if it is still there."""
    path = initial_checkpoint(run.config, run.folder)
    if path is None or not is_file(run_folder(path) / CONFIG):
        return None
    start = Run.open(run_folder(path))
    return start if start.result is not None else None
