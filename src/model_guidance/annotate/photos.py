"""The images of a run's splits as the page shows them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from model_guidance.data import Split
from model_guidance.data.photos import encoded
from model_guidance.data.source import Sample, Source
from model_guidance.errors import UserError
from model_guidance.runs.folder import Run
from model_guidance.runs.setup import source_of, split_of
from model_guidance.runs.unchanged import check_unchanged

KEPT = 64  # decoded images that stay in memory
QUALITY = 85


@dataclass(frozen=True, eq=False)
class Photos:
    """One split: `source` has the images at their own size, `split` their labels and groups."""

    name: str
    source: Source
    split: Split

    @classmethod
    def of(cls, run: Run, name: str) -> "Photos":
        """Open a split of a run's data; `UserError` where these are others by now."""
        split = split_of(run.config, name)
        check_unchanged(run, {name: split})
        return cls(name, source_of(run.config, name), split)

    def __len__(self) -> int:
        return len(self.split)

    @property
    def names(self) -> Sequence[str]:
        """The images' names in the data set."""
        return self.source.names

    @cached_property
    def sample(self) -> Callable[[int], Sample]:
        """What decodes an image; the last ones stay in memory."""
        return lru_cache(maxsize=KEPT)(self.source.read)

    def check(self, index: int) -> int:
        """Return the index of an image; `UserError` if there is none such."""
        if not 0 <= index < len(self):
            raise UserError(f"there is no image {index}; the split has {len(self)}")
        return index

    def jpeg(self, index: int, side: int | None) -> bytes:
        """Return an image whose longer side has at most so many pixels."""
        image = self.sample(index).image
        if side is not None and max(image.size) > side:
            image = image.copy()
            image.thumbnail((side, side))
        return encoded(image, "JPEG", QUALITY)

    def labels(self, index: int) -> list[str]:
        """Return the classes of an image."""
        return [self.split.classes[each] for each in np.flatnonzero(self.split.labels[index])]

    def group(self, index: int) -> str | None:
        """Return the name of an image's group, None where it has none."""
        number = int(self.split.group[index])
        return self.split.groups[number] if number >= 0 else None
