"""The verdict on a guided model: what decides it, and the intervals it rests on."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.evidence import IMAGES, counted, evidence

from model_guidance.errors import UserError
from model_guidance.metrics.batch_scores import BatchScores, Predictions
from model_guidance.metrics.bootstrap import bootstrapped
from model_guidance.metrics.classification import accuracy, f1
from model_guidance.metrics.evidence import Evidence, evidence_of
from model_guidance.metrics.maps import MapScores
from model_guidance.metrics.repair import OUTCOMES, beyond, repair
from model_guidance.report.tables.repair import repair_table

BIASED = {"groups": (0.95, 0.3), "outside": 0.4}


@pytest.mark.parametrize(
    ("outcome", "guided"),
    [
        ("repaired", {"groups": (0.95, 0.95), "outside": 0.9, "epg": 0.8}),
        ("partly repaired", {"groups": (0.95, 0.6), "outside": 0.6, "epg": 0.8}),
        ("hidden", {**BIASED, "epg": 0.9}),
        ("unchanged", BIASED),
        ("harmed", {"groups": (0.95, 0.05), "outside": 0.3, "epg": 0.9}),
        ("harmed", {"groups": (0.5, 0.3), "outside": 0.3, "epg": 0.9}),
        ("harmed", {"groups": (0.45, 0.45), "outside": 0.45, "epg": 0.9}),  # the worst group is better
        ("cannot be told", {**BIASED, "images": 12}),
    ],
)
def test_outcomes_with_groups(outcome, guided):
    found = repair([evidence(**guided)], [evidence(**{**BIASED, "images": guided.get("images", IMAGES)})])
    assert found.outcome == outcome
    assert found.sentence.startswith(outcome.capitalize())


@pytest.mark.parametrize(
    ("outcome", "guided"),
    [
        ("repaired", {"outside": 0.95, "epg": 0.8}),
        ("partly repaired", {"outside": 0.7, "epg": 0.8}),
        ("hidden", {"outside": 0.4, "epg": 0.9}),
        ("harmed", {"outside": 0.1, "epg": 0.9}),
        ("cannot be told", {"outside": 0.4, "images": 20}),
    ],
)
def test_outcomes_without_groups(outcome, guided):
    images = guided.get("images", IMAGES)
    baseline = evidence(outside=0.4, images=images, grouped=False)
    assert repair([evidence(**guided, grouped=False)], [baseline]).outcome == outcome


def test_a_gain_that_few_images_cannot_tell_from_none():
    guided, baseline = (evidence(groups=(0.9, each), images=60) for each in (0.5, 0.4))
    assert repair([guided], [baseline]).outcome == "cannot be told"


def test_figures_are_scores_before_and_after():
    guided, baseline = evidence(groups=(0.9, 0.7), epg=0.8), evidence(**BIASED)
    found = repair([guided], [baseline]).figures
    for after, each in ((False, baseline), (True, guided)):
        hits = each.right["intact"][:, 0]
        assert found["overall"][after] == pytest.approx(hits.mean())
        assert found["worst group"][after] == pytest.approx(min(hits[0::2].mean(), hits[1::2].mean()))
        assert found["outside replaced"][after] == pytest.approx(each.right["outside: mean"][:, 0].mean())
        assert found["EPG"][after] == pytest.approx(each.epg.mean())
    for before, after, change in found.values():
        assert change.value == pytest.approx(after - before)
        assert change.low <= change.value <= change.high


def test_seeds_are_averaged():
    guided = [evidence(groups=(0.9, 0.7), seed=seed) for seed in range(3)]
    found = repair(guided, [evidence(**BIASED)]).figures["overall"]
    assert found[1] == pytest.approx(np.mean([each.right["intact"][:, 0].mean() for each in guided]))


def test_the_interval_is_that_of_a_mean_of_differences():
    random = np.random.default_rng(1)
    values = random.normal(0.3, 1.0, 500)
    found = bootstrapped(lambda weights: weights @ values / weights.sum(axis=1), 500)
    half = 1.96 * values.std() / 500**0.5
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(
        (values.mean() - half, values.mean() + half), abs=0.1 * half
    )
    again = bootstrapped(lambda weights: weights @ values / weights.sum(axis=1), 500)
    assert again == found


def test_pairing_narrows_the_interval():
    """Two models that are right on the same images but for two: their difference is nearly certain."""
    baseline = evidence(groups=(0.6, 0.6), outside=0.6, grouped=False)
    rows = {name: each.copy() for name, each in baseline.right.items()}
    rows["intact"][:2, 0] = 1 - rows["intact"][:2, 0]
    guided = Evidence(baseline.index, baseline.groups, rows, baseline.epg, baseline.area)
    change = repair([guided], [baseline]).figures["overall"][2]
    assert change.high - change.low < 0.02


def test_beyond_a_control_in_the_worst_group():
    """Of 50 images in each group the guided model knows 40 of the second one, the control 30 of these."""
    guided, control = counted((50, 40)), counted((50, 30))
    found = beyond([guided], [control])
    assert (found.behaviour, found.images, found.change.value) == ("worst group", 50, pytest.approx(0.2))
    half = 1.96 * (0.2 * 0.8 / 50) ** 0.5
    assert (found.change.low, found.change.high) == pytest.approx((0.2 - half, 0.2 + half), abs=0.03)
    assert found.certain
    assert found.sentence.startswith("Beyond random regions: worst group +20.0 (95 % interval +")
    assert found.sentence.endswith(").")


def test_beyond_a_control_when_the_outside_is_replaced():
    """100 right answers against 60 of the same: 40 differences of 1, 60 of 0."""
    found = beyond(*([counted((50, 50), outside=right, grouped=False)] for right in (100, 60)))
    assert (found.behaviour, found.images, found.change.value) == (
        "outside replaced",
        100,
        pytest.approx(0.4),
    )
    half = 1.96 * (0.4 * 0.6 / 100) ** 0.5
    assert (found.change.low, found.change.high) == pytest.approx((0.4 - half, 0.4 + half), abs=0.02)


def test_beyond_is_the_change_of_one_minus_that_of_the_other():
    guided, control, baseline = counted((50, 40)), counted((45, 50)), counted((50, 7))
    changes = [repair([each], [baseline]).figures["worst group"][2].value for each in (guided, control)]
    assert beyond([guided], [control]).change.value == pytest.approx(changes[0] - changes[1]) == -0.1


@pytest.mark.parametrize(
    ("control", "images", "said"),
    [
        (
            40,
            100,
            r"\+0.0 .*random regions may have gained as much, so this does not show that the regions",
        ),
        (38, 100, r"\+4.0 .*random regions may have gained as much"),
        (50, 100, "-20.0 .*random regions gained more, so this does not show"),
        (0, 20, "10 images cannot tell whether random regions gained as much"),
    ],
)
def test_a_control_that_does_as_well_leaves_nothing(control, images, said):
    found = beyond([counted((50, 40), images)], [counted((50, control), images)])
    assert not found.certain
    assert re.search(said, found.sentence)


def test_seeds_of_a_control_are_averaged():
    found = beyond([counted((50, 40))], [counted((50, 30)), counted((50, 20)), counted((50, 10))])
    assert found.change.value == pytest.approx(0.4)


def test_five_images_tell_nothing():
    for grouped in (True, False):
        guided, baseline = (counted((3, 2), 5, outside, grouped) for outside in (5, 0))
        found = repair([guided], [baseline])
        assert found.outcome == "cannot be told"
        assert re.search(r"nor that there is none; \d images tell it", found.sentence)
        assert not beyond([guided], [baseline]).certain


def test_what_cannot_be_compared_is_said():
    whole, part = evidence(), evidence(images=100)
    for compare in (repair, beyond):
        with pytest.raises(UserError, match="not tested on the same images"):
            compare([whole], [part])
    nothing = Evidence(
        whole.index, whole.groups * 0 - 1, {"intact": whole.right["intact"]}, whole.epg * np.nan, whole.area
    )
    for compare in (repair, beyond):
        with pytest.raises(UserError, match="no test image has a group or a region"):
            compare([nothing], [nothing])


def measured_on(whole: Evidence, images: slice) -> Evidence:
    right = {name: rows.copy() for name, rows in whole.right.items()}
    for name, rows in right.items():
        if name != "intact":
            rows[np.setdiff1d(whole.index, whole.index[images])] = np.nan
    return Evidence(whole.index, whole.groups, right, whole.epg, whole.area)


@pytest.mark.parametrize("grouped", [True, False])
def test_replaced_pixels_are_compared_on_the_images_that_both_measured(grouped):
    guided, baseline = evidence(outside=0.7, grouped=grouped), evidence(outside=0.4, seed=1, grouped=grouped)
    found = repair([measured_on(guided, slice(0, 300))], [measured_on(baseline, slice(100, None))])
    before, after, change = found.figures["outside replaced"]
    for value, each in ((before, baseline), (after, guided)):
        assert value == pytest.approx(each.right["outside: mean"][100:300, 0].mean())
    assert change.value == pytest.approx(after - before)
    if not grouped:
        assert found.images == 200
        intact = guided.right["intact"][100:300, 0].mean()
        assert found.gap.value == pytest.approx(intact - after)
    assert found.figures["overall"][1] == pytest.approx(guided.right["intact"][:, 0].mean()), "on all images"


def test_maps_are_compared_on_the_images_that_both_explained():
    """Of the guided model the first 300 images have a region, of the baseline the last 300, larger ones."""
    guided, baseline = evidence(epg=0.7), evidence(epg=0.4, seed=1)
    first, last = guided.index < 300, baseline.index >= 100
    guided = replace(guided, epg=np.where(first, guided.epg, np.nan), area=np.where(first, 0.3, np.nan))
    baseline = replace(baseline, epg=np.where(last, baseline.epg, np.nan), area=np.where(last, 0.6, np.nan))
    guided.epg[:100] = 0  # of no interest, the baseline says nothing of them
    found = repair([guided], [baseline])
    before, after, _ = found.figures["EPG"]
    assert (before, after) == (
        pytest.approx(baseline.epg[100:300].mean()),
        pytest.approx(guided.epg[100:300].mean()),
    )
    assert found.area == pytest.approx(0.3)


def test_where_one_has_no_replaced_pixels_what_both_have_is_compared():
    bare = evidence(**BIASED)
    bare = replace(
        bare, right={"intact": bare.right["intact"]}, epg=bare.epg * np.nan, area=bare.area * np.nan
    )
    assert repair([evidence()], [bare]).figures.keys() == {"overall", "worst group"}


def test_evidence_says_of_which_images_and_regions_it_is():
    old, one, other = evidence(), *(replace(evidence(), images=each, regions=each) for each in "ab")
    for same in (Evidence.same_images, Evidence.same_regions):
        assert same(one, old)
        assert same(old, one)
        assert not same(one, other)
    assert not old.same_regions(replace(old, area=old.area + 0.1)), "of an earlier version: as large"
    with pytest.raises(UserError, match="not tested on the same images"):
        repair([one], [other])


def test_every_outcome_has_a_reason():
    assert len(OUTCOMES) == 6


@pytest.mark.parametrize("exclusive", [True, False])
def test_evidence_of_batches_sums_up_to_the_scores(exclusive):
    torch.manual_seed(0)
    batches, logits, labels = [], torch.randn(6, 3), torch.eye(3)[[0, 1, 2, 0, 1, 2]]
    if not exclusive:
        labels[0, 1] = 1
    for rows, owners in (([4, 1, 3], [0, 0, 2]), ([0, 2, 5], [1])):
        predictions = Predictions(logits[rows], labels[rows], torch.tensor(rows))
        chosen = torch.zeros(3, dtype=torch.bool).index_fill(0, torch.tensor(owners), True)
        altered = predictions[chosen]
        epg = torch.tensor(rows, dtype=torch.float64)[owners] / 10 + torch.arange(len(owners)) / 100
        maps = MapScores(
            torch.zeros(len(owners)).long(), {"epg": epg}, torch.zeros(len(owners), 1), torch.zeros(1)
        )
        placed = (torch.tensor(rows), torch.tensor(owners), torch.full((len(owners),), 0.25))
        batches.append(
            BatchScores(
                maps, predictions, {("intact", ""): altered, ("outside", "mean"): altered}, chosen, *placed
            )
        )
    found = evidence_of(batches, exclusive)
    score = accuracy if exclusive else f1
    assert found.index.tolist() == found.groups.tolist() == [0, 1, 2, 3, 4, 5]
    assert found.score() == pytest.approx(float(score(logits, labels)))
    with_region = [2, 3, 4]
    assert found.score("outside: mean") == pytest.approx(
        float(score(logits[with_region], labels[with_region]))
    )
    assert np.isnan(found.right["outside: mean"][:, 0]).tolist() == [True, True, False, False, False, True]
    assert found.epg == pytest.approx([np.nan, np.nan, 0.2, 0.32, 0.405, np.nan], nan_ok=True)
    assert found.area == pytest.approx([np.nan, np.nan, 0.25, 0.25, 0.25, np.nan], nan_ok=True)


def test_nothing_is_not_shown_with_a_minus():
    found = repair([counted((50, 40))], [counted((50, 40))])
    none = replace(found, gap=replace(found.gap, value=-1e-6, low=-1e-6))
    assert "gap left 0.0 (95 % interval 0.0 to" in none.sentence
    assert "-0.0" not in none.sentence + repair_table(none)
