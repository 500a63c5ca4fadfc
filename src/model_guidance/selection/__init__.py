"""Selection among checkpoints."""

from model_guidance.selection.best_epoch import best_epoch
from model_guidance.selection.pareto import pareto_front
from model_guidance.selection.representative import representative

__all__ = ["best_epoch", "pareto_front", "representative"]
