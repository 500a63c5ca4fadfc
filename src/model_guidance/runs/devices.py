"""The devices of a run: those that it trains on, and the one on which a finished run is looked at."""

from itertools import zip_longest
from typing import Any

import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.accelerators import ACCELERATOR_REGISTRY

from model_guidance.errors import UserError
from model_guidance.metrics.batch_scores import BatchScores
from model_guidance.training.config import Config


def fabric_of(config: Config) -> Fabric:
    """Return the devices and the precision that the settings ask for; `UserError` if there are none."""
    return _launched(
        "--accelerator, --devices or --precision",
        accelerator=config.accelerator,
        devices=config.devices,
        num_nodes=config.nodes,
        precision=config.precision,
    )


def fabric_here(config: Config, accelerator: str | None = None) -> Fabric:
    """Return one device of this machine for a finished run, on however many and wherever it was trained.

    Without `accelerator` it is `accelerator_here`. Precision is of training steps alone: scores and maps are
    computed in float32. Raises `UserError` for an `accelerator` that is not here.
    """
    return _launched("--accelerator", accelerator=accelerator or accelerator_here(config), devices=1)


def accelerator_here(config: Config) -> str:
    """Return the kind of device that a run was trained on, or "auto" where this machine has none of it."""
    name = config.accelerator
    there = name in ACCELERATOR_REGISTRY and ACCELERATOR_REGISTRY[name]["accelerator"].is_available()
    return name if there else "auto"


def is_first() -> bool:
    """Return whether this is the process that speaks and writes: the only one, or the first of several."""
    return not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0


def gathered(fabric: Fabric, scored: list[BatchScores]) -> list[BatchScores]:
    """Return the scores of all of a fabric's batches in the order in which one process would have them."""
    if fabric.world_size == 1:
        return scored
    everyone: list[list[BatchScores]] = [[] for _ in range(fabric.world_size)]
    dist.all_gather_object(everyone, [batch.cpu() for batch in scored])
    return [batch for turn in zip_longest(*everyone) for batch in turn if batch is not None]


def _launched(options: str, **settings: Any) -> Fabric:
    """Start the devices; what is wrong with them is said of the `options`."""
    try:
        fabric = Fabric(**settings)
        fabric.launch()
    except (ValueError, RuntimeError, ModuleNotFoundError) as error:
        raise UserError(f"{options}: {' '.join(str(error).split())}") from error
    return fabric
