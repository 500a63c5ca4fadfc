"""Intervals against published numbers, and the sentences that are made of them."""

import numpy as np
import pytest
import torch

from model_guidance.evaluation import Evaluation, Reliance
from model_guidance.metrics.batch_scores import Predictions
from model_guidance.metrics.classification import f1
from model_guidance.metrics.intervals import difference, paired_difference, wilson
from model_guidance.metrics.predictions import reliance_gap
from model_guidance.metrics.verdict import NO_REGIONS, of_model


@pytest.mark.parametrize(  # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3
    ("right", "images", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson(right, images, low, high):
    found = wilson(right, images)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(  # Newcombe 1998, Statistics in Medicine 17:873, table II, method 10
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
    ],
)
def test_difference(first, second, low, high):
    found = difference(wilson(*first), wilson(*second))
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


def test_pairs_are_narrower_than_independent_images_and_cover_the_truth():
    assert paired_difference(40, 5, 1, 4).low > difference(wilson(45, 50), wilson(41, 50)).low
    rng, truth = np.random.default_rng(0), 0.15 - 0.05
    drawn = rng.multinomial(40, [0.6, 0.15, 0.05, 0.2], size=2000)
    found = [paired_difference(*map(int, counts)) for counts in drawn]
    covered = np.mean([each.low <= truth <= each.high for each in found])
    assert 0.93 < covered < 0.985


def test_the_gap_is_that_of_the_scores():
    torch.manual_seed(0)
    labels = (torch.rand(50, 3) > 0.5).float()
    intact, replaced = (labels * 2 - 1 + scale * torch.randn(50, 3) for scale in (0.7, 3.0))
    groups = torch.full((50,), -1)
    gap = reliance_gap(Predictions(intact, labels, groups), Predictions(replaced, labels, groups), False)
    assert gap.value == pytest.approx(f1(intact, labels) - f1(replaced, labels), abs=1e-6)
    drawn = [torch.randint(50, (50,)) for _ in range(300)]
    gaps = [f1(intact[each], labels[each]) - f1(replaced[each], labels[each]) for each in drawn]
    assert (gap.high - gap.low) / 2 == pytest.approx(1.96 * float(np.std(gaps)), rel=0.2)
    single = torch.eye(2)[torch.tensor([0, 0, 1, 1])]
    votes = [Predictions(single[order], single, groups[:4]) for order in ([0, 1, 2, 3], [0, 2, 3, 3])]
    assert reliance_gap(*votes, True).value == 0.25
    assert reliance_gap(votes[0], votes[0], True).high > 0.3, "four images tell little"


def model(intact: float, outside: float, images: int, accuracy: float = 0.9) -> Evaluation:
    lost, gained = (max(0, round(change * images)) for change in (intact - outside, outside - intact))
    right = round(min(intact, outside) * images)
    gap = paired_difference(right, lost, gained, images - right - lost - gained)
    reliance = Reliance(images, intact, {"mean": outside}, {}, (gap.low, gap.high))
    return Evaluation(images, {"accuracy": accuracy}, reliance=reliance)


@pytest.mark.parametrize(
    ("found", "start"),
    [
        (model(0.9, 0.5, 100), "The model needs what lies outside of the regions: replacing it costs 40.0"),
        (model(0.9, 0.9, 400), "The model does not need what lies outside"),
        (model(0.7, 0.9, 400), "What lies outside of the regions misleads the model: replacing it costs -20"),
        (model(0.9, 0.9, 10), "It cannot be told from so few images whether"),
        (
            model(0.5, 0.5, 400, accuracy=0.5),
            "It cannot be told whether the model needs",
        ),
        (Evaluation(9, {"accuracy": 0.9, "pairs": 0.0}), NO_REGIONS),
    ],
)
def test_of_one_model(found, start):
    assert of_model(found, 2).startswith(start)
