"""One step on a few images before a run folder exists: what cannot work is said at once."""

import torch
from torch import Tensor, nn

from model_guidance.attribution import attribute
from model_guidance.autodiff.batch_statistics import freeze_statistics, uses_batch_statistics
from model_guidance.data.dataset import SplitDataset
from model_guidance.data.loading import collate
from model_guidance.errors import UserError
from model_guidance.guidance import Guidance
from model_guidance.models import AfterLayer
from model_guidance.training.classification import ClassificationLoss
from model_guidance.training.config import Config
from model_guidance.types import Batch, unit_range


def check_step(model: nn.Module, config: Config, dataset: SplitDataset, device: torch.device) -> None:
    """Do a training step, without its update, and explain an image; the model is left as it was.

    Raises `UserError` naming the options at fault if the network cannot be used with them.
    """
    batch = _batch(dataset, 1 if config.batch == 1 else 2).to(device)
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        _train(model, config, batch)
        _explain(model, config, batch)
    except UserError as error:
        if str(error).startswith("--"):
            raise
        raise UserError(f"{_options(config)}: {error}") from error
    except Exception as error:  # a foreign network may raise anything
        raise UserError(f"{_options(config)}: {type(error).__name__}: {error}") from error
    finally:
        model.zero_grad(set_to_none=True)
        model.load_state_dict(kept)


def _options(config: Config) -> str:
    asked = f"--size {config.size}, --batch {config.batch} and --layer {config.layer}"
    return f"--backbone {config.backbone} with {asked}"


def normalises(model: nn.Module, config: Config) -> bool:
    """Return whether training makes the images of a batch depend on each other."""
    return not config.freeze_statistics and uses_batch_statistics(model.train())


def first_with_region(dataset: SplitDataset) -> int | None:
    """Return the first item with a region that may be used, None if there is none."""
    return next((index for index in dataset.annotated.nonzero()[0].tolist() if dataset[index].regions), None)


def _batch(dataset: SplitDataset, count: int) -> Batch:
    """Join `count` items, one with a region among them where there is one."""
    first = first_with_region(dataset) or 0
    return collate([dataset[(first + offset) % len(dataset)] for offset in range(count)])


def _train(model: nn.Module, config: Config, batch: Batch) -> None:
    method, layout = config.own_method, config.layout
    guided = Guidance(model, method, config.layer, config.loss, reduction=config.reduction, layout=layout)
    guidance = guided.train()
    if config.freeze_statistics:
        freeze_statistics(guidance)
    regions = batch.regions if config.guided else batch.regions[:0]
    logits, localization = guidance(_taken(model, batch.images), batch.labels, regions)
    loss = ClassificationLoss(config.classification).mean(logits, batch.labels) + localization
    torch.autograd.backward(loss)
    values = [*model.buffers(), *(each.grad for each in model.parameters() if each.grad is not None)]
    if not all(value.isfinite().all() for value in (loss, *values)):
        raise UserError(
            f"{_options(config)}: a step on {len(batch.images)} images gives values that are not finite"
        )
    if not any(each.grad is not None and each.grad.any() for each in model.parameters()):
        raise UserError(f"--backbone {config.backbone}: a step reaches none of its weights")


def _taken(model: nn.Module, images: Tensor) -> Tensor:
    """Return images, or their features, as the model takes them."""
    return model.features(unit_range(images)) if isinstance(model, AfterLayer) else unit_range(images)


def _explain(model: nn.Module, config: Config, batch: Batch) -> None:
    images, classes = _taken(model, batch.images[:1]), batch.labels[:1].argmax(dim=1)
    maps = attribute(model.eval(), images, classes, config.own_method, config.layer, layout=config.layout)
    if not maps.isfinite().all():
        raise UserError(
            f"--method {config.own_method} --layer {config.layer}: the map of an image is not finite"
        )
