"""Batch normalisation: whether it ties the images of a batch together, and keeping it from doing so."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def normalises(module: nn.Module) -> bool:
    """Return whether a layer normalises over the batch: torch's, or one that says `normalises_batch`."""
    return isinstance(module, _BatchNorm) or getattr(module, "normalises_batch", False)


def uses_batch_statistics(model: nn.Module) -> bool:
    """Return whether the model, as it is now, normalises over the batch: then no image stands alone."""
    return any(module.training and normalises(module) for module in model.modules())


def freeze_statistics(model: nn.Module) -> None:
    """Normalise with the running statistics from now on, and no longer update them, until `train()`."""
    for module in model.modules():
        if normalises(module):
            module.eval()
