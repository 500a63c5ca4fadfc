"""Scores of the maps: EPG, IoU at every threshold, on-object EPG, pair by pair."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from model_guidance.errors import UserError
from model_guidance.metrics.energy_pointing_game import energy_pointing_game
from model_guidance.metrics.on_object import on_object_energy
from model_guidance.metrics.region_iou import THRESHOLDS, iou_curve
from model_guidance.types import Batch, Pairs


@dataclass
class MapScores:
    """Accumulates the scores of (image, class) pairs over batches."""

    epg: list[Tensor] = field(default_factory=list)
    iou: list[Tensor] = field(default_factory=list)
    on_object: list[Tensor] = field(default_factory=list)
    without_region: int = 0

    def add(self, maps: Tensor, batch: Batch) -> None:
        """Score the maps `Float[pairs H W]` of the batch's regions."""
        regions, objects = batch.regions, batch.objects
        self.without_region += int(batch.labels.sum()) - len(regions)
        self.epg.append(energy_pointing_game(maps, regions.masks))
        self.iou.append(iou_curve(maps, regions.masks))
        ours, theirs = _common(regions.pairs, objects.pairs, batch.labels.shape[1])
        self.on_object.append(on_object_energy(maps[ours], regions.masks[ours], objects.masks[theirs]))

    def result(self, threshold: float | None) -> dict[str, float]:
        """Return the means; IoU at `threshold`, or at the best threshold where None is given."""
        pairs = sum(map(len, self.epg))
        scores = {"pairs": float(pairs), "pairs_without_region": float(self.without_region)}
        if pairs:
            curve = torch.cat(self.iou).double().mean(dim=0)
            if threshold is not None and threshold not in THRESHOLDS:
                known = ", ".join(f"{each:g}" for each in THRESHOLDS)
                raise UserError(f"there is no IoU threshold {threshold:g}: choose one of {known}")
            best = int(curve.argmax()) if threshold is None else THRESHOLDS.index(threshold)
            scores["epg"] = float(torch.cat(self.epg).double().mean())
            scores |= {"iou": float(curve[best]), "iou_threshold": THRESHOLDS[best]}
        if any(map(len, self.on_object)):
            scores["on_object_epg"] = float(torch.cat(self.on_object).double().mean())
        return scores


def _common(left: Pairs, right: Pairs, classes: int) -> tuple[Tensor, Tensor]:
    """Return the positions of the pairs that both sides have, in the same order."""
    keys = [side.images * classes + side.classes for side in (left, right)]
    same = (keys[0].unsqueeze(1) == keys[1].unsqueeze(0)).nonzero()
    return same[:, 0], same[:, 1]
