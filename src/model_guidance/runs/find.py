"""The run folders among what the user names."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from model_guidance.errors import UserError
from model_guidance.files import common_folder, entries, is_folder, is_there
from model_guidance.runs.folder import CONFIG, Run


def open_runs(folders: Sequence[Path]) -> Mapping[str, Run]:
    """Open the run folders among `folders` and below them, under short names that are unique.

    Raises `UserError` if one of the folders contains no run, or if a run is damaged or of another version.
    """
    found: dict[Path, None] = {}
    for folder in folders:
        below = [path.resolve() for path in _runs_below(folder)] if is_folder(folder) else []
        if not below:
            raise UserError(f"{folder}: there is no run in this folder, name a run or a folder of runs")
        found.update(dict.fromkeys(below))
    return {name: Run.open(path) for name, path in zip(_names(list(found)), found, strict=True)}


def _runs_below(folder: Path) -> Iterator[Path]:
    if is_there(folder / CONFIG):
        yield folder
        return
    for below in entries(folder):
        if is_folder(below):
            yield from _runs_below(below)


def _names(paths: Sequence[Path]) -> list[str]:
    common = common_folder(paths)
    return [path.relative_to(common).as_posix() for path in paths]
