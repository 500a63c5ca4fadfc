"""Which files of a folder are images, and a word on those that are not."""

import os
import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path, PureWindowsPath

from model_guidance.data.photos import suffixes
from model_guidance.errors import UserError, first_of, quoted
from model_guidance.files import entries, is_file, is_folder

LITTER = {"__MACOSX", "__pycache__", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
LITTER |= {"Thumbs.db", "desktop.ini", "@eaDir", "@Recycle", "#recycle"}

HIDDEN = "hidden files and folders, or leftovers of a system"
OTHER = "files whose suffix is none of an image"
NO_FILE = "broken links, pipes and devices"
AGAIN = "folders that a link leads to a second time"
CLASSLESS = "files that lie in no class's folder"
BESIDE = "folders called like no split, beside those of splits"


class LeftOut:
    """What a reader leaves out: paths by the reason."""

    def __init__(self) -> None:
        self.found: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, reason: str, path: Path, root: Path) -> None:
        """Remember one path, by its name below `root`."""
        self.found[reason].append(path.relative_to(root).as_posix())

    def add_beside(self, home: Path, homes: Collection[Path], root: Path) -> None:
        """Remember the folders in `home` that are none of the splits' `homes`, if these lie there."""
        if any(each.parent == home for each in homes):
            for path in entries(home):
                if path not in homes and is_folder(path) and not is_litter(path.name):
                    self.add(BESIDE, path, root)

    def remarks(self) -> tuple[str, ...]:
        """Return one sentence for each reason, with the count and some names."""
        return tuple(
            f"left out: {len(paths)} {reason} ({first_of(paths)})" for reason, paths in self.found.items()
        )


def is_litter(name: str) -> bool:
    """Tell whether a file or folder of this name was left by a system and is nobody's data."""
    return name.startswith(".") or name in LITTER


def is_image(path: Path) -> bool:
    """Tell by its suffix whether a file is an image that can be read."""
    return path.suffix.lower() in suffixes()


def name_below(root: Path, path: Path) -> str:
    """Return the name of an image below the root, with slashes; pathlib's own way takes thrice as long."""
    return "/".join(path.parts[len(root.parts) :])


def written_below(home: Path, name: str, where: str) -> str:
    """Return the name of an image below `home` that a file writes, as `name_below` has it.

    Raises `UserError` for one that leads elsewhere; `where` is the file with the line and the column.
    """
    path = posixpath.normpath(name.replace("\\", "/"))
    elsewhere = PureWindowsPath(name).anchor or path == "." or path.split("/")[0] == ".."
    if not name or "\0" in name or elsewhere:
        raise UserError(f"{where} is {quoted(name)}, but must name an image below {home}")
    return path


def images_below(folder: Path, root: Path, left_out: LeftOut) -> list[Path]:
    """Return the image files in `folder` and the folders in it, sorted; the rest goes into `left_out`."""
    return sorted(_images(folder, root, left_out, {_identity(folder)}), key=lambda path: path.parts)


def _images(folder: Path, root: Path, left_out: LeftOut, seen: set[tuple[int, int]]) -> Iterator[Path]:
    for path, is_inner, is_any_file in _entries(folder):
        if is_litter(path.name):
            left_out.add(HIDDEN, path, root)
        elif is_inner:
            if _identity(path) in seen:
                left_out.add(AGAIN, path, root)
            else:
                seen.add(_identity(path))
                yield from _images(path, root, left_out, seen)
        elif not is_any_file:
            left_out.add(NO_FILE, path, root)
        elif not is_image(path):
            left_out.add(OTHER, path, root)
        else:
            yield path


def _entries(folder: Path) -> list[tuple[Path, bool, bool]]:
    """Return what lies in a folder by name, and whether it is a folder or a file, itself or through a link.

    What the listing tells need not be asked for again, file by file. Raises `UserError` as `files.entries`.
    """
    try:
        with os.scandir(folder) as found:
            listed = sorted(found, key=lambda each: each.name)
    except OSError as error:
        raise UserError(f"{folder}: cannot be listed ({error.strerror or error})") from error
    kinds = [(folder / each.name, each) for each in listed]
    return [
        (path, is_folder(path), is_file(path))
        if each.is_symlink()
        else (path, each.is_dir(follow_symlinks=False), each.is_file(follow_symlinks=False))
        for path, each in kinds
    ]


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino
