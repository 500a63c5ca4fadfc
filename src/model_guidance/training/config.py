"""The settings of a training run; importing them imports no torch."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import platformdirs
import yaml

from model_guidance.errors import UserError

RANGES: dict[str, tuple[float, float]] = {  # both ends included
    "size": (8, 10_000),
    "lambda_": (0, 1e30),  # beyond it float32 overflows
    "dilate": (0, 1000),
    "annotation_seed": (0, 2**32 - 1),
    "composites": (0, 100),
    "composites_weight": (0, 1e30),
    "upweight": (1, 1e30),
    "epochs": (1, 1_000_000),
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
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed", "64-true")


@dataclass(frozen=True)
class Config:
    """Settings of a training run.

    Args:
        data: a path to photos of your own, which are looked at; or a data set: shapes, waterbirds, voc, coco,
            folder, table, imagefolder, annotations, imagenet9, siim_acr, decoymnist, dominoes.
        root: the folder in which the data set lies, where --data names a data set.
        options: options of the data set's reader, such as `--options.task reversed` for waterbirds.
        annotations: file or folder with regions for any of the images, which have these instead of their own:
            COCO, VOC, YOLO, Label Studio, CVAT, masks or a table (docs/data.md).
        size: side of the images in pixels; they are resized without keeping the aspect.
        augment: random crop and flip of the training images; by default for waterbirds only, as published.
        backbone: small, resnet50, xdnn_resnet50, bcos_resnet50 (18, 34, 101 likewise) or another B-cos
            network (docs/training.md), torchvision/NAME, timm/NAME; behind bcosified/ one of them made B-cos.
        weights: initial weights: a checkpoint's path, or "imagenet" to download the library's.
        method: attribution that is guided and evaluated: ixg, intgrad, gradcam or bcos; by default bcos
            for B-cos networks, intgrad for X-DNN, where one pass of ixg is exactly that, and ixg for others.
        layer: depth of the maps: input, mid1, mid2, mid3, final, or a module's dotted name.
        layout: how the layer's output becomes a map, where its shape does not tell: NCHW, NHWC, tokens,
            tokens:PREFIX or tokens:PREFIX:ROWSxCOLUMNS.
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
        annotated_batch: so many annotated images beside those of each batch, only to be guided: where few are
            annotated, most batches would have none.
        composites: composites of annotated images beside each batch, as a share of its images (0.5: half as
            many again); they need no maps, and work with a lambda of 0 or beside it.
        replaced: what is replaced in them: outside (of the regions, which keep their label), inside (then no
            label is left), or both (half of them each).
        filler: by what: swap (another annotated image without its object), mean, blur, noise, or
            crop (by nothing: the regions fill the image).
        composites_weight: weight of their mean classification loss; that of the other images has 1.
        weighting: how much the classification of each training image counts: images (all the same), groups
            (all groups the same), group_dro (a group the more, the worse it is), or errors (an image that the
            run --errors_of got wrong counts --upweight times).
        errors_of: an earlier run on the same data, for --weighting errors.
        upweight: how often an image counts that it got wrong.
        guided_part: guide only a random part of the annotated images of each batch: unbiased; saves time with
            running statistics or without batch normalisation.
        freeze_statistics: normalise with the running statistics of batch normalisation while training: maps
            then do not depend on the other images of the batch, and only annotated images cost time.
        frozen: layer up to which the network is frozen: its features there are computed once and kept in the
            cache, and only what comes after is trained; guided at this layer or a later one.
        views: crops of each training image whose features are kept, where images are augmented; by default 4.
        feature_precision: bits of a kept feature: 16, or 32 for exactness.
        epochs: passes over the training images.
        batch: images per step.
        evaluation_batch: images per step of the evaluation, which needs less memory; by default as many.
        reliance_images: how many of the test images with a region are also scored with replaced pixels: if
            there are more, as many are drawn from them, the same in every run on the same data.
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
    annotations: str | None = None
    size: int = 224
    augment: bool | None = None
    backbone: str = "resnet50"
    weights: str | None = None
    method: str | None = None
    layer: str = "final"
    layout: str | None = None
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
    annotated_batch: int | None = None
    composites: float = 0.0
    replaced: str = "outside"
    filler: str = "swap"
    composites_weight: float = 1.0
    weighting: str = "images"
    errors_of: str | None = None
    upweight: float = 20.0
    guided_part: float = 1.0
    freeze_statistics: bool = False
    frozen: str | None = None
    views: int | None = None
    feature_precision: str = "16"
    epochs: int = 50
    batch: int = 64
    evaluation_batch: int | None = None
    reliance_images: int = 1000
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
        _check_types(self)
        if not is_plain(self.options):
            raise UserError(
                f"--options {self.options}: only numbers, text, lists and mappings are understood"
            )
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise UserError(f"--{name.strip('_')} {value}: a number from {low} to {high} is needed")
        if not 0 < self.lr <= LARGEST_RATE:
            raise UserError(f"--lr {self.lr}: a number above 0, at most {LARGEST_RATE:g}, is needed")
        for name in ("annotated", "guided_part"):
            if not 0 < getattr(self, name) <= 1:
                raise UserError(f"--{name} {getattr(self, name)}: a number above 0, at most 1, is needed")
        for name in ("target_epg", "allowed_loss"):
            if not 0 <= (getattr(self, name) or 0) < 1:
                raise UserError(f"--{name} {getattr(self, name)}: a fraction from 0 up to 1 is needed")
        if self.precision not in PRECISIONS:
            raise UserError(f"--precision {self.precision}: choose one of {', '.join(PRECISIONS)}")
        if self.annotated_batch is not None and not self.guided:
            raise UserError(f"--annotated_batch {self.annotated_batch}: nothing is guided without --lambda")
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

    def yaml(self) -> str:
        """Return the settings as YAML, under the names of the command line's options."""
        content = {name.strip("_"): value for name, value in asdict(self).items()}
        return yaml.safe_dump(content, sort_keys=False)


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
