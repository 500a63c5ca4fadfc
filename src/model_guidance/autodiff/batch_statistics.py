"""Batch normalisation: whether it lets the images of a batch influence each other, and keeping it from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DataParallel

from model_guidance.checks import logits_of
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


def influence_each_other(model: nn.Module, images: Tensor) -> bool:
    """Return whether the logits of an image depend on another one of its batch, as the model is now.

    Whatever the reason: batch normalisation of one's own, contrast, attention over a batch. Two of the images
    tell, by their gradients; neither statistics nor random numbers are touched. True where autograd cannot
    tell.
    """
    with torch.random.fork_rng([images.device] if images.is_cuda else []), torch.enable_grad():
        both = images[:2].detach().requires_grad_()
        logits = logits_of(called_aside(model, both.clone()))
        if not logits.requires_grad:
            return False
        try:
            found = [
                torch.autograd.grad(each.sum(), both, retain_graph=True, allow_unused=True)[0]
                for each in logits
            ]
        except RuntimeError:
            return True
    return any(each is not None and bool(each[1 - place].any()) for place, each in enumerate(found))


def called_aside(model: nn.Module, images: Tensor) -> Any:
    """Return what a model puts out; running statistics that this would update are left as they are."""
    if isinstance(model, DataParallel):  # of one device, it does nothing else; torch refuses to call it so
        model = model.module
    return functional_call(model, {key: value.clone() for key, value in model.named_buffers()}, (images,))


def freeze_statistics(model: nn.Module) -> None:
    """Normalise with the running statistics from now on, and no longer update them, until `train()`."""
    for module in model.modules():
        if normalises(module):
            module.eval()
