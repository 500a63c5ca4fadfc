"""Scores of predictions against counting by hand."""

from itertools import pairwise
from math import exp, isnan, log1p

import pytest
import torch

from model_guidance.metrics.batch_scores import Predictions
from model_guidance.metrics.catalogue import main_score
from model_guidance.metrics.classification import accuracy, f1, log_odds, mean_average_precision
from model_guidance.metrics.decisions import decided
from model_guidance.metrics.predictions import class_scores, confusions, group_scores, overall_scores

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
        "f1": 0.0,  # no class has any, so no mean over them
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
    of_classes = 2 * 1 / (3 + 2), 2 * 3 / (4 + 5)
    averages = {"macro_f1": sum(of_classes) / 2, "weighted_f1": (3 * of_classes[0] + 4 * of_classes[1]) / 7}
    found = overall_scores(predictions, True)
    assert found == pytest.approx({"accuracy": 4 / 7, "bce": expected} | averages)
    assert list(found) == ["accuracy", "macro_f1", "weighted_f1", "bce"]
    assert group_scores(predictions, GROUPS) == {
        "land/land": {"accuracy": 1 / 2, "images": 2},
        "land/water": {"accuracy": 0, "images": 1},
        "water/land": {"accuracy": pytest.approx(2 / 3), "images": 3},
    }


def test_exclusive_without_groups():
    predictions = Predictions(torch.eye(2), torch.eye(2), torch.tensor([-1, -1]))
    loss = (log1p(exp(-1)) + log1p(exp(0))) / 2
    assert overall_scores(predictions, True) == pytest.approx(
        {"accuracy": 1.0, "macro_f1": 1.0, "weighted_f1": 1.0, "bce": loss}
    )
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
        "cat": {"accuracy": pytest.approx(2 / 3), "ap": pytest.approx((2 / 2 * 2 + 3 / 4) / 3)},
        "dog": {"accuracy": 0, "ap": pytest.approx(1 / 4)},  # a tie with all but one, which is first
    }


def f1_of(decided: list[bool], wanted: list[bool]) -> float:
    both = sum(d and w for d, w in zip(decided, wanted, strict=True))
    return 2 * both / (sum(decided) + sum(wanted))


@pytest.mark.parametrize("exclusive", [True, False])
def test_macro_and_weighted_f1_are_means_of_the_classes_f1(exclusive: bool):
    torch.manual_seed(2)
    logits = torch.randn(30, 5) - torch.tensor([0.0, 0, 0, 9, 9])
    labels = torch.eye(5)[torch.randint(3, (30,))] if exclusive else (torch.rand(30, 5) > 0.5).float()
    labels[:, 4] = 0  # a class that never occurs, nor is it decided for: it has no F1
    decided = torch.eye(5)[logits.argmax(dim=1)] > 0 if exclusive else logits > 0
    occurring = range(3 if exclusive else 4)
    each = [f1_of(decided[:, c].tolist(), (labels[:, c] > 0).tolist()) for c in occurring]
    counts = labels.sum(dim=0).tolist()
    found = overall_scores(Predictions(logits, labels, torch.full((30,), -1)), exclusive)
    assert found["macro_f1"] == pytest.approx(sum(each) / len(each))
    weighted = sum(count * value for count, value in zip(counts, each, strict=False)) / sum(counts)
    assert found["weighted_f1"] == pytest.approx(weighted)


def test_f1_of_a_single_class():
    predictions = Predictions(
        torch.tensor([[1.0], [1], [-1]]), torch.tensor([[1.0], [0], [1]]), torch.zeros(3)
    )
    found = overall_scores(predictions, False)
    assert found["macro_f1"] == found["weighted_f1"] == found["f1"] == pytest.approx(1 / 2)


def test_confusions_are_counted_and_none_is_not_there():
    labels, votes = [0, 0, 0, 1, 2, 2], [0, 0, 2, 0, 2, 2]
    predictions = Predictions(torch.eye(4)[votes], torch.eye(4)[labels], torch.full((6,), -1))
    assert confusions(predictions, ("cat", "dog", "emu", "fox")) == {
        "cat": {"cat": 2.0, "emu": 1.0},
        "dog": {"cat": 1.0},
        "emu": {"emu": 2.0},
    }


def test_networks_trained_with_softmax_are_scored_by_softmax():
    torch.manual_seed(3)
    logits, labels = 8 * torch.randn(40, 3), torch.eye(3)[torch.randint(3, (40,))]
    predictions = Predictions(logits, labels, torch.full((40,), -1))
    found = overall_scores(predictions, True, "ce")
    chosen = logits.double().softmax(dim=1)[torch.arange(40), labels.argmax(dim=1)]
    assert found["ce"] == pytest.approx(float(-chosen.log().mean()))
    assert "bce" not in found
    probabilities = logits.double().softmax(dim=1)
    torch.testing.assert_close(log_odds(logits).sigmoid(), probabilities, rtol=1e-9, atol=1e-15)
    classes = class_scores(predictions, ("cat", "dog", "emu"), True, "ce")
    for c, name in enumerate(("cat", "dog", "emu")):
        ranked = [(a - b).item() for a, b in zip(logits[:, c], _rest(logits, c), strict=True)]
        assert classes[name]["ap"] == pytest.approx(average_precision(ranked, labels[:, c].tolist()))


def _rest(logits: torch.Tensor, c: int) -> torch.Tensor:
    return torch.cat([logits[:, :c], logits[:, c + 1 :]], dim=1).logsumexp(dim=1)


def test_one_of_several_exclusive_classes_is_decided_for_and_else_each_above_one_half():
    several = torch.tensor([[-2.0, -1.0, -1.5], [3.0, 4.0, 4.0], [0.4, -1.0, 0.0]])
    assert decided(several, True).int().tolist() == [[0, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert decided(several, False).int().tolist() == [[0, 0, 0], [1, 1, 1], [1, 0, 0]]
    assert decided(torch.tensor([[-0.1], [0.0], [0.1]]), True).tolist() == [[False], [False], [True]]
