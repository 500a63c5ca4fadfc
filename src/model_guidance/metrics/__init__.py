"""Metrics of predictions and of maps; those of maps are `(maps, masks, valid=None) -> one value per pair`."""

from model_guidance.metrics.energy_pointing_game import energy_pointing_game
from model_guidance.metrics.on_object import on_object_energy
from model_guidance.metrics.region_iou import region_iou

__all__ = ["energy_pointing_game", "on_object_energy", "region_iou"]


def __dir__() -> list[str]:
    return __all__
