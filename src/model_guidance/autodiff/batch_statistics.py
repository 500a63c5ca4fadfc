"""Batch normalisation: whether it lets the images of a batch influence each other, and keeping it from it."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from model_guidance.errors import UserError


def normalises(module: nn.Module) -> bool:
    """Return whether a layer normalises over the batch: torch's, or one that says `normalises_batch`."""
    return isinstance(module, _BatchNorm) or getattr(module, "normalises_batch", False)


def check_several(features: Tensor) -> None:
    """Raise `UserError` where a channel has a single value, hence no variance."""
    if features.numel() == features.shape[1]:
        raise UserError(_single(list(features.shape)))


@contextmanager
def several_values() -> Iterator[None]:
    """Put torch's refusal of a single value in our words."""
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise UserError(_single(str(error).partition("got input size ")[2])) from error


def _single(shape: object) -> str:
    return (
        f"images: batch normalisation in training needs more than one value for each channel, {shape} found: "
        "use more images per batch, larger images, or running statistics (freeze_statistics)"
    )


def uses_batch_statistics(model: nn.Module) -> bool:
    """Return whether the model, as it is now, normalises over the batch: then no image stands alone."""
    return any(module.training and normalises(module) for module in model.modules())


def freeze_statistics(model: nn.Module) -> None:
    """Normalise with the running statistics from now on, and no longer update them, until `train()`."""
    for module in model.modules():
        if normalises(module):
            module.eval()
