"""Evaluation of two hand-made batches against one map at a time."""

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.asserts import assert_names, assert_untouched
from tests.attribution import tiny
from torch import Tensor, nn

from model_guidance.attribution import attribute
from model_guidance.errors import UserError
from model_guidance.evaluation import Evaluation
from model_guidance.metrics import energy_pointing_game, on_object_energy, region_iou
from model_guidance.metrics.batch_scores import BatchScores, Predictions
from model_guidance.metrics.evaluate import Measurement, evaluate
from model_guidance.metrics.predictions import group_averages, group_scores
from model_guidance.metrics.region_iou import THRESHOLDS
from model_guidance.metrics.reliance import FILLERS
from model_guidance.types import Batch, Pairs, Regions

WHAT = Measurement("ixg", "mid2", groups=(), exclusive=False)
REGIONS = [[(0, 0), (0, 2), (2, 1)], [(0, 1), (1, 2)]]  # (image, class), of each batch
OBJECTS = [[(0, 2), (1, 1), (2, 1)], []]  # image 1 has an object, but no region


def evaluated(*arguments: Any, **options: Any) -> Evaluation:
    return evaluate(*arguments, **options).evaluation


def boxes(pairs: list[tuple[int, int]], shift: int) -> Regions:
    masks = torch.zeros(len(pairs), 8, 8, dtype=torch.bool)
    for mask, (image, label) in zip(masks, pairs, strict=True):
        mask[image + shift : image + shift + 4, label : label + 5] = True
    images, classes = torch.tensor(pairs, dtype=torch.long).view(-1, 2).T
    return Regions(Pairs(images, classes), masks)


def batches() -> list[Batch]:
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (6, 3, 8, 8)).double().split(3)
    rows = [[1, 0, 1], [0, 1, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]
    labels = torch.tensor(rows).double().split(3)
    groups, index = torch.full((3,), -1), torch.arange(3)
    return [
        Batch(pixels[i], labels[i], boxes(REGIONS[i], 0), boxes(OBJECTS[i], 1), groups, index + 3 * i)
        for i in range(2)
    ]


def each_pair(model: nn.Module) -> list[tuple[Tensor, Tensor, tuple[int, tuple[int, int]]]]:
    """Return (map, region, (batch, pair)) of every pair that has a region."""
    rows = []
    for number, batch in enumerate(batches()):
        for (image, label), mask in zip(REGIONS[number], batch.regions.masks, strict=True):
            pixels = batch.images[image : image + 1] / 255
            a = attribute(model, pixels, [label], WHAT.method, WHAT.layer)
            rows.append((a, mask[None], (number, (image, label))))
    return rows


def test_means_over_the_pairs_that_have_a_region():
    model, steps = tiny.build("plain"), []
    found = evaluated(model, batches(), WHAT, lambda: steps.append(1)).scores
    rows = each_pair(model)
    assert len(steps) == 2
    assert (found["pairs"], found["pairs_without_region"]) == (5, 2)
    assert found["epg"] == pytest.approx(sum(energy_pointing_game(a, m).item() for a, m, _ in rows) / 5)
    masks = [boxes(pairs, 1).masks for pairs in OBJECTS]
    objects = {(i, pair): masks[i][k] for i in (0, 1) for k, pair in enumerate(OBJECTS[i])}
    common = [on_object_energy(a, m, objects[key][None]).item() for a, m, key in rows if key in objects]
    assert len(common) == 2
    assert found["on_object_epg"] == pytest.approx(sum(common) / 2)
    ious = [sum(region_iou(a, m, t).item() for a, m, _ in rows) / 5 for t in THRESHOLDS]
    assert found["iou"] == pytest.approx(max(ious))
    assert found["iou_threshold"] == THRESHOLDS[ious.index(max(ious))]
    given = evaluated(model, batches(), Measurement("ixg", "mid2", (), False, threshold=0.3)).scores
    assert given["iou"] == pytest.approx(ious[THRESHOLDS.index(0.3)])
    assert given["iou"] < found["iou"]
    assert given["iou_threshold"] == 0.3


def test_classification_is_over_all_images():
    model, table = tiny.build("plain"), batches()
    logits = torch.cat([model(batch.images / 255) for batch in table])
    labels = torch.cat([batch.labels for batch in table])
    true = ((logits > 0) & (labels > 0)).sum().item()
    wrong = ((logits > 0) != (labels > 0)).sum().item()
    found = evaluated(model, table, WHAT)
    assert found.images == 6
    assert found.scores["f1"] == pytest.approx(2 * true / (2 * true + wrong))


def test_every_module_keeps_its_mode():
    model = tiny.build("plain-training")
    model.network.layer2.eval()  # frozen statistics
    with assert_untouched(model):
        evaluated(model, batches(), WHAT)
        with pytest.raises(UserError):
            evaluated(model, batches(), Measurement("ixg", "nonsense", (), False))


def test_unknown_threshold():
    with pytest.raises(UserError) as error:
        evaluated(tiny.build("plain"), batches(), Measurement("ixg", "mid2", (), False, threshold=0.33))
    assert_names(error.value, ["0.33", "0.005", "0.9"])


def test_nothing_to_score():
    empty = [Batch(b.images, b.labels, b.regions[:0], b.objects[:0], b.groups, b.index) for b in batches()]
    found = evaluated(tiny.build("plain"), empty, Measurement("ixg", "mid2", (), False, reliance=True))
    assert (found.scores["pairs"], found.scores["pairs_without_region"]) == (0, 7)
    assert not {"epg", "iou", "on_object_epg"} & found.scores.keys()
    assert found.reliance is None
    assert evaluated(tiny.build("plain"), [], WHAT) == Evaluation(0, {"pairs": 0, "pairs_without_region": 0})


class ReadsOneSide(nn.Module):
    """Class 0 if the first columns are darker than the last ones, within the rows that it reads."""

    def __init__(self, rows: slice):
        super().__init__()
        self.rows = rows

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, self.rows].mean((1, 2))
        difference = x[:, :4].mean(1) - x[:, 4:].mean(1)
        return torch.stack([-difference, difference], dim=1)


@pytest.mark.parametrize(
    ("rows", "reads", "ignores"), [(slice(0, 4), "inside", "outside"), (slice(4, 8), "outside", "inside")]
)
def test_reliance_finds_what_a_model_reads(rows: slice, reads: str, ignores: str):
    """The region is the upper half; both halves of an image show its class, the next image the other."""
    ramp = torch.linspace(0, 255, 8).double().expand(3, 8, 8)
    images = torch.stack([ramp, ramp.flip(2), ramp, ramp.flip(2), ramp])
    labels, mask = torch.eye(2).double()[[0, 1, 0, 1, 1]], torch.zeros(4, 8, 8, dtype=torch.bool)
    mask[:, :4] = True
    where = Regions(Pairs(torch.arange(4), torch.tensor([0, 1, 0, 1])), mask)
    batch = Batch(images, labels, where, where[:0], torch.full((5,), -1), torch.arange(5))
    found = evaluated(ReadsOneSide(rows), [batch], Measurement("ixg", "input", (), True, reliance=True))
    assert found.scores["accuracy"] == 4 / 5
    reliance = found.reliance
    assert reliance is not None
    assert (reliance.images, reliance.intact) == (4, 1), "only the four images that have a region"
    unread, read = getattr(reliance, ignores), getattr(reliance, reads)
    assert unread == dict.fromkeys(FILLERS, 1)
    assert read["mean"] == 0.5, "no evidence is left: always the first class"
    assert read["swap"] == 0.25, "image 0 is filled with image 4, the others with another class"
    assert read["blur"] == 1, "a ramp survives blurring"


def test_reliance_on_a_sample_is_of_its_images_and_nothing_else_changes():
    model, table, what = tiny.build("plain"), batches(), replace(WHAT, reliance=True)
    some = torch.tensor([False, True, True, False, True, True])  # images 1 and 5 have no region
    whole, part = (evaluate(model, table, each) for each in (what, replace(what, sample=some)))
    assert replace(part.evaluation, reliance=None) == replace(whole.evaluation, reliance=None)
    assert part.evaluation.reliance.images == 2
    with_region = {0, 2, 3, 4}
    for name, rows in whole.evidence.right.items():
        found = part.evidence.right[name]
        measured = ~np.isnan(found[:, 0])
        kept = with_region & {1, 2, 4, 5} if name != "intact" else set(range(6))
        assert set(np.flatnonzero(measured)) == kept
        assert np.array_equal(found[measured], rows[measured])
    assert part.evidence.score("outside: swap") == pytest.approx(part.evaluation.reliance.outside["swap"])


def test_classes_one_by_one():
    model = tiny.build("plain")
    names = ("cat", "dog", "emu")
    what = replace(WHAT, threshold=0.3, classes=names)
    found = evaluated(model, batches(), what)
    for c, name in enumerate(names):
        own = [(a, m) for a, m, (_, (_, label)) in each_pair(model) if label == c]
        epgs = [energy_pointing_game(a, m).item() for a, m in own]
        assert found.classes[name]["epg"] == pytest.approx(sum(epgs) / len(epgs))
        ious = [region_iou(a, m, 0.3).item() for a, m in own]
        assert found.classes[name]["iou"] == pytest.approx(sum(ious) / len(ious))
    assert replace(found, classes={}) == evaluated(model, batches(), replace(WHAT, threshold=0.3))


def test_processes_that_share_the_batches_have_the_same_scores():
    model, table = tiny.build("plain"), batches()
    what = replace(WHAT, reliance=True)
    sent: list[BatchScores] = []

    def keep(scored: list[BatchScores]) -> list[BatchScores]:
        sent.extend(pickle.loads(pickle.dumps([batch.cpu() for batch in scored])))
        return scored

    for batch in table:
        evaluated(model, [batch], what, gather=keep)
    assert evaluated(model, [], what, gather=lambda _: sent) == evaluated(model, table, what)


def test_the_layout_is_that_of_the_layer():
    model = tiny.build("plain")
    told, said, other = (
        evaluated(
            model, batches(), Measurement("ixg", "mid2", (), False, threshold=0.3, layout=layout)
        ).scores
        for layout in (None, "NCHW", "NHWC")
    )
    assert told == said
    assert told["epg"] != other["epg"]


@pytest.mark.parametrize(
    ("shares", "adjusted"),
    [((0.7, 0.2, 0.1), None), ((0.75, 0.25, 0.0), 0.75 * 0.5 + 0.25 * 1.0), ((), None)],
)
def test_the_adjusted_average_weighs_groups_as_training_does(shares, adjusted):
    logits = torch.tensor([[2.0, 0], [0, 2], [2, 0]])
    labels = torch.tensor([[1.0, 0], [1, 0], [1, 0]])
    found = group_scores(Predictions(logits, labels, torch.tensor([0, 0, 1])), ("a", "b", "c"))
    averages = group_averages(found, dict(zip(("a", "b", "c"), shares, strict=False)))
    assert averages == {"worst_group": 0.5} | ({} if adjusted is None else {"adjusted_accuracy": adjusted})
    assert group_averages({}, {"a": 1.0}) == {}


def test_the_shares_of_a_measurement_reach_the_scores():
    table = [replace(each, groups=torch.tensor([0, 1, 1])) for each in batches()]
    what = replace(WHAT, groups=("a", "b"), exclusive=True)
    model = tiny.build("plain")
    assert "adjusted_accuracy" not in evaluated(model, table, what).scores
    found = evaluated(model, table, replace(what, shares=(0.0, 1.0)))
    assert found.scores["adjusted_accuracy"] == found.groups["b"]["accuracy"]
