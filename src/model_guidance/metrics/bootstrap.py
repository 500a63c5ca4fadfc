"""Paired bootstrap: how much a difference between two models would vary with other images (Efron, 1979)."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from model_guidance.metrics.intervals import Estimate

RESAMPLES, AT_ONCE, SEED = 2000, 100, 0
Weights = Float[np.ndarray, "resamples images"]


def bootstrapped(statistic: Callable[[Weights], Float[np.ndarray, "resamples"]], images: int) -> Estimate:
    """Return a statistic of `images` images with its 95 % percentile interval over resamples of them.

    `statistic(weights)` gets how often each image occurs in each resample, and returns a value for each, NaN
    where it has none. The resamples are the same at each call: two statistics are of the same images.
    """
    random = np.random.default_rng(SEED)
    found = np.concatenate(
        [statistic(_resampled(random, images)) for _ in range(RESAMPLES // AT_ONCE)],
    )
    value = float(statistic(np.ones((1, images)))[0])
    low, high = np.nanquantile(found, (0.025, 0.975)) if not np.isnan(found).all() else (np.nan, np.nan)
    return Estimate(value, float(low), float(high), images)


def _resampled(random: np.random.Generator, images: int) -> Weights:
    drawn = random.integers(images, size=(AT_ONCE, images)) + images * np.arange(AT_ONCE)[:, None]
    return np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(float)
