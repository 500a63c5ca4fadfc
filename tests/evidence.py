"""What a model did with each test image, made to be right in given shares of them."""

import numpy as np

from model_guidance.metrics.evidence import Evidence

IMAGES = 400


def evidence(
    groups=(1.0, 1.0), outside=1.0, inside=0.5, epg=0.5, images=IMAGES, grouped=True, seed=0
) -> Evidence:
    """Make what a model did, right in such a share of the images of two groups, and of the replaced ones."""
    random = np.random.default_rng(seed)
    group = np.arange(images) % 2
    share = {"intact": np.array(groups)[group], "outside: mean": outside, "inside: mean": inside}
    right = {
        name: np.stack([random.random(images) < each, np.ones(images)], axis=1).astype(float)
        for name, each in share.items()
    }
    maps = np.clip(random.normal(epg, 0.1, images), 0, 1)
    return Evidence(np.arange(images), group if grouped else group * 0 - 1, right, maps, np.full(images, 0.2))


def counted(right: tuple[int, int], images: int = 100, outside: int = 0, grouped: bool = True) -> Evidence:
    """Make what a model did that is right on the first so many images of each of two groups of equal size."""
    group, place = np.arange(images) % 2, np.arange(images) // 2
    hits = {"intact": place < np.array(right)[group], "outside: mean": np.arange(images) < outside}
    rows = {name: np.stack([each, np.ones(images)], axis=1).astype(float) for name, each in hits.items()}
    rows["inside: mean"] = rows["outside: mean"]
    even = np.full(images, 0.2)
    return Evidence(np.arange(images), group if grouped else group * 0 - 1, rows, even, even)
