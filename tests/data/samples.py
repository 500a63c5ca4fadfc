"""Images with painted boxes, and sources that live in memory."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from model_guidance.data.source import Sample, Source


def painted(width: int, height: int, *boxes: Sequence[int]) -> Image.Image:
    pixels = np.zeros((height, width, 3), np.uint8)
    for x1, y1, x2, y2 in boxes:
        pixels[y1:y2, x1:x2] = 255
    return Image.fromarray(pixels)


def memory_source(
    samples: Sequence[Sample], classes: Sequence[str] = ("a", "b"), version: str = "1", **facts
) -> Source:
    names = [f"image {index}" for index in range(len(samples))]
    return Source(tuple(classes), names, samples.__getitem__, facts.pop("files", ()), version, **facts)
