"""The settings of a training run by what they are about; importing them imports no torch."""

from dataclasses import dataclass, field
from typing import Any

CROSS_ENTROPY, ONE_LOGIT = "ce", "binary"
CLASSIFICATIONS = ("bce", CROSS_ENTROPY, ONE_LOGIT)
CLASS_WEIGHTS = ("equal", "balanced")

LIBRARY = "imagenet"  # as initial weights: the library's own, of no file


@dataclass(frozen=True)
class DataSettings:
    """What is trained on.

    Args:
        data: a path to photos of your own, which are looked at; or a data set: shapes, waterbirds, voc, coco,
            folder, table, imagefolder, annotations, imagenet9, siim_acr, decoymnist, dominoes.
        root: the folder in which the data set lies, where --data names a data set.
        options: options of the data set's reader, such as `--options.task reversed` for waterbirds.
        annotations: file or folder with regions for any of the images, which have these instead of their own:
            COCO, VOC, YOLO, Label Studio, CVAT, masks or a table (docs/data.md); of several, as in
            '["boxes.json", "more.csv"]', a later one counts for the images that it has.
        size: side of the images in pixels, or their width and height: 224, or 320x192 (WIDTHxHEIGHT).
        resize: how they are brought there: stretch (to that aspect), fit (whole, padded), crop (the middle).
        orientation: of photos and regions: stored, or upright, as viewers and annotation tools show them.
        augment: random crop and flip of the training images; by default for waterbirds only, as published.
    """

    data: str = "shapes"
    root: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    annotations: str | list[str] | None = None
    size: int | str = 224
    resize: str = "stretch"
    orientation: str = "stored"
    augment: bool | None = None


@dataclass(frozen=True)
class ModelSettings:
    """The network, and what of it is trained.

    Args:
        backbone: small, resnet50, xdnn_resnet50, bcos_resnet50 (18, 34, 101 likewise) or another B-cos
            network (docs/training.md), torchvision/NAME, timm/NAME; behind bcosified/ one of them made B-cos.
        weights: initial weights: a checkpoint's path, or "imagenet" to download the library's.
        frozen: layer up to which the network is frozen: its features there are computed once and kept in the
            cache, and only what comes after is trained; guided at this layer or a later one.
        views: crops of each training image whose features are kept, where images are augmented; by default 4.
        feature_precision: bits of a kept feature: 16, or 32 for exactness.
    """

    backbone: str = "resnet50"
    weights: str | None = None
    frozen: str | None = None
    views: int | None = None
    feature_precision: str = "16"


@dataclass(frozen=True)
class GuidanceSettings:
    """Attribution maps and the loss that guides them.

    Args:
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
        annotated_images: instead, a file with the names of the training images whose regions are used, one in
            a line.
        annotated_batch: so many annotated images beside those of each batch, only to be guided: where few are
            annotated, most batches would have none.
        guided_part: guide only a random part of the annotated images of each batch: unbiased; saves time with
            running statistics or without batch normalisation.
    """

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
    annotated_images: str | None = None
    annotated_batch: int | None = None
    guided_part: float = 1.0


@dataclass(frozen=True)
class InterventionSettings:
    """Rivals of guided maps: composites, and images that count differently.

    Args:
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
    """

    composites: float = 0.0
    replaced: str = "outside"
    filler: str = "swap"
    composites_weight: float = 1.0
    weighting: str = "images"
    errors_of: str | None = None
    upweight: float = 20.0


@dataclass(frozen=True)
class OptimisationSettings:
    """How the weights are found.

    Args:
        classification: loss of the classifier: bce (binary cross entropy of each class, as published); where
            every image has exactly one class ce (cross entropy over the classes, with softmax); and of two
            such classes binary (a network with one logit, for the second against the first).
        class_weights: equal, or balanced: all classes count the same there, whatever their number of images.
        epochs: passes over the training images.
        batch: images per step.
        optimizer: adam (as published), adamw, sgd, or another of torch.optim.
        lr: learning rate of the optimizer.
        weight_decay: of the optimizer; by default as much as torch's own.
        momentum: of an optimizer that has one, such as sgd; by default as much as torch's own.
        schedule: of the learning rate: constant (as published), or cosine, which falls to 0 until the last
            epoch.
        warmup: over how many epochs the learning rate rises first; below 1, over which fraction of all steps.
        ema: average the weights over the steps and score and save the average: each step keeps this much of
            it, such as 0.999.
        patience: stop once so many epochs in a row were no better than the best before on validation, by F1
            or accuracy, or by the goal where there is one.
        freeze_statistics: normalise with the running statistics of batch normalisation while training: maps
            then do not depend on the other images of the batch, and only annotated images cost time.
        seed: of the initial weights, the order of the images and the classes drawn.
    """

    classification: str = "bce"
    class_weights: str = "equal"
    epochs: int = 50
    batch: int = 64
    optimizer: str = "adam"
    lr: float = 1e-4
    weight_decay: float | None = None
    momentum: float | None = None
    schedule: str = "constant"
    warmup: float = 0.0
    ema: float | None = None
    patience: int | None = None
    freeze_statistics: bool = False
    seed: int = 0


@dataclass(frozen=True)
class MachineSettings:
    """Devices, processes and memory.

    Args:
        evaluation_batch: images per step of the evaluation, which needs less memory; by default as many.
        reliance_images: how many of the test images with a region are also scored with replaced pixels: if
            there are more, as many are drawn from them, the same in every run on the same data.
        workers: processes that load images.
        cache: folder for the resized copies of the data; by default in the user's cache folder.
        accelerator: cpu, cuda, mps or auto.
        devices: how many of them on each machine; each has its own process and its own batch.
        nodes: how many machines, with torchrun or SLURM.
        compile: compile the guided step: minutes at the start, less time per step after.
        checkpoint: keep less of the residual blocks, run them again: larger batches fit, steps take longer.
        logger: also log curves and a sheet of maps of each epoch: csv, tensorboard or wandb, or several, with
            commas between.
        keep_state: keep what a finished run can be trained further from, with a larger --epochs: with adam
            twice the size of the weights that are trained.
        precision: 32-true, bf16-mixed or 16-mixed; maps and their loss stay in float32.
    """

    evaluation_batch: int | None = None
    reliance_images: int = 1000
    workers: int = 2
    cache: str | None = None
    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    compile: bool = False
    checkpoint: bool = False
    logger: str | None = None
    keep_state: bool = True
    precision: str = "32-true"
