"""Runs with composites: resumed to the last bit, without any map, and refused in one sentence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.training.helpers import interrupt, same, small, trained

from model_guidance.data.regions import stack
from model_guidance.errors import UserError
from model_guidance.runs.train import train_run
from model_guidance.training import trainer
from model_guidance.training.classification import ClassificationLoss
from model_guidance.types import Batch

SETTINGS: dict[str, Any] = {"backbone": "small", "epochs": 2, "composites": 0.5, "replaced": "both"}


@pytest.mark.parametrize("lambda_", [0.0, 1.0])
def test_interrupted_it_ends_in_the_same_bits(lambda_: float, tmp_path: Path):
    config = small(tmp_path / "cache", **SETTINGS, lambda_=lambda_)
    expected = trained(config, tmp_path / "whole")
    interrupt(config, tmp_path / "resumed", step=5)  # in the second epoch, of three batches each
    torch.rand(3)
    assert same(trained(config, tmp_path / "resumed"), expected)
    without = small(tmp_path / "cache", backbone="small", epochs=2, lambda_=lambda_)
    plain = trained(without, tmp_path / "plain")
    assert not same(plain, expected)


def test_the_loss_is_the_mean_of_the_images_and_a_weighted_one_of_the_composites():
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(5, 3, generator=generator), torch.rand(5, 3, generator=generator).round()
    weights = torch.tensor([1 / 3] * 3 + [4 / 2] * 2)
    none = stack([], (8, 8), 5)
    batch = Batch(torch.zeros(5, 3, 8, 8), labels, none, none, torch.zeros(5), torch.arange(5), weights)
    each = F.binary_cross_entropy_with_logits
    expected = each(logits[:3], labels[:3]) + 4 * each(logits[3:], labels[3:])
    loss = ClassificationLoss()
    assert float(trainer._classification(logits, batch, None, loss)) == pytest.approx(
        float(expected), rel=1e-6
    )
    assert torch.equal(
        trainer._classification(logits, replace(batch, weights=None), None, loss),
        each(logits, labels),
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"filler": "grey"}, "^--filler grey: choose one of"),
        ({"replaced": "none"}, "^--replaced none: choose one of"),
        (
            {"annotated": 1 / 48},
            "^--filler swap: 1 of 1 annotated images can be the background of another one",
        ),
    ],
)
def test_composites_that_cannot_be_made_are_refused_before_anything_is_written(
    changes: dict[str, Any], message: str, tmp_path: Path
):
    with pytest.raises(UserError, match=message):
        train_run(small(tmp_path / "cache", **{**SETTINGS, **changes}), tmp_path / "run")
    assert not (tmp_path / "run").exists()
