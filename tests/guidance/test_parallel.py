"""Guidance under data-parallel training on two processes."""

from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing
import torch.nn.functional as F
from tests.asserts import assert_same
from tests.attribution import tiny
from tests.guidance.annotated import regions
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from model_guidance.guidance import REDUCTIONS, Guidance
from model_guidance.types import Pairs, Regions

pytestmark = pytest.mark.slow

SHARDS = [(3, 1), (2, 0), (0, 0)]  # images guided on the first and on the second process, of 3 each


def guided_gradient(module: nn.Module, images: Tensor, annotated: Regions) -> Tensor:
    module.zero_grad()
    labels = torch.ones(len(images), tiny.CLASSES, dtype=torch.float64)
    logits, localization = module(images, labels, annotated)
    (F.binary_cross_entropy_with_logits(logits, labels) + localization).backward()
    return torch.cat([weight.grad.flatten().clone() for weight in module.parameters()])


def guided(counts: tuple[int, int], first: int, last: int) -> Regions:
    """Regions of the images first to last - 1 of both processes' six, numbered from `first`."""
    images = [*range(counts[0]), *range(3, 3 + counts[1])]
    whole = regions(*((image, image % 3) for image in images))
    part = whole[(whole.pairs.image_index >= first) & (whole.pairs.image_index < last)]
    return Regions(Pairs(part.pairs.image_index - first, part.pairs.class_index), part.masks)


def process(rank: int, folder: Path) -> None:
    start, limit = f"file://{folder}/start", timedelta(seconds=30)
    dist.init_process_group("gloo", init_method=start, rank=rank, world_size=2, timeout=limit)
    images, found = tiny.images(6)[3 * rank : 3 * rank + 3], []
    for counts in SHARDS:
        for reduction in REDUCTIONS:
            wrapped = DistributedDataParallel(Guidance(tiny.build("xdnn"), layer="mid2", reduction=reduction))
            found.append(guided_gradient(wrapped, images, guided(counts, 3 * rank, 3 * rank + 3)))
    if not rank:  # a validation by one process alone waits for no other
        with torch.no_grad():
            alone = wrapped.module(images, torch.ones(3, tiny.CLASSES), guided((1, 0), 0, 3))[1]
        assert alone > 0
    torch.save(found, folder / f"{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_have_the_gradient_of_the_joined_batch(tmp_path: Path):
    torch.multiprocessing.spawn(process, (tmp_path,), nprocs=2)
    found = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    cases = [(counts, reduction) for counts in SHARDS for reduction in REDUCTIONS]
    for i, (counts, reduction) in enumerate(cases):
        guidance = Guidance(tiny.build("xdnn"), layer="mid2", reduction=reduction)
        expected = guided_gradient(guidance, tiny.images(6), guided(counts, 0, 6))
        for rank in range(2):
            assert_same(found[rank][i], expected)
