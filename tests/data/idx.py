"""MNIST and FashionMNIST as torchvision keeps them, but small."""

import struct
from collections.abc import Sequence

import numpy as np


def idx(values: np.ndarray) -> bytes:
    """The bytes of an array in the format of MNIST's files."""
    sizes = struct.pack(f">{values.ndim}I", *values.shape)
    return bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes()


def bars(labels: Sequence[int]) -> np.ndarray:
    """A picture of each label: a bar, 8 pixels high, whose grey value is 100 + 10 * label."""
    pixels = np.zeros((len(labels), 28, 28), np.uint8)
    for picture, label in zip(pixels, labels, strict=True):
        picture[10:18, 6 + label : 20] = 100 + 10 * label
    return pixels


def idx_files(name: str, train: Sequence[int], test: Sequence[int]) -> dict[str, bytes]:
    """The four files of a data set with these labels, by their path below the root."""
    files = {}
    for part, labels in (("train", train), ("t10k", test)):
        files[f"{name}/raw/{part}-images-idx3-ubyte"] = idx(bars(labels))
        files[f"{name}/raw/{part}-labels-idx1-ubyte"] = idx(np.array(labels))
    return files
