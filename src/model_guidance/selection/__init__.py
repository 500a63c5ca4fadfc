"""Selection among checkpoints."""

from model_guidance.selection.pareto import pareto_front

__all__ = ["pareto_front"]
