"""What somebody must know who uses an exported network without this package."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_guidance.data.resizing import PADDING, Size
from model_guidance.models.backbone import Backbone, Standardize
from model_guidance.runs.folder import Run
from model_guidance.runs.predict import exclusive
from model_guidance.training.config import Config
from model_guidance.training.settings import CROSS_ENTROPY
from model_guidance.versions import VERSIONS

SUFFIX = ".json"  # of the file beside NAME that says it: NAME.json
RESIZED = {
    "stretch": "without keeping the aspect",
    "fit": "whole, with their aspect, padded with the colour {padding}",
    "crop": "to cover it, with their aspect, what reaches past it being cut on both sides",
}
SOFTMAX = "the class with the largest logit; softmax(logits) are the probabilities"
DECISIONS = {
    True: "the class with the largest logit; sigmoid(logit) is its probability",
    False: "each class whose sigmoid(logit), its probability, is at least 0.5",
}


def decision(run: Run) -> str:
    """Say what the logits mean."""
    if run.config.classification == CROSS_ENTROPY:
        return SOFTMAX
    return DECISIONS[exclusive(run) and len(run.classes) > 1]


def resized(config: Config) -> str:
    """Say how photos become images."""
    height, width = config.resizing.size
    how = RESIZED[config.resize].format(padding=PADDING)
    return f"to {width} x {height} pixels (width x height), bilinearly with antialiasing, {how}"


@dataclass(frozen=True)
class Description:
    """The exported network `model`, a run's `checkpoint`, and what its images and logits are."""

    run: Run
    checkpoint: str
    model: Backbone

    @property
    def size(self) -> Size:
        """Rows and columns of the images."""
        return self.run.config.resizing.size

    @property
    def normalisation(self) -> dict[str, Any]:
        """What is done to RGB in [0, 1] before the network's first layer."""
        encode = self.model.encode
        if isinstance(encode, Standardize):
            return {name: getattr(encode, name).flatten().tolist() for name in ("mean", "std")}
        return {"channels": "r, g, b, 1 - r, 1 - g, 1 - b"}

    def content(self, *, inside: bool) -> dict[str, Any]:
        """Return it as plain values; `inside` says that the exported network normalises by itself."""
        config = self.run.config
        height, width = self.size
        return {
            "classes": self.run.classes,
            "input": f"RGB in [0, 1], [batch, 3, {height}, {width}]",
            "height": height,
            "width": width,
            "resize": resized(config),
            "orientation": config.orientation,
            "normalisation": {"inside": inside, **self.normalisation},
            "output": "logits, [batch, classes]",
            "decision": decision(self.run),
            "network": config.backbone,
            "explained_by": {"method": config.own_method, "layer": config.layer, "layout": config.layout},
            "checkpoint": self.checkpoint,
            "versions": VERSIONS,
        }

    def write(self, path: Path, *, inside: bool) -> str:
        """Write the same as JSON beside the file `path`, and return it."""
        text = json.dumps(self.content(inside=inside), indent=1)
        path.with_name(path.name + SUFFIX).write_text(text, encoding="utf-8")
        return text
