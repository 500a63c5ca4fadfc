"""The images that a user names one by one, by folders, or by patterns."""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from model_guidance.data.readers.listing import LeftOut, images_below, is_image, is_litter
from model_guidance.errors import UserError
from model_guidance.files import is_folder, is_there


def named_images(named: Sequence[str]) -> tuple[list[Path], tuple[str, ...]]:
    """Return the images of files, folders (and those in them) and patterns (`photos/**/*.jpg`), and remarks.

    Files are taken whatever they are called, what a pattern matches or a folder holds if its suffix is one of
    an image. Each comes once, in the order in which they are named. Raises `UserError` for what is not there,
    and where something named has no image.
    """
    found: dict[Path, None] = {}
    remarks: list[str] = []
    for name in named:
        images = list(_images(name, remarks))
        if not images:
            raise UserError(f"{name}: no image found there")
        found.update(dict.fromkeys(images))
    return list(found), tuple(remarks)


def _images(name: str, remarks: list[str]) -> Iterator[Path]:
    path = Path(name).expanduser()
    if is_folder(path):
        yield from _below(path, remarks)
    elif is_there(path):
        yield path
    elif glob.has_magic(name):
        for each in map(Path, sorted(glob.glob(str(path), recursive=True))):  # noqa: PTH207
            if is_folder(each):
                yield from _below(each, remarks)
            elif is_image(each) and not is_litter(each.name):
                yield each
    else:
        raise UserError(f"{name}: there is no such file or folder")


def _below(folder: Path, remarks: list[str]) -> list[Path]:
    left_out = LeftOut()
    images = images_below(folder, folder, left_out)
    remarks += (f"{folder}: {remark}" for remark in left_out.remarks())
    return images
