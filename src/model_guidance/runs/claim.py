"""Whether a run may be written to a folder: it is locked, it is ours, and nothing else in it is touched."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock, Timeout

from model_guidance.errors import UserError
from model_guidance.files import check_output_folder, entries, is_file, is_folder, is_there, partial
from model_guidance.runs.extension import check_extension, grows
from model_guidance.runs.folder import (
    BELOW,
    CLASSES,
    CONFIG,
    FILES,
    MACHINE,
    RESULT,
    STATE,
    own_files,
    read_classes,
)
from model_guidance.runs.start import initial_checkpoint
from model_guidance.training.config import Config
from model_guidance.training.config_file import load

LOCK = ".model-guidance.lock"


def check_claim(folder: Path, config: Config, overwrite: bool) -> None:
    """Raise `UserError` unless a run with these settings may be started or continued in `folder`.

    What a killed run left half-written counts as nothing. With `overwrite` any run may lie there, if it is
    certainly one of ours; an unfinished one of the same settings `goes_on` all the same.
    """
    check_output_folder(folder)
    left = [path for path in entries(folder) if not _is_leftover(path)] if is_folder(folder) else []
    if not left:
        return
    if not is_there(folder / CONFIG):
        raise UserError(f"{folder}: this exists and is no run folder, choose another --out")
    found = load(folder / CONFIG)
    if overwrite:
        _check_ours(folder, left)
        for above in {file.parent for file in own_files(folder)}:
            check_output_folder(above)
    elif is_there(folder / RESULT):
        with suppress(UserError), locked(folder):  # what a kill at the very end left is removed
            pass
        _check_longer(folder, config, found, _way_out(folder, left))
    else:
        _check_same(folder, config, found, left)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder, made if need be, against other processes; a kill releases it.

    Leftovers of a killed run are removed. Raises `UserError` if another process holds the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0)
        lock.acquire()
    except Timeout as error:
        raise UserError(
            f"{folder}: another process is training in this folder: wait for it, or choose another --out"
        ) from error
    except OSError as error:
        raise UserError(f"{folder}: could not be written ({error.strerror or error})") from error
    try:
        remove_leftovers(folder)
        yield
    finally:
        with suppress(OSError):
            (folder / LOCK).unlink()  # while it is held: whoever waits for this file sees that it is gone
        lock.release()


def goes_on(folder: Path, config: Config) -> bool:
    """Return whether an unfinished run of these settings lies in `folder`, with an epoch to go on from."""
    unfinished = is_there(folder / STATE) and not is_there(folder / RESULT)
    return unfinished and not differing(config, load(folder / CONFIG), folder)


def clear(folder: Path) -> None:
    """Delete the files of an earlier run, and no others.

    Its settings and classes, which make the folder one of ours, stay until new ones take their place.
    """
    for file in list(own_files(folder)):  # all or none: what cannot be listed is found before
        file.unlink()
    for name in BELOW:
        with suppress(OSError):  # not there, or something else lies in it
            (folder / name).rmdir()


def remove_leftovers(folder: Path) -> None:
    """Delete what a kill left half-written, and the state of a finished run that is not to keep it."""
    for path in (folder, *(folder / name for name in BELOW)):
        for file in entries(path) if is_folder(path) else ():
            if file.name != LOCK and _is_leftover(file) and is_file(file):
                file.unlink()
    if is_file(folder / RESULT) and is_file(folder / STATE) and not load(folder / CONFIG).keep_state:
        (folder / STATE).unlink()


def _is_leftover(path: Path) -> bool:
    """Return whether this is our lock, or a file of ours that is not complete."""
    name = path.name.removeprefix(".").removesuffix(".partial")
    pattern = BELOW.get(path.parent.name)
    ours = name in (*FILES, CLASSES, CONFIG) or bool(pattern and pattern.fullmatch(name))
    return path.name == LOCK or (ours and path.name == partial(path.with_name(name)).name)


def _check_ours(folder: Path, left: list[Path]) -> None:
    """Raise `UserError` unless the run is certainly ours: its classes are there, or nothing but settings is.

    (A run that was killed between the two has written nothing else.)
    """
    if {path.name for path in left} == {CONFIG}:
        return
    try:
        read_classes(folder)
    except UserError as error:
        raise UserError(f"{error}: so this may not be a run of ours, and nothing is deleted") from error


def _way_out(folder: Path, left: list[Path]) -> str:
    try:
        _check_ours(folder, left)
    except UserError:
        return "choose another --out"
    return "add --overwrite to replace it"


def _check_longer(folder: Path, config: Config, found: Config, way_out: str) -> None:
    """Raise `UserError` unless a finished run is to be trained further: more epochs, nothing else."""
    others = [name for name in differing(config, found, folder) if name != "epochs"]
    if config.epochs <= found.epochs:
        raise UserError(f"{folder}: a finished run lies here, {way_out}")
    if others:
        began = f"--{others[0].strip('_')} {getattr(found, others[0])}"
        raise UserError(
            f"{folder}: a finished run lies here, {way_out}; epochs are added to one with {began}"
        )
    check_extension(folder, found, way_out)


def _check_same(folder: Path, config: Config, found: Config, left: list[Path]) -> None:
    """Raise `UserError` for other settings than those of the unfinished run; there may be more epochs."""
    for name in differing(config, found, folder):
        if name != "epochs" or not grows(config, found):
            raise UserError(
                f"{folder}: an unfinished run with --{name.strip('_')} {getattr(found, name)} lies here: to "
                f"continue it give that value, or --resume without this option; or {_way_out(folder, left)}"
            )


def differing(config: Config, found: Config, folder: Path) -> list[str]:
    """Return the settings in which two runs in a folder differ, those of the machine left aside.

    The same initial weights are so wherever they are asked for.
    """
    ours, theirs = (
        {**asdict(each), "weights": initial_checkpoint(each, folder) or each.weights}
        for each in (config, found)
    )
    return [name for name in ours if ours[name] != theirs[name] and name not in MACHINE]
