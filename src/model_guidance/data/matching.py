"""Which image of a data set a name means that stands in a file of annotations."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import IntEnum
from pathlib import PurePosixPath

from model_guidance.errors import UserError

SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}$")
Folders = tuple[str, ...]  # from the image upwards


class Agreement(IntEnum):
    """How far written folders are those of an image: ALL as far as both of them go."""

    NONE = 0
    SOME = 1
    ALL = 2


@dataclass(frozen=True)
class _Fit:
    """The images that a name fits best, and how the folders agree that are `written` in it, if any are."""

    name: str
    written: bool
    images: Sequence[str]
    agreement: Agreement
    exact: bool


class Images:
    """The images of a data set by their names, which are paths with slashes, relative to its folder."""

    def __init__(self, names: Iterable[str]) -> None:
        self._named: defaultdict[str, defaultdict[str, list[Folders]]]
        self._named = defaultdict(lambda: defaultdict(list))  # folders upwards, by stem and last part
        for name in names:
            *above, last = _parts(name)
            self._named[_stem(last)][last].append((*reversed(above),))
        for alike in self._named.values():
            for folders in alike.values():
                folders.sort()

    def meant(self, written: Sequence[str], where: object) -> list[str | None]:
        """Return the image that each name of a file means, None where there is none.

        That is the image whose path ends as the name does, in as many folders as possible; a name without
        suffix means an image with any. The names of a file are written alike: one whose folders agree less
        than others' do is that of an image that is not there, and so is one that could only mean an image
        that another name says exactly. Raises `UserError` for a name that means several images equally well.
        """
        fits = [self._fit(each) for each in written]
        most = max((fit.agreement for fit in fits if fit.written), default=Agreement.NONE)
        named = {image for fit in fits if fit.exact for image in fit.images}
        return [_one(fit, most, named, where) for fit in fits]

    def _fit(self, name: str) -> _Fit:
        *above, last = _parts(name)
        wanted = (*reversed(above),)
        alike: Mapping[str, list[Folders]] = self._named.get(_stem(last), {})
        found = [
            (common, each, own)
            for own, folders in alike.items()
            if own == last or not (SUFFIX.search(last) and SUFFIX.search(own))
            for common, each in _nearest(folders, wanted)
        ]
        most = max((common for common, *_ in found), default=0)
        best = [(each, own) for common, each, own in found if common == most]
        images = ["/".join((*reversed(each), own)) for each, own in best]
        agreement = max((_agreement(each, wanted) for each, _ in best), default=Agreement.NONE)
        return _Fit(name, bool(wanted), images, agreement, any(each == wanted for each, _ in best))


def _one(fit: _Fit, most: Agreement, named: AbstractSet[str], where: object) -> str | None:
    """Return the image that a name means among others; `named` are those that others mean exactly."""
    if not fit.images or (fit.written and fit.agreement < most):
        return None
    if len(fit.images) > 1:
        shown = " and ".join(fit.images[:2])
        raise UserError(f"{where}: {fit.name} means several images ({shown}): name it with its folder")
    return fit.images[0] if fit.exact or fit.images[0] not in named else None


def _nearest(folders: Sequence[Folders], wanted: Folders) -> list[tuple[int, Folders]]:
    """Return those of the sorted `folders` that agree with the wanted ones for longest, at most two of them.

    Beside the place where it would stand are those that begin most alike.
    """
    place = bisect_left(folders, wanted)
    beside = folders[max(place - 2, 0) : place + 2]
    alike = [_common(each, wanted) for each in beside]
    return [(common, each) for common, each in zip(alike, beside, strict=True) if common == max(alike)][:2]


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(name if "/" in name else name.replace("\\", "/")).parts or ("",)


def _stem(last: str) -> str:
    return SUFFIX.sub("", last)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many folders from the image upwards agree, and one more where all do."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other))) + (
        one == other
    )


def _agreement(one: Folders, other: Folders) -> Agreement:
    common = _common(one, other) - (one == other)
    if not common:
        return Agreement.NONE
    return Agreement.ALL if common == min(len(one), len(other)) else Agreement.SOME
