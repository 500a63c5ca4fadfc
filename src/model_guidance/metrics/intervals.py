"""Confidence intervals (95 %) of shares of images, and of differences between them; for small numbers too."""

from dataclasses import dataclass
from math import sqrt

Z = 1.959963984540054


@dataclass(frozen=True)
class Estimate:
    """A value with the ends of its 95 % interval, all of them fractions, and how many images tell it."""

    value: float
    low: float
    high: float
    images: int


def wilson(right: int, images: int) -> Estimate:
    """Return the share `right / images` with Wilson's score interval (1927); `images` is at least 1."""
    share, weight = right / images, Z**2 / images
    middle = (share + weight / 2) / (1 + weight)
    half = Z * sqrt(share * (1 - share) / images + weight / (4 * images)) / (1 + weight)
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half), images)


def difference(first: Estimate, second: Estimate, correlation: float = 0.0) -> Estimate:
    """Return `first - second`, its interval made of both by squaring and adding (Newcombe 1998, method 10).

    Without a `correlation` the two are taken to be independent, which is wider for the same images.
    """
    value = first.value - second.value
    below = _norm(first.value - first.low, second.high - second.value, correlation)
    above = _norm(first.high - first.value, second.value - second.low, correlation)
    return Estimate(value, value - below, value + above, min(first.images, second.images))


def paired_difference(both: int, only_first: int, only_second: int, neither: int) -> Estimate:
    """Return how much larger the first of two shares of the same images is, from the counts of outcomes."""
    images = both + only_first + only_second + neither
    first, second = wilson(both + only_first, images), wilson(both + only_second, images)
    sizes = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    excess = both * neither - only_first * only_second
    shrunk = max(excess - images / 2, 0.0) if excess > 0 else excess  # Newcombe's continuity correction
    return difference(first, second, shrunk / sqrt(sizes) if sizes else 0.0)


def _norm(one: float, other: float, correlation: float) -> float:
    return sqrt(max(0.0, one**2 - 2 * correlation * one * other + other**2))
