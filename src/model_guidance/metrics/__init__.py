"""Metrics of predictions and of maps."""

from model_guidance.metrics.energy_pointing_game import energy_pointing_game
from model_guidance.metrics.evaluate import Measurement, evaluate
from model_guidance.metrics.on_object import on_object_energy
from model_guidance.metrics.region_iou import region_iou

__all__ = ["Measurement", "energy_pointing_game", "evaluate", "on_object_energy", "region_iou"]
