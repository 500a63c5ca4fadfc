"""What a training is told about itself."""

import re

import numpy as np
import pytest

from model_guidance.runs.remarks import chance, remarks
from model_guidance.training.config import Config


def test_the_best_constant_answer():
    exclusive = np.eye(2, dtype=np.uint8)[[0, 0, 0, 1]]
    assert chance(exclusive, True) == 0.75
    several = np.array([[1, 0], [1, 1], [0, 0], [0, 0]], np.uint8)
    everything = np.ones_like(several)
    true = (several & everything).sum()
    assert chance(several, False) == pytest.approx(2 * true / (several.sum() + everything.sum()))
    assert chance(np.zeros((3, 2), np.uint8), False) == 0


@pytest.mark.parametrize(
    ("settings", "accuracies", "said"),
    [
        ({}, (0.6, 0.9), []),
        ({}, (0.5, 0.5), ["learned nothing: .* another --lr"]),
        ({"lambda_": 2.5}, (0.5, 0.5), ["learned nothing: .* lower --lambda"]),
        ({"lambda_": 2.5}, (0.9, 0.5), [r"collapsed: .* from 0\.90 in epoch 1 to 0\.50"]),
        ({"target_epg": 0.8}, (0.6, 0.9), [r"--target_epg 0\.8 was missed: epoch 2, .* EPG of 0\.70"]),
        ({"target_epg": 0.7}, (0.6, 0.9), []),
    ],
)
def test_remarks(settings, accuracies, said):
    history = [{"accuracy": accuracy, "epg": 0.7} for accuracy in accuracies]
    best = 1 + max(range(2), key=lambda place: accuracies[place])
    found = list(remarks(Config(**settings), history, best, "accuracy", 0.5))
    assert len(found) == len(said)
    for sentence, expected in zip(found, said, strict=True):
        assert re.search(expected, sentence)
