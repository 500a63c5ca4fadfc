"""A guided step never waits for a GPU: it runs on tensors that have no values at all."""

import pytest
import torch
import torch.nn.functional as F
from tests.asserts import assert_same
from tests.attribution import tiny
from tests.guidance.annotated import regions
from torch import nn

from model_guidance import guidance
from model_guidance.guidance import REDUCTIONS, Guidance
from model_guidance.models import build
from model_guidance.types import Pairs, Regions


def step(ours: Guidance, drawn: bool) -> None:
    """Take a step on the device "meta", on which asking for a value raises `NotImplementedError`."""
    owners = torch.zeros(4, dtype=torch.long)
    annotated = Regions(Pairs(owners, owners, distinct=drawn), torch.zeros(4, 32, 32, dtype=torch.bool))
    images, labels = torch.empty(6, 3, 32, 32, device="meta"), torch.empty(6, 3, device="meta")
    logits, localization = ours(images, labels, annotated.to("meta"))
    (F.binary_cross_entropy_with_logits(logits, labels) + localization).backward()


def model_of(name: str, training: bool) -> nn.Module:
    return build(name, 3).to("meta").train(training)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "xdnn_resnet18", "bcos_resnet18"])
@pytest.mark.parametrize("options", [{}, {"part": 0.5}, {"checkpoint": True}])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("training", [True, False])
def test_no_value_is_asked_for(
    name: str,
    options: dict[str, float],
    reduction: str,
    training: bool,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(guidance, "influence_each_other", lambda *_: False)  # asked once in each mode
    method = "bcos" if name.startswith("bcos") else "ixg"
    step(
        Guidance(model_of(name, training), method, "input", "l1", reduction=reduction, **options), drawn=True
    )


def test_a_draw_asks_for_values():
    with pytest.raises(NotImplementedError):
        step(Guidance(model_of("resnet18", True), layer="input"), drawn=False)


def test_what_was_drawn_already_counts_where_the_class_is_present():
    model, images, labels = tiny.build("xdnn"), tiny.images(3), torch.zeros(3, tiny.CLASSES)
    labels[0, 1] = labels[2, 0] = 1
    drawn = regions((0, 1), (1, 1), (2, 0))
    drawn = Regions(Pairs(drawn.pairs.image_index, drawn.pairs.class_index, distinct=True), drawn.masks)
    kept = Regions(Pairs(drawn.pairs.image_index[::2], drawn.pairs.class_index[::2]), drawn.masks[::2])
    for reduction in REDUCTIONS:
        ours = Guidance(model, layer="mid2", reduction=reduction)
        assert_same(ours(images, labels, drawn)[1], ours(images, labels, kept)[1])
    assert ours(images, labels * 0, drawn)[1] == 0
