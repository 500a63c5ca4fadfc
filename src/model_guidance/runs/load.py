"""A run's trained network, ready to predict and to explain."""

from pathlib import Path

from model_guidance.models.backbone import Backbone
from model_guidance.runs.checkpoints import load_model
from model_guidance.runs.folder import Run


def load(run: str | Path, checkpoint: str = "best") -> Backbone:
    """Return the network of a run in evaluation mode; it is explained by the method it was trained with.

    `checkpoint` is `best`, `last` or `front/epoch-NNN`. Raises `UserError` if there is no such run or
    checkpoint.
    """
    opened = Run.open(Path(run))
    model = load_model(opened, checkpoint)
    model.default_method = opened.config.own_method
    return model.eval()
