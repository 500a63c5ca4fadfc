"""What a model did with each image of a split: two models are compared image by image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from model_guidance.metrics.batch_scores import INTACT, BatchScores, Predictions


@dataclass(frozen=True)
class Evidence:
    """Per image: its position in the split, its group, its share of the main score, and its maps.

    `right[condition]` are the two columns of `Predictions.right`, whose sums over images, divided, are the
    main score. The conditions are "intact" and, for images with a region, or a sample of them (NaN else),
    "outside: mean" and so on: pixels of this side are replaced. `epg` is the mean over the image's classes
    that have a region, NaN for none, and `area` the share of the image that the regions cover: the EPG of an
    even map.

    `images` says which images these are, and `regions` which regions, as hashes (`data.identity`); "": not
    recorded, by an earlier version.
    """

    index: Int[np.ndarray, "images"]
    groups: Int[np.ndarray, "images"]
    right: dict[str, Float[np.ndarray, "images 2"]]
    epg: Float[np.ndarray, "images"]
    area: Float[np.ndarray, "images"]
    images: str = ""
    regions: str = ""

    def __len__(self) -> int:
        return len(self.index)

    def same_images(self, other: "Evidence") -> bool:
        """Return whether both are of the same images, as far as they say."""
        if self.images and other.images and self.images != other.images:
            return False
        return self.same_rows(other)

    def same_rows(self, other: "Evidence") -> bool:
        """Return whether the rows of both can be paired: as many images of the same groups."""
        return np.array_equal(self.index, other.index) and np.array_equal(self.groups, other.groups)

    def same_regions(self, other: "Evidence") -> bool:
        """Return whether both were measured on the same regions; where one does not say, on as large ones."""
        if self.regions and other.regions:
            return self.regions == other.regions
        return len(self) == len(other) and np.allclose(self.area, other.area, equal_nan=True)

    def score(self, condition: str = INTACT) -> float:
        """Return the main score in a condition, NaN where no image has it."""
        found, wanted = np.nansum(self.right[condition], axis=0)
        return float(found / wanted) if wanted else float("nan")


def evidence_of(scored: Sequence[BatchScores], exclusive: bool) -> Evidence:
    """Return what the scores of batches say about each image, in the order of the split."""
    parts = [_of_batch(each, exclusive) for each in scored]
    order = np.argsort(np.concatenate([each.index for each in parts]), kind="stable")
    conditions = dict.fromkeys(name for each in parts for name in each.right)
    right = {}
    for name in conditions:
        rows = [each.right.get(name, np.full((len(each), 2), np.nan)) for each in parts]
        right[name] = np.concatenate(rows)[order]
    columns = ("index", "groups", "epg", "area")
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(each, name) for each in parts])[order] for name in columns
    }
    return Evidence(right=right, **joined)


def _of_batch(scored: BatchScores, exclusive: bool) -> Evidence:
    intact, images = scored.predictions, len(scored.predictions)
    right = {INTACT: _right(intact, exclusive)}
    for (side, filler), predictions in scored.conditions.items():
        if filler:
            rows = np.full((images, 2), np.nan)
            rows[scored.chosen.cpu().numpy()] = _right(predictions, exclusive)
            right[f"{side}: {filler}"] = rows
    values = (scored.maps.values["epg"], scored.area)
    epg, area = (_per_image(each, scored.owners, images) for each in values)
    return Evidence(scored.index.cpu().numpy(), intact.groups.cpu().numpy(), right, epg, area)


def _right(predictions: Predictions, exclusive: bool) -> Float[np.ndarray, "images 2"]:
    return predictions.right(exclusive).cpu().numpy()


def _per_image(values: Tensor, owners: Tensor, images: int) -> Float[np.ndarray, "images"]:
    """Return the mean over each image's pairs, NaN for one without."""
    total = torch.zeros(images, dtype=torch.float64, device=values.device)
    count = total.index_add(0, owners, torch.ones_like(values, dtype=torch.float64))
    return (total.index_add(0, owners, values.detach().double()) / count).cpu().numpy()
