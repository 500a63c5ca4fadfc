"""Loops of two processes, each with half of every batch; torchrun starts them as well."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.distributed as dist
from by_hand import BATCH, LAMBDA, RATE, guided, loader
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel


def replicated(guidance: nn.Module) -> nn.Module:
    """Wrap the `Guidance`, not the model: the maps belong to the forward pass."""
    return DistributedDataParallel(guidance)


def sharded(guidance: nn.Module) -> nn.Module:
    """Shard the `Guidance` as a whole: its weights are needed until the maps are there."""
    return fully_shard(guidance, mesh=init_device_mesh("cpu", (2,)))


def train(rank: int, wrap: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """Do what one of the two processes does."""
    module = wrap(guided())
    optimizer = torch.optim.SGD(module.parameters(), RATE)
    for images, labels, regions in [*loader(BATCH // 2)][rank::2]:
        logits, localization = module(images, labels, regions)
        optimizer.zero_grad()
        (cross_entropy(logits, labels) + LAMBDA * localization).backward()
        optimizer.step()
    return module


WRAPS = {"ddp": replicated, "fsdp2": sharded}


def process(rank: int, folder: str) -> None:
    """Be one of the two processes, and write what its weights come to."""
    start, limit = f"file://{folder}/start", timedelta(seconds=60)
    dist.init_process_group("gloo", init_method=start, rank=rank, world_size=2, timeout=limit)
    found = {}
    for name, wrap in WRAPS.items():
        whole = [
            each.full_tensor() if hasattr(each, "full_tensor") else each
            for each in train(rank, wrap).parameters()
        ]
        found[name] = torch.cat([each.detach().flatten() for each in whole])
    torch.save(found, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


@cache
def on_two() -> dict[str, Tensor]:
    """Return the weights of each way to use two processes; not a number where the two differ."""
    with TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(process, (folder,), nprocs=2)
        first, second = (torch.load(Path(folder) / f"{rank}.pt") for rank in range(2))
    return {
        name: each if torch.equal(each, second[name]) else each * float("nan") for name, each in first.items()
    }
