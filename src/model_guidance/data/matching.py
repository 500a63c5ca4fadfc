"""Which image of a data set a name means that stands in a file of annotations."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from model_guidance.errors import UserError

SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}$")


class Images:
    """The images of a data set by their names, which are paths with slashes, relative to its folder."""

    def __init__(self, names: Iterable[str]) -> None:
        self._named: defaultdict[str, defaultdict[str, list[tuple[str, ...]]]]
        self._named = defaultdict(lambda: defaultdict(list))  # folders upwards, by stem and last part
        for name in names:
            *above, last = _parts(name)
            self._named[_stem(last)][last].append((*reversed(above),))
        for alike in self._named.values():
            for folders in alike.values():
                folders.sort()

    def meant(self, written: str, where: object) -> str | None:
        """Return the image that a name means, None if there is none.

        That is the image whose path ends as the name does, in as many folders as possible; a name without
        suffix means an image with any. Raises `UserError` for one that means several images equally well.
        """
        *above, last = _parts(written)
        wanted = (*reversed(above),)
        alike: Mapping[str, list[tuple[str, ...]]] = self._named.get(_stem(last), {})
        found = [
            (common, each, own)
            for own, folders in alike.items()
            if own == last or not (SUFFIX.search(last) and SUFFIX.search(own))
            for common, each in _nearest(folders, wanted)
        ]
        if not found:
            return None
        most = max(common for common, *_ in found)
        best = ["/".join((*reversed(each), own)) for common, each, own in found if common == most]
        if len(best) > 1:
            raise UserError(
                f"{where}: {written} means several images ({' and '.join(best[:2])}): name it with its folder"
            )
        return best[0]


def _nearest(
    folders: Sequence[tuple[str, ...]], wanted: tuple[str, ...]
) -> list[tuple[int, tuple[str, ...]]]:
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
