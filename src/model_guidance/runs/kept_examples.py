"""Heat maps of test images, as the runs kept them, and what they tell."""

import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from safetensors import SafetensorError, safe_open

from model_guidance.errors import UserError
from model_guidance.runs.folder import EXAMPLES

SHOULD = 0.8  # EPG from which on a map claims that the region alone decides


@dataclass(frozen=True)
class Examples:
    """A run's last epoch on the fixed sample of test images; `outside` is the probability without the rest.

    Fractions, but for `images` in [0, 255], `labels`, and the signed `maps` in [-1, 1].
    """

    names: list[str]
    images: UInt8[np.ndarray, "n 3 height width"]
    masks: Bool[np.ndarray, "n height width"]
    maps: Float[np.ndarray, "n height width"]
    epg: Float[np.ndarray, "n"]
    labels: Int[np.ndarray, "n"]
    probability: Float[np.ndarray, "n"]
    outside: Float[np.ndarray, "n"]


def read_examples(folder: Path, look: str) -> Examples | None:
    """Return what a run kept under `look`, or None; raises `UserError` if the file is damaged."""
    path = folder / EXAMPLES / f"{look}.safetensors"
    if not path.is_file():
        return None
    tensors = [field.name for field in fields(Examples) if field.name != "names"]
    try:
        with safe_open(path, framework="numpy") as file:
            names = json.loads(file.metadata()["names"])
            return Examples(names, **{name: file.get_tensor(name) for name in tensors})
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: this is damaged or of another version of model-guidance") from error


def flips(examples: Examples, classes: list[str]) -> list[str]:
    """Return the images whose map lies in the region while the decision hangs on what is outside.

    The decision on the explained class flips if its probability crosses 0.5 when everything outside of the
    region is replaced by its mean colour.
    """
    crossed = (examples.probability >= 0.5) != (examples.outside >= 0.5)
    return [
        f"{examples.names[place]} ({classes[examples.labels[place]]}): EPG {examples.epg[place]:.2f}, "
        f"probability {examples.probability[place]:.2f}, outside replaced {examples.outside[place]:.2f}"
        for place in np.flatnonzero(crossed & (examples.epg >= SHOULD))
    ]


def telling(epg: Float[np.ndarray, "n"], count: int = 3) -> dict[str, list[int]]:
    """Return the places of the best, the worst, and some other images drawn at random (always the same)."""
    order = np.argsort(-np.nan_to_num(epg, nan=-1.0), kind="stable").tolist()
    best, rest = order[:count], order[count:]
    worst, between = rest[-count:], rest[: max(0, len(rest) - count)]
    drawn = np.random.default_rng(0).permutation(len(between))[:count]
    return {"best": best, "worst": worst[::-1], "random": [between[place] for place in sorted(drawn)]}
