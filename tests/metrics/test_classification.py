"""Scores of predictions against counting by hand."""

from itertools import pairwise
from math import exp, isnan, log1p

import pytest
import torch

from model_guidance.metrics.batch_scores import Predictions
from model_guidance.metrics.catalogue import main_score
from model_guidance.metrics.classification import accuracy, f1, mean_average_precision
from model_guidance.metrics.predictions import class_scores, group_scores, overall_scores

GROUPS = ("land/land", "land/water", "water/land", "water/water")


def average_precision(scores: list[float], positive: list[float]) -> float:
    """Mean, over the positives, of the precision down to each of them; for scores without ties."""
    assert len(set(scores)) == len(scores)
    ranked = [p for _, p in sorted(zip(scores, positive, strict=True), reverse=True)]
    precisions = [sum(ranked[: i + 1]) / (i + 1) for i, p in enumerate(ranked) if p]
    return sum(precisions) / len(precisions)


@pytest.mark.parametrize("scale", [1, 20])  # at 20 the float32 sigmoids of many logits are all 1
def test_multilabel(scale: float):
    torch.manual_seed(0)
    logits, labels = scale * torch.randn(12, 4), (torch.rand(12, 4) > 0.6).float()
    labels[:, 2] = 0  # a class that never occurs
    true = ((logits > 0) & (labels > 0)).sum().item()
    wrong = ((logits > 0) != (labels > 0)).sum().item()
    assert f1(logits, labels) == pytest.approx(2 * true / (2 * true + wrong))
    expected = [average_precision(logits[:, c].tolist(), labels[:, c].tolist()) for c in (0, 1, 3)]
    assert mean_average_precision(logits, labels) == pytest.approx(sum(expected) / 3)


def test_multilabel_without_any_positive():
    logits, labels = -torch.ones(3, 2), torch.zeros(3, 2)
    assert f1(logits, labels) == 0
    assert isnan(mean_average_precision(logits, labels))
    assert overall_scores(Predictions(logits, labels, torch.full((3,), -1)), False) == {
        "f1": 0.0,
        "bce": pytest.approx(log1p(exp(-1))),
    }


def test_exclusive():
    labels = torch.eye(2)[torch.tensor([0, 0, 0, 1, 1, 1, 1])]
    logits = torch.eye(2)[torch.tensor([0, 1, 1, 1, 1, 0, 1])] - 5
    predictions = Predictions(logits, labels, torch.tensor([0, 0, 1, 2, 2, 2, -1]))
    assert accuracy(logits, labels) == pytest.approx(4 / 7)
    # one class at logit -4, the other at -5, right or wrong
    softplus = {logit: log1p(exp(logit)) for logit in (-5, -4, 5, 4)}
    expected = (4 * (softplus[4] + softplus[-5]) + 3 * (softplus[5] + softplus[-4])) / 14
    assert overall_scores(predictions, True) == pytest.approx({"accuracy": 4 / 7, "bce": expected})
    assert group_scores(predictions, GROUPS) == {
        "land/land": {"accuracy": 1 / 2, "images": 2},
        "land/water": {"accuracy": 0, "images": 1},
        "water/land": {"accuracy": pytest.approx(2 / 3), "images": 3},
    }


def test_exclusive_without_groups():
    predictions = Predictions(torch.eye(2), torch.eye(2), torch.tensor([-1, -1]))
    loss = (log1p(exp(-1)) + log1p(exp(0))) / 2
    assert overall_scores(predictions, True) == pytest.approx({"accuracy": 1.0, "bce": loss})
    assert group_scores(predictions, ()) == {}


@pytest.mark.parametrize("exclusive", [True, False])
def test_the_main_score_is_among_the_scores(exclusive: bool):
    predictions = Predictions(torch.eye(3).requires_grad_(), torch.eye(3), torch.tensor([-1, -1, -1]))
    assert main_score(exclusive) in overall_scores(predictions, exclusive)


def test_better_rankings_have_better_average_precision():
    labels = torch.tensor([[1.0], [0.0], [1.0], [0.0]])
    worst, middle, best = [[0, 3, 1, 2], [2, 3, 1, 0], [3, 0, 2, 1]]
    found = [mean_average_precision(torch.tensor([s]).T.float(), labels) for s in (worst, middle, best)]
    assert all(a < b for a, b in pairwise(found))
    assert found[2] == 1


def test_classes_one_by_one():
    torch.manual_seed(1)
    logits, labels = torch.randn(12, 3), (torch.rand(12, 3) > 0.6).float()
    labels[:, 2] = 0  # a class that never occurs
    found = class_scores(Predictions(logits, labels, torch.full((12,), -1)), ("cat", "dog", "emu"), False)
    assert found == {
        name: {"ap": pytest.approx(average_precision(logits[:, c].tolist(), labels[:, c].tolist()))}
        for c, name in enumerate(("cat", "dog"))
    }
    exclusive_labels = torch.eye(3)[torch.tensor([0, 0, 0, 1])]
    votes = Predictions(torch.eye(3)[torch.tensor([0, 0, 1, 2])], exclusive_labels, torch.full((4,), -1))
    assert class_scores(votes, ("cat", "dog", "emu"), True) == {
        "cat": {"accuracy": pytest.approx(2 / 3)},
        "dog": {"accuracy": 0},
    }
