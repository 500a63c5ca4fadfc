"""The settings of a training run; importing them imports no torch."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec
import platformdirs
import yaml

from model_guidance.errors import UserError, listed
from model_guidance.training.settings import (
    CLASS_WEIGHTS,
    CLASSIFICATIONS,
    ONE_LOGIT,
    DataSettings,
    GuidanceSettings,
    InterventionSettings,
    MachineSettings,
    ModelSettings,
    OptimisationSettings,
)

if TYPE_CHECKING:
    from model_guidance.data.resizing import Resizing

RANGES: dict[str, tuple[float, float]] = {  # both ends included
    "lambda_": (0, 1e30),  # beyond it float32 overflows
    "dilate": (0, 1000),
    "annotation_seed": (0, 2**32 - 1),
    "composites": (0, 100),
    "composites_weight": (0, 1e30),
    "upweight": (1, 1e30),
    "epochs": (1, 1_000_000),
    "weight_decay": (0, 1e30),
    "momentum": (0, 1),
    "warmup": (0, 1_000_000),
    "patience": (1, 1_000_000),
    "batch": (1, 1_000_000),
    "evaluation_batch": (1, 1_000_000),
    "annotated_batch": (1, 1_000_000),
    "reliance_images": (1, 1_000_000_000),
    "views": (2, 1000),
    "seed": (0, 2**32 - 1),
    "workers": (0, 1000),
    "devices": (1, 1000),
    "nodes": (1, 10_000),
}
LARGEST_RATE = 1e30  # Adam divides it by 1 - 0.9: much more is no float32
SCHEDULES = ("constant", "cosine")
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed", "64-true")
CHOICES = {
    "precision": PRECISIONS,
    "schedule": SCHEDULES,
    "classification": CLASSIFICATIONS,
    "class_weights": CLASS_WEIGHTS,
}


@dataclass(frozen=True)
class Config(  # dataclasses take the fields of the last base first
    MachineSettings, OptimisationSettings, InterventionSettings, GuidanceSettings, ModelSettings, DataSettings
):
    """Settings of a training run, by what they are about: those of its bases, as keywords."""

    def __post_init__(self) -> None:
        _check_types(self)
        object.__setattr__(self, "size", self.resizing.spelled)  # 224x224 is 224
        if not is_plain(self.options):
            raise UserError(
                f"--options {self.options}: only numbers, text, lists and mappings are understood"
            )
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise UserError(f"--{name.strip('_')} {value}: a number from {low} to {high} is needed")
        for name in ("annotated", "guided_part"):
            if not 0 < getattr(self, name) <= 1:
                raise UserError(f"--{name} {getattr(self, name)}: a number above 0, at most 1, is needed")
        for name in ("target_epg", "allowed_loss", "ema"):
            if not 0 <= (getattr(self, name) or 0) < 1:
                raise UserError(f"--{name} {getattr(self, name)}: a fraction from 0 up to 1 is needed")
        for name, known in CHOICES.items():
            value = getattr(self, name)
            if value not in known:
                raise UserError(f"--{name} {value}: choose one of {listed(known, value)}")
        _check_optimisation(self)
        if self.annotated_batch is not None and not self.guided:
            raise UserError(f"--annotated_batch {self.annotated_batch}: nothing is guided without --lambda")
        if self.annotated_images is not None and self.annotated < 1:
            raise UserError(
                f"--annotated_images {self.annotated_images}: excludes --annotated, leave one of them out"
            )
        _check_composites(self)
        _check_weighting(self)
        _check_frozen(self)
        if self.allowed_loss is not None and self.weights is None:
            raise UserError("--allowed_loss is measured from a trained model: add --from RUN or --weights")

    @property
    def own_method(self) -> str:
        """The attribution method: the one that was named, or the backbone's own.

        IxG of an X-DNN is Integrated Gradients, exactly, and goes by that name.
        """
        method = self.method or ("bcos" if self.backbone.startswith("bcos") else "ixg")
        return "intgrad" if method == "ixg" and self.backbone.startswith("xdnn") else method

    @property
    def resizing(self) -> "Resizing":
        """The size of the images, and how they are brought to it."""
        from model_guidance.data.resizing import Resizing  # noqa: PLC0415  (numpy)

        return Resizing.of(self.size, self.resize)

    @property
    def data_folder(self) -> Path | None:
        """The folder in which the data set lies; None for one that needs none."""
        return Path(self.root) if self.root else None

    @property
    def annotation_files(self) -> tuple[Path, ...]:
        """The files with more regions; of an image that is in several, the last one's count."""
        return paths(self.annotations)

    @property
    def one_logit(self) -> bool:
        """Whether the network has one logit for two classes."""
        return self.classification == ONE_LOGIT

    @property
    def explainer(self) -> str:
        """Method and layer as a run folder's files name them, METHOD@LAYER, such as `gradcam@final`."""
        return f"{self.own_method}@{self.layer}"

    def explained_by(self, method: str | None, layer: str) -> "Config":
        """Return the same settings with maps of another method or layer; the layout is that of its layer."""
        layout = self.layout if layer == self.layer else None
        return replace(self, method=method, layer=layer, layout=layout)

    @property
    def guided(self) -> bool:
        """Whether the localization loss takes part, with a constant or an adapted lambda."""
        return self.lambda_ > 0 or self.target_epg is not None or self.allowed_loss is not None

    @property
    def uses_regions(self) -> bool:
        """Whether regions take part in training: in the localization loss, in composites, or in both."""
        return self.guided or self.composites > 0

    @property
    def cache_folder(self) -> Path:
        """Where the resized copies of the data lie."""
        return Path(self.cache) if self.cache else platformdirs.user_cache_path("model-guidance")

    def plain(self) -> dict[str, Any]:
        """Return the settings under the names of the command line's options."""
        return {name.strip("_"): value for name, value in asdict(self).items()}

    def yaml(self) -> str:
        """Return the settings as YAML, under the names of the command line's options."""
        return yaml.safe_dump(self.plain(), sort_keys=False)


def paths(named: str | Sequence[str] | None) -> tuple[Path, ...]:
    """Return the files and folders that an option names which takes one or several."""
    return tuple(map(Path, [named] if isinstance(named, str) else named or ()))


def is_plain(value: object, depth: int = 20) -> bool:
    """Return whether a value consists of text, numbers, truth values, null, lists and mappings by text."""
    if not depth:  # YAML can write a list that contains itself
        return False
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_plain(each, depth - 1) for key, each in value.items())
    if isinstance(value, list | tuple):
        return all(is_plain(each, depth - 1) for each in value)
    return value is None or isinstance(value, str | int | float)


def _check_types(config: Config) -> None:
    """Raise `UserError` for a setting of another type than its field's: Python lets anything pass."""
    for name, kind in get_type_hints(Config).items():
        value = getattr(config, name)
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            shown = " ".join(str(error).split(" - at ")[0].replace("`", "").split())
            raise UserError(f"--{name.strip('_')} {value}: {shown[:1].lower()}{shown[1:]}") from error


def _check_optimisation(config: Config) -> None:
    """Raise `UserError` for a learning rate of no use, or a warm-up longer than the training."""
    if not 0 < config.lr <= LARGEST_RATE:
        raise UserError(f"--lr {config.lr}: a number above 0, at most {LARGEST_RATE:g}, is needed")
    if config.warmup > config.epochs:
        raise UserError(f"--warmup {config.warmup:g}: there are only {config.epochs} epochs (--epochs)")


def _check_composites(config: Config) -> None:
    """Raise `UserError` for settings of composites where none are made."""
    for name in ("replaced", "filler", "composites_weight"):
        value = getattr(config, name)
        if not config.composites and value != Config.__dataclass_fields__[name].default:
            raise UserError(
                f"--{name} {value}: there are no composites without --composites SHARE, such as 0.5"
            )


def _check_weighting(config: Config) -> None:
    """Raise `UserError` for settings of `--weighting errors` without it, or for what it excludes."""
    if config.weighting == "errors":
        if config.errors_of is None:
            raise UserError("--weighting errors: name the run that made them: --errors_of RUN")
        if config.composites:
            raise UserError("--weighting errors excludes --composites: leave one of them out")
    else:
        for name in ("errors_of", "upweight"):
            value = getattr(config, name)
            if value != Config.__dataclass_fields__[name].default:
                raise UserError(f"--{name} {value}: nothing uses it without --weighting errors")


def _check_frozen(config: Config) -> None:
    """Raise `UserError` for settings of a frozen part where there is none, or that it cannot have."""
    if config.feature_precision not in ("16", "32"):
        raise UserError(f"--feature_precision {config.feature_precision}: choose 16 or 32")
    if config.frozen is None:
        for name, value in (("views", config.views), ("feature_precision", config.feature_precision)):
            if value not in (None, "16"):
                raise UserError(f"--{name} {value}: there are no kept features without --frozen LAYER")
    elif config.compile or config.checkpoint:
        raise UserError("--frozen excludes --compile and --checkpoint: leave them out")
