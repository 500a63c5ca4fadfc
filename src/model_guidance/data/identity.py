"""Which images and which regions something rests on, as short hashes: what is kept is told from what is new.

They are of what the data hold, not of where these lie or when they were written: moved data are the same.
"""

import hashlib
import json
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from model_guidance.data.annotations.settings import RANDOM, RegionSettings
from model_guidance.data.cache.split import Split

BYTES = 16


def images_identity(names: Sequence[str]) -> str:
    """Hash the names of the images of a split, in their order."""
    return hashlib.blake2b(json.dumps([*names]).encode(), digest_size=BYTES).hexdigest()


def regions_identity(split: Split, settings: RegionSettings, annotated: Bool[np.ndarray, "images"]) -> str:
    """Hash all that the regions of a split's `annotated` images depend on, at the size of the split.

    Where there is no region, it is the same whatever the settings.
    """
    drawn = settings.seed if settings.kind == RANDOM else None
    facts = (settings.kind, settings.dilate, settings.outside != split.outside, drawn)
    found = hashlib.blake2b(digest_size=BYTES)
    for kind in settings.kinds:
        for index in np.flatnonzero(split.has(kind) & annotated).tolist():
            classes, rows = split.rows(kind, index)
            found.update(f"{facts} {kind} {index} {classes.tolist()}".encode())
            found.update(rows.tobytes())
    return found.hexdigest()
