"""A run's trained network, ready to predict and to explain."""

from pathlib import Path

from model_guidance.models.backbone import Backbone
from model_guidance.runs.checkpoints import load_model
from model_guidance.runs.folder import Run


def load(run: str | Path, checkpoint: str = "best") -> Backbone:
    """Return the network of a run in evaluation mode, which takes RGB in [0, 1], `Float[B 3 H W]`.

    It knows its `classes`, how photos become images (`resizing`, `orientation`), and by which method it was
    trained to be explained, at which `default_layer`: `mg.show` draws that map. `checkpoint` is `best`,
    `last` or `front/epoch-NNN`. Raises `UserError` if there is no such run or checkpoint.
    """
    opened = Run.open(Path(run))
    model = load_model(opened, checkpoint)
    config = opened.config
    model.default_method, model.default_layer = config.own_method, config.layer
    model.default_layout, model.classes = config.layout, tuple(opened.classes)
    model.resizing, model.orientation = config.resizing, config.orientation
    model.classification = config.classification
    return model.eval()
