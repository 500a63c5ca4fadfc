"""ImageNet-9 (Xiao et al., 2021): nine classes of ImageNet, with backgrounds kept, exchanged or left out."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from PIL import Image

from model_guidance.data.checks import check_size, needed
from model_guidance.data.photos import read_photo
from model_guidance.data.readers.listing import LeftOut, images_below, is_litter
from model_guidance.data.readers.options import check_split, one_of
from model_guidance.data.source import Annotation, Sample, Source, bounding_box
from model_guidance.errors import UserError
from model_guidance.files import check_file, entries, is_folder, is_there

WITH_OBJECT = ("original", "mixed_same", "mixed_rand", "mixed_next", "only_fg")
VARIANTS = (*WITH_OBJECT, "no_fg", "only_bg_b", "only_bg_t")
TEST = "bg_challenge"
IDENTITY = re.compile(r"n\d{8}_\d+")  # of a photo of ImageNet; the first in a name is the object's
BLACK = 16  # of 255: only_fg is saved as JPEG, whose black is not quite black
Mask = Bool[np.ndarray, "height width"]


def read(root: Path, split: str, *, training: str = "original", test: str = "mixed_rand") -> Source:
    """Read one split of ImageNet-9.

    "train" and "val" are ROOT/{training}/{train,val}/NN_CLASS/, the training data of one variant; "test" is
    ROOT/bg_challenge/{test}/val/NN_CLASS/, the release of the backgrounds challenge. `training` "mixed_rand",
    where background and class have nothing to do with each other, makes the ceiling. The region of an object
    is its mask and the box around it: in the test set that of bg_challenge/fg_mask/val/, in training what is
    not black in ROOT/only_fg/{train,val}/; images without one, and those of variants without the object, have
    no region. What is no image is left out, with a remark. Raises `UserError` for a missing folder, an
    unknown variant, and a damaged file.
    """
    check_split(split)
    chosen = {"training": one_of("training", training, VARIANTS), "test": one_of("test", test, VARIANTS)}
    variant = chosen["test" if split == "test" else "training"]
    part = "val" if split == "test" else split
    home = root / TEST if split == "test" else root
    folder = needed(home / variant / part, f"unpack {variant} of ImageNet-9 into {home}")
    left_out = LeftOut()
    found = [each for each in entries(folder) if is_folder(each) and not is_litter(each.name)]
    labels = {path: label for label, each in enumerate(found) for path in images_below(each, root, left_out)}
    masks = _masks(home / ("fg_mask" if split == "test" else "only_fg") / part, variant)
    paths = list(labels)
    return Source(
        classes=tuple(each.name.partition("_")[2] or each.name for each in found),
        names=[path.relative_to(root).as_posix() for path in paths],
        read=partial(_sample, paths, labels, masks),
        files=(*paths, *masks.values()),
        version=f"imagenet9 {split} {variant}",
        exclusive=True,
        remarks=left_out.remarks(),
    )


def _masks(folder: Path, variant: str) -> dict[tuple[str, str], Path]:
    """Return the files of masks by their class's folder and the photo that the object was taken from."""
    if variant not in WITH_OBJECT or not is_there(folder):
        return {}
    files = (path for each in entries(folder) if is_folder(each) for path in entries(each))
    found = ((path, IDENTITY.search(path.name)) for path in files if not is_litter(path.name))
    return {(path.parent.name, identity[0]): path for path, identity in found if identity}


def _sample(
    paths: list[Path], labels: Mapping[Path, int], masks: Mapping[tuple[str, str], Path], index: int
) -> Sample:
    path = paths[index]
    image, remarks = read_photo(path)
    label, identity = labels[path], IDENTITY.search(path.name)
    file = masks.get((path.parent.name, identity[0])) if identity else None
    mask = None if file is None else _mask(file, image)
    return Sample(image, frozenset({label}), _marks(label, mask), remarks=remarks)


def _marks(label: int, mask: Mask | None) -> tuple[Annotation, ...]:
    if mask is None or not mask.any():
        return ()
    return Annotation("boxes", label, bounding_box(mask)), Annotation("masks", label, mask)


def _mask(file: Path, image: Image.Image) -> Mask:
    if file.suffix == ".npy":
        mask = _array(file)
        if mask.shape != image.size[::-1]:
            size = f"{image.height} x {image.width}"
            raise UserError(f"{file}: has the shape {mask.shape}, but its image has {size} pixels")
        return mask
    shown, _ = read_photo(file)
    check_size(image, shown.size, str(file))
    return np.asarray(shown).max(axis=2) > BLACK


def _array(file: Path) -> Mask:
    check_file(file)
    try:
        return np.load(file, allow_pickle=False).astype(bool)
    except Exception as error:  # numpy raises a dozen types on damaged files
        raise UserError(f"{file}: is no array of numpy; unpack fg_mask of ImageNet-9 again") from error
