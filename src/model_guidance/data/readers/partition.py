"""Splits for data that come as one: a draw that is the same everywhere, whatever order the images are in."""

import hashlib
from collections.abc import Sequence


def hashed_order(keys: Sequence[object], seed: int) -> list[int]:
    """Return the positions in `keys`, text or numbers, ordered by a hash of each key and `seed`."""
    drawn = [hashlib.blake2b(f"{seed} {key}".encode(errors="surrogatepass")).digest() for key in keys]
    return sorted(range(len(keys)), key=drawn.__getitem__)
