"""Selection among checkpoints."""

from model_guidance.selection.allowed_loss import ALLOWED_LOSS, least_score
from model_guidance.selection.best_epoch import best_epoch, epochs_since_gain
from model_guidance.selection.pareto import pareto_front
from model_guidance.selection.representative import representative

__all__ = ["ALLOWED_LOSS", "best_epoch", "epochs_since_gain", "least_score", "pareto_front", "representative"]


def __dir__() -> list[str]:
    return __all__
