"""How much images count: each rule beside what it replaces, such as a balanced mean or a repeated image."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, multiprocessing
from torch import distributed as dist

from model_guidance.data.regions import stack
from model_guidance.errors import UserError
from model_guidance.training.weighting import WEIGHTINGS, Known
from model_guidance.training.weighting.group_dro import STEP, GroupDRO
from model_guidance.types import Batch

GROUPS = np.array([0, 0, 0, 0, 0, 2, 2, 3, 3, 3])  # nobody is in group 1
LOSSES = torch.rand(10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def batch_of(chosen: list[int], weights: Tensor | None = None, beside: int = 0) -> Batch:
    """Some of the images, and so many composites beside them."""
    none = stack([], (4, 4), len(chosen) + beside)
    groups = torch.cat([torch.from_numpy(GROUPS[chosen]), torch.full((beside,), -1)])
    index = torch.cat([torch.tensor(chosen), torch.arange(beside)])
    images = torch.zeros(len(groups), 3, 4, 4)
    return Batch(images, torch.zeros(len(groups), 2), none, none, groups, index, weights)


def means() -> list[Tensor]:
    return [LOSSES[torch.from_numpy(group == GROUPS)].mean() for group in (0, 2, 3)]


def test_balanced_groups_give_the_mean_of_the_groups_means():
    weighting = WEIGHTINGS["groups"](Known(GROUPS))
    factors = weighting(LOSSES, batch_of(list(range(10))))
    assert float((factors * LOSSES).mean()) == pytest.approx(float(torch.stack(means()).mean()), rel=1e-12)
    assert float(factors.mean()) == pytest.approx(1, rel=1e-12)


def test_an_image_that_was_wrong_counts_as_if_it_were_there_so_many_times():
    wrong = np.isin(np.arange(10), [1, 6])
    factors = WEIGHTINGS["errors"](Known(GROUPS, wrong, 5.0))(LOSSES, batch_of(list(range(10))))
    repeated = torch.cat([LOSSES, *[LOSSES[wrong]] * 4])
    assert float((factors * LOSSES).mean()) == pytest.approx(float(repeated.mean()), rel=1e-12)
    some = WEIGHTINGS["errors"](Known(GROUPS, wrong, 5.0))(LOSSES[:2], batch_of([6, 0]))
    assert torch.equal(some, factors[[6, 0]])


def test_the_worse_a_group_the_more_it_counts():
    weighting, q = WEIGHTINGS["group_dro"](Known(GROUPS)), np.array([1 / 3, 0, 1 / 3, 1 / 3])
    for _ in range(3):
        factors = weighting(LOSSES, batch_of(list(range(10))))
        for group, mean in zip((0, 2, 3), means(), strict=True):
            q[group] *= np.exp(STEP * float(mean))
        q /= q.sum()
        expected = sum(q[group] * mean for group, mean in zip((0, 2, 3), means(), strict=True))
        assert float((factors * LOSSES).mean()) == pytest.approx(float(expected), rel=1e-12)
    assert weighting.state_dict()["q"].numpy() == pytest.approx(q, rel=1e-12)


def test_a_group_that_a_batch_lacks_keeps_its_say():
    weighting = WEIGHTINGS["group_dro"](Known(GROUPS))
    weighting(LOSSES[:2], batch_of([0, 5]))
    q = weighting.state_dict()["q"]
    assert q[3] < q[[0, 2]].max()
    assert float(q.sum()) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("name", ["groups", "group_dro"])
def test_what_stands_beside_the_images_counts_as_it_did(name: str):
    alone = WEIGHTINGS[name](Known(GROUPS))(LOSSES[:3], batch_of([0, 5, 7]))
    weights = torch.tensor([1 / 3] * 3 + [0.0] + [2.0] * 2)
    batch = batch_of([0, 5, 7, 8], weights, beside=2)
    found = WEIGHTINGS[name](Known(GROUPS))(torch.cat([LOSSES[:3], torch.ones(3)]), batch)
    assert torch.allclose(found[:3], alone, rtol=1e-12)
    assert found[3:].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("name", "known", "message"),
    [
        ("groups", Known(np.array([-1, -1])), "have 0 known groups, at least 2 are needed"),
        ("group_dro", Known(np.array([1, 1])), "have 1 known groups"),
        ("errors", Known(GROUPS, np.zeros(10, bool)), "gets all training images right"),
    ],
)
def test_what_cannot_be_weighted_is_said(name: str, known: Known, message: str):
    with pytest.raises(UserError, match=message):
        WEIGHTINGS[name](known)


def _half(rank: int, folder: str) -> None:
    torch.set_default_dtype(torch.float64)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    weighting, chosen = GroupDRO(Known(GROUPS)), list(range(rank, 10, 2))
    factors = weighting(LOSSES[chosen], batch_of(chosen))
    torch.save((factors, weighting.state_dict()["q"]), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_weigh_as_one_does(tmp_path: Path):
    multiprocessing.spawn(_half, (str(tmp_path),), nprocs=2)
    one = GroupDRO(Known(GROUPS))
    factors = one(LOSSES, batch_of(list(range(10))))
    for rank in range(2):
        theirs, q = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert torch.allclose(theirs, factors[rank::2], rtol=1e-12)
        assert torch.allclose(q, one.state_dict()["q"], rtol=1e-12)
