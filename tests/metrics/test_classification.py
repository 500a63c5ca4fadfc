"""Scores of predictions against counting by hand."""

from itertools import pairwise

import pytest
import torch

from model_guidance.metrics.classification import exclusive, main_score, multilabel, score

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
    found = dict(multilabel(logits, labels))
    true = ((logits > 0) & (labels > 0)).sum().item()
    wrong = ((logits > 0) != (labels > 0)).sum().item()
    assert found["f1"] == pytest.approx(2 * true / (2 * true + wrong))
    expected = [average_precision(logits[:, c].tolist(), labels[:, c].tolist()) for c in (0, 1, 3)]
    assert found["map"] == pytest.approx(sum(expected) / 3)


def test_multilabel_without_any_positive():
    found = dict(multilabel(-torch.ones(3, 2), torch.zeros(3, 2)))
    assert found == {"f1": 0.0}


def test_exclusive():
    labels = torch.eye(2)[torch.tensor([0, 0, 0, 1, 1, 1, 1])]
    logits = torch.eye(2)[torch.tensor([0, 1, 1, 1, 1, 0, 1])] - 5
    groups = torch.tensor([0, 0, 1, 2, 2, 2, -1])
    found = dict(exclusive(logits, labels, groups, GROUPS))
    assert found == pytest.approx(
        {
            "accuracy": 4 / 7,
            "group: land/land": 1 / 2,
            "group: land/water": 0,
            "group: water/land": 2 / 3,
            "worst_group": 0,
        }
    )


def test_exclusive_without_groups():
    found = dict(exclusive(torch.eye(2), torch.eye(2), torch.tensor([-1, -1]), ()))
    assert found == {"accuracy": 1.0}


@pytest.mark.parametrize("exclusive_classes", [True, False])
def test_the_main_score_is_among_the_scores(exclusive_classes: bool):
    logits, groups = torch.eye(3).requires_grad_(), torch.tensor([-1, -1, -1])
    assert main_score(exclusive_classes) in score(logits, torch.eye(3), groups, (), exclusive_classes)
    assert score(logits[:0], torch.eye(3)[:0], groups[:0], (), exclusive_classes) == {}


def test_better_rankings_have_better_average_precision():
    labels = torch.tensor([[1.0], [0.0], [1.0], [0.0]])
    worst, middle, best = [[0, 3, 1, 2], [2, 3, 1, 0], [3, 0, 2, 1]]
    found = [dict(multilabel(torch.tensor([s]).T.float(), labels))["map"] for s in (worst, middle, best)]
    assert all(a < b for a, b in pairwise(found))
    assert found[2] == 1


def test_classes_one_by_one():
    torch.manual_seed(1)
    logits, labels = torch.randn(12, 3), (torch.rand(12, 3) > 0.6).float()
    labels[:, 2] = 0  # a class that never occurs
    found = score(logits, labels, torch.full((12,), -1), (), False, ("cat", "dog", "emu"))
    named = {name: value for name, value in found.items() if name.startswith("class: ")}
    assert named == {
        f"class: {name}: ap": pytest.approx(average_precision(logits[:, c].tolist(), labels[:, c].tolist()))
        for c, name in enumerate(("cat", "dog"))
    }
    exclusive_labels = torch.eye(3)[torch.tensor([0, 0, 0, 1])]
    votes = torch.eye(3)[torch.tensor([0, 0, 1, 2])]
    found = score(votes, exclusive_labels, torch.full((4,), -1), (), True, ("cat", "dog", "emu"))
    assert found["class: cat: accuracy"] == pytest.approx(2 / 3)
    assert found["class: dog: accuracy"] == 0
    assert "class: emu: accuracy" not in found
