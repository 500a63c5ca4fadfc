"""Train image classifiers to be right for the right reasons.

`import model_guidance as mg` imports neither torch nor matplotlib; each name is loaded at its first use.
"""

from typing import TYPE_CHECKING

from model_guidance.lazy import attach

if TYPE_CHECKING:
    from model_guidance import attribution, data, losses, metrics, models, selection
    from model_guidance.allocation import keep_freed_memory
    from model_guidance.attribution import attribute
    from model_guidance.data.given import from_boxes, from_masks
    from model_guidance.data.targets import from_targets
    from model_guidance.errors import UserError
    from model_guidance.guidance import Guidance
    from model_guidance.guided import guided_images
    from model_guidance.models.layers import layers
    from model_guidance.report.show import show
    from model_guidance.runs.folder import Run
    from model_guidance.runs.load import load
    from model_guidance.runs.train import train_run
    from model_guidance.training.config import Config
    from model_guidance.types import Pairs, Regions

__version__ = "0.1.0"
__all__ = [
    "Config",
    "Guidance",
    "Pairs",
    "Regions",
    "Run",
    "UserError",
    "attribute",
    "attribution",
    "data",
    "from_boxes",
    "from_masks",
    "from_targets",
    "guided_images",
    "keep_freed_memory",
    "layers",
    "load",
    "losses",
    "metrics",
    "models",
    "selection",
    "show",
    "train_run",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "Config": "training.config",
        "Guidance": "guidance",
        "Pairs": "types",
        "Regions": "types",
        "Run": "runs.folder",
        "UserError": "errors",
        "attribute": "attribution",
        "from_boxes": "data.given",
        "from_masks": "data.given",
        "from_targets": "data.targets",
        "guided_images": "guided",
        "keep_freed_memory": "allocation",
        "layers": "models.layers",
        "load": "runs.load",
        "show": "report.show",
        "train_run": "runs.train",
    },
    modules=("attribution", "data", "losses", "metrics", "models", "selection"),
)
