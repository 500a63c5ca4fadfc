"""The settings of a training run; importing them imports no torch."""

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import platformdirs
import yaml

from model_guidance.errors import UserError

COUNTS = ("epochs", "batch", "evaluation_batch", "devices", "nodes")


@dataclass(frozen=True)
class Config:
    """Settings of a training run.

    Args:
        data: the data set: shapes, waterbirds, voc, coco or folder.
        root: the folder in which the data set lies.
        options: options of the data set's reader, such as `--options.task reversed` for waterbirds.
        size: side of the images in pixels; they are resized without keeping the aspect.
        augment: random crop and flip of the training images; by default for waterbirds only, as published.
        backbone: small, resnet50, xdnn_resnet50, bcos_resnet50 (18, 34, 101 likewise), torchvision/NAME,
            timm/NAME.
        weights: initial weights: a checkpoint's path, or "imagenet" to download the library's.
        method: attribution that is guided and evaluated: ixg, intgrad, gradcam or bcos; by default bcos
            for B-cos networks and ixg for all others.
        layer: depth of the maps: input, mid1, mid2, mid3, final, or a module's dotted name.
        loss: localization loss: energy, l1, ppce or rrr.
        lambda_: weight of the localization loss; 0 trains a baseline.
        target_epg: adapt lambda, epoch by epoch, until the validation EPG is this high (from 0 to 1), as far
            as the loss of F1 or accuracy permits: --allowed_loss, 0.05 unless given, if there are weights.
        allowed_loss: adapt lambda for the highest EPG whose loss of F1 or accuracy on validation, compared
            with the initial weights, is at most this (0.05: five points).
        reduction: over the guided images of a batch: mean, or sum as in the paper.
        regions: what is annotated: boxes, masks, or random (boxes of the same size elsewhere, a control).
        dilate: enlarge the training regions by this fraction of their width and height on each side.
        outside: guide away from the regions: the evidence lies everywhere but in them.
        annotated: fraction of the training images whose regions are used.
        annotation_seed: which images those are.
        guided_part: guide only a random part of the annotated images of each batch: unbiased; saves time with
            running statistics or without batch normalisation.
        freeze_statistics: normalise with the running statistics of batch normalisation while training: maps
            then do not depend on the other images of the batch, and only annotated images cost time.
        epochs: passes over the training images.
        batch: images per step.
        evaluation_batch: images per step of the evaluation, which needs less memory; by default as many.
        lr: learning rate of Adam.
        seed: of the initial weights, the order of the images and the classes drawn.
        workers: processes that load images.
        cache: folder for the resized copies of the data; by default in the user's cache folder.
        accelerator: cpu, cuda, mps or auto.
        devices: how many of them on each machine; each has its own process and its own batch.
        nodes: how many machines, with torchrun or SLURM.
        compile: compile the guided step: minutes at the start, less time per step after.
        checkpoint: keep less of the residual blocks, run them again: larger batches fit, steps take longer.
        precision: 32-true, bf16-mixed or 16-mixed; maps and their loss stay in float32.
    """

    data: str = "shapes"
    root: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    size: int = 224
    augment: bool | None = None
    backbone: str = "resnet50"
    weights: str | None = None
    method: str | None = None
    layer: str = "final"
    loss: str = "energy"
    lambda_: float = 0.0
    target_epg: float | None = None
    allowed_loss: float | None = None
    reduction: str = "mean"
    regions: str = "boxes"
    dilate: float = 0.0
    outside: bool = False
    annotated: float = 1.0
    annotation_seed: int = 0
    guided_part: float = 1.0
    freeze_statistics: bool = False
    epochs: int = 50
    batch: int = 64
    evaluation_batch: int | None = None
    lr: float = 1e-4
    seed: int = 0
    workers: int = 2
    cache: str | None = None
    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    compile: bool = False
    checkpoint: bool = False
    precision: str = "32-true"

    def __post_init__(self) -> None:
        least = {"size": 8, "workers": 0} | dict.fromkeys(COUNTS, 1)
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and value < low:
                raise UserError(f"--{name} {value}: at least {low} is needed")
        for name in ("lambda_", "dilate"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UserError(f"--{name.strip('_')} {getattr(self, name)}: a number from 0 up is needed")
        if not 0 < self.lr < float("inf"):
            raise UserError(f"--lr {self.lr}: a number above 0 is needed")
        if not 0 < self.guided_part <= 1:
            raise UserError(f"--guided_part {self.guided_part}: a number above 0, at most 1, is needed")
        for name in ("target_epg", "allowed_loss"):
            if not 0 <= (getattr(self, name) or 0) < 1:
                raise UserError(f"--{name} {getattr(self, name)}: a fraction from 0 up to 1 is needed")
        if self.allowed_loss is not None and self.weights is None:
            raise UserError("--allowed_loss is measured from a trained model: add --from RUN or --weights")

    @property
    def attribution(self) -> str:
        """The attribution method, chosen by the backbone unless it was named."""
        return self.method or ("bcos" if self.backbone.startswith("bcos") else "ixg")

    @property
    def look(self) -> str:
        """The attribution as it is named in a run folder's files, such as `gradcam@final`."""
        return f"{self.attribution}@{self.layer}"

    @property
    def guided(self) -> bool:
        """Whether the localization loss takes part, with a constant or an adapted lambda."""
        return self.lambda_ > 0 or self.target_epg is not None or self.allowed_loss is not None

    @property
    def tolerated_loss(self) -> float | None:
        """How much F1 or accuracy an adapted lambda may cost; None: there is nothing to lose, or no goal."""
        if self.allowed_loss is None and self.target_epg is not None and self.weights is not None:
            return 0.05
        return self.allowed_loss

    @property
    def cache_folder(self) -> Path:
        """Where the resized copies of the data lie."""
        return Path(self.cache) if self.cache else platformdirs.user_cache_path("model-guidance")

    def yaml(self) -> str:
        """Return the settings as YAML, under the names of the command line's options."""
        content = {name.strip("_"): value for name, value in asdict(self).items()}
        return yaml.safe_dump(content, sort_keys=False)


def load(path: Path) -> Config:
    """Read settings that `Config.yaml` wrote; raises `UserError` if there are none or they are damaged."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        known = {f.name.strip("_"): f.name for f in fields(Config)}
        return Config(**{known[name]: value for name, value in content.items()})
    except FileNotFoundError as error:
        raise UserError(f"{path.parent}: this is no run folder, it has no {path.name}") from error
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: these are no settings of this version of model-guidance") from error
