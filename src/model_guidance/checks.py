"""What is asked of tensors at the package's edge: shapes always, values where they need not be waited for."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from model_guidance.errors import UserError
from model_guidance.types import Pairs, Regions

SHARDED = ("FSDPModule", "FullyShardedDataParallel")


def size_of(images: Tensor, model: nn.Module) -> tuple[int, int]:
    """Return rows and columns of the images; a model that takes features instead says what they were."""
    rows, columns = getattr(model, "size_of_images", images.shape[-2:])
    return rows, columns


def check_images(images: object, model: nn.Module) -> None:
    """Raise `UserError` unless these are images as the model takes them: Float[batch 3 height width]."""
    takes_features = hasattr(model, "size_of_images")
    if not isinstance(images, Tensor) or (images.ndim != 4 and not takes_features):
        raise UserError(f"images: {described(images)} found, a tensor [batch, 3, height, width] is needed")
    if not images.is_floating_point():
        raise UserError(f"images: {images.dtype} found, float in [0, 1] is needed: images.float() / 255")
    precision = next((each.dtype for each in model.parameters() if each.is_floating_point()), images.dtype)
    if images.dtype == torch.float64 != precision:
        raise UserError(f"images: {images.dtype} found, the model computes in {precision}: images.float()")


def check_model(model: nn.Module) -> None:
    """Raise `UserError` for a model that cannot be explained: one scripted, quantised, or sharded in parts.

    FSDP drops a part's weights once it has run, and gathers them as often as it runs; maps need them until
    the end, and not every process runs the model as often.
    """
    for name, module in model.named_modules():
        where = f"model: {name or 'it'} is"
        if isinstance(module, torch.jit.ScriptModule):
            raise UserError(f"{where} scripted or traced by torch.jit; give the nn.Module it was made of")
        if ".quantized" in type(module).__module__:
            raise UserError(f"{where} quantised, which has no gradient; guide it before quantisation")
        if any(base.__name__ in SHARDED for base in type(module).__mro__):
            raise UserError(
                f"{where} sharded by itself; shard the Guidance as a whole: fully_shard(guidance)"
            )


def check_trainable(model: nn.Module, images: Tensor) -> None:
    """Raise `UserError` if gradients are recorded although nothing that they could change is trained."""
    frozen = not images.requires_grad and not any(each.requires_grad for each in model.parameters())
    if frozen and torch.is_grad_enabled():
        raise UserError(
            "model: all of its parameters are frozen, so guidance can change nothing; set requires_grad of "
            "some, or look at the loss alone under torch.no_grad()"
        )


def check_pairs(maps: object, masks: object, *others: object) -> None:
    """Raise `UserError` unless maps and masks, and others where there are any, are [pairs, height, width]."""
    if not isinstance(maps, Tensor) or maps.ndim != 3 or not maps.is_floating_point():
        raise UserError(f"maps: {described(maps)} found, a float tensor [pairs, height, width] is needed")
    for name, each in zip(
        ("masks", *("masks of pixels that count" for _ in others)), (masks, *others), strict=True
    ):
        if each is not None and (not isinstance(each, Tensor) or each.shape != maps.shape):
            raise UserError(f"{name}: {described(each)} found, the maps' shape {list(maps.shape)} is needed")


def logits_of(output: object) -> Float[Tensor, "batch classes"]:
    """Return the logits of a model's output; `UserError` without them.

    They are the output itself, what it calls `logits` (as an attribute or key) or `out`, or the first of
    several outputs: auxiliary heads come after.
    """
    logits = output if isinstance(output, Tensor) else _named_logits(output)
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        raise UserError(
            f"the model puts out {described(output if logits is None else logits)}: logits [batch, classes] "
            "are needed"
        )
    return logits


def _named_logits(output: object) -> object:
    if isinstance(output, Mapping):
        return output.get("logits", output.get("out"))
    if hasattr(output, "logits"):
        return output.logits
    return output[0] if isinstance(output, tuple | list) and output else None


def check_batch(
    images: Tensor, labels: Any, regions: Regions | None, size: tuple[int, int]
) -> tuple[Tensor, Regions]:
    """Check what belongs to images of `size` in a training loop; return labels and regions on their device.

    The labels are class numbers `Int[B]`, or `[B C]`: one-hot or multi-hot; truth values or floats `[B]` are
    those of a single logit, and become `[B 1]`. No regions (None) are as many as none.
    """
    labels = _checked_labels(labels, len(images))
    if regions is None:
        none = torch.zeros(0, dtype=torch.long)
        regions = Regions(Pairs(none, none, distinct=True), torch.zeros(0, *size, dtype=torch.bool))
    _check_regions(regions, images, labels, size)
    return labels.to(images.device), regions.to(images.device)


def check_logits(logits: Float[Tensor, "batch classes"], labels: Tensor) -> None:
    """Raise `UserError` unless labels, as `check_batch` returned them, fit the classes of the logits."""
    count = logits.shape[1]
    if labels.ndim == 2 and labels.shape != logits.shape:
        raise UserError(f"labels: {list(labels.shape)} found, the logits are {list(logits.shape)}")
    if labels.ndim == 1 and (count == 1 or _some(labels >= count)):
        raise UserError(
            "labels: whole numbers [batch] found, for a model with one logit floats are needed"
            if count == 1
            else f"labels: class {int(labels.max())} found, the model's classes are 0 to {count - 1}"
        )


def by_class(labels: Tensor) -> Tensor:
    """Return the labels of a single logit, [B], as [B 1]; class numbers and [B C] stay as they are."""
    return labels if labels.ndim == 2 or _are_numbers(labels) else labels.unsqueeze(1)


def _are_numbers(labels: Tensor) -> bool:
    return labels.ndim == 1 and not labels.is_floating_point() and labels.dtype != torch.bool


def present(labels: Tensor, pairs: Pairs) -> Bool[Tensor, "pairs"]:
    """Return whether the class of each pair is present in its image."""
    if labels.ndim == 1:
        return labels[pairs.image_index] == pairs.class_index
    return labels[pairs.image_index, pairs.class_index] > 0


def described(value: object) -> str:
    """Return the shape and kind of a tensor, or the type of anything else, for a message."""
    if isinstance(value, Tensor):
        return f"{list(value.shape)} ({str(value.dtype).removeprefix('torch.')})"
    return "nothing" if value is None else type(value).__name__


def _checked_labels(labels: Any, images: int) -> Tensor:
    try:
        labels = torch.as_tensor(labels)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"labels: {described(labels)} found, a tensor is needed") from error
    if labels.ndim not in (1, 2) or len(labels) != images:
        raise UserError(
            f"labels: {described(labels)} found, {images} class numbers or [{images}, classes] are needed"
        )
    numbers = _are_numbers(labels)
    if numbers and _some(labels < 0):
        raise UserError(f"labels: class {int(labels.min())} found, classes are numbered from 0")
    if not numbers and _some(~((labels >= 0) & (labels <= 1))):
        raise UserError("labels: values from 0 to 1 are needed; class numbers are whole numbers, not floats")
    return by_class(labels)


def _check_regions(regions: object, images: Tensor, labels: Tensor, size: tuple[int, int]) -> None:
    if not isinstance(regions, Regions):
        raise UserError(
            f"regions: {described(regions)} found; from_boxes, from_masks or from_targets make them"
        )
    count, shape = len(images), (len(regions), *size)
    for name, masks in (("masks", regions.masks), ("valid", regions.valid)):
        if masks is not None and masks.shape != shape:
            raise UserError(
                f"regions: {name} are {list(masks.shape)}, for these images {list(shape)} is needed"
            )
    if regions.images is not None and regions.images != count:
        raise UserError(f"regions: they are those of {regions.images} images, the batch has {count}")
    classes = labels.shape[1] if labels.ndim == 2 else None
    for name, index, end in (
        ("image", regions.pairs.image_index, count),
        ("class", regions.pairs.class_index, classes),
    ):
        wrong = index < 0 if end is None else (index < 0) | (index >= end)
        if _some(wrong):
            most = "up" if end is None else f"to {end - 1}"
            raise UserError(f"regions: {name} {int(index[wrong][0])} found, there are 0 {most}")


def _some(wrong: Tensor) -> bool:
    """Return whether anything is wrong; a device that would have to be waited for is not asked."""
    return wrong.device.type == "cpu" and bool(wrong.any())
