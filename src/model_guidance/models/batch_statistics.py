"""Batch normalisation: whether it ties the images of a batch together, and keeping it from doing so."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from model_guidance.models.bcos_layers import UncenteredBatchNorm2d

NORMALISATIONS = (_BatchNorm, UncenteredBatchNorm2d)


def uses_batch_statistics(model: nn.Module) -> bool:
    """Return whether the model, as it is now, normalises over the batch: then no image stands alone."""
    return any(module.training and isinstance(module, NORMALISATIONS) for module in model.modules())


def freeze_statistics(model: nn.Module) -> None:
    """Normalise with the running statistics from now on, and no longer update them, until `train()`."""
    for module in model.modules():
        if isinstance(module, NORMALISATIONS):
            module.eval()
