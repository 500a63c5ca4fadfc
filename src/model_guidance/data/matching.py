"""Which image of a data set a name means that stands in a file of annotations."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from model_guidance.errors import UserError

SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}$")


class Images:
    """The images of a data set by their names, which are paths with slashes, relative to its folder."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_stem: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
        for name in names:
            self._by_stem[_stem(name)].append(_parts(name))

    def meant(self, written: str, where: object) -> str | None:
        """Return the image that a name means, None if there is none.

        That is the image whose path ends as the name does, in as many folders as possible; a name without
        suffix means an image with any. Raises `UserError` for one that means several images equally well.
        """
        parts = _parts(written)
        found = self._by_stem.get(_stem(written), [])
        if SUFFIX.search(parts[-1]):
            found = [each for each in found if each[-1] == parts[-1] or not SUFFIX.search(each[-1])]
        if not found:
            return None
        alike = [_common_end(parts, each) for each in found]
        best = [each for each, common in zip(found, alike, strict=True) if common == max(alike)]
        if len(best) > 1:
            shown = " and ".join("/".join(each) for each in best[:2])
            raise UserError(f"{where}: {written} means several images ({shown}): name it with its folder")
        return "/".join(best[0])


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(name if "/" in name else name.replace("\\", "/")).parts or ("",)


def _stem(name: str) -> str:
    return SUFFIX.sub("", _parts(name)[-1])


def _common_end(one: Sequence[str], other: Sequence[str]) -> int:
    """Return in how many folders, from the image upwards, two paths agree."""
    pairs = zip(reversed(one[:-1]), reversed(other[:-1]), strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)) - 1)
