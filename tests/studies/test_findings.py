"""Each finding of the paper: from scores that show it, that contradict it, and that say nothing about it."""

from collections.abc import Iterable
from typing import Any

import pytest
from tests.report.folders import write_comparison, write_run
from tests.studies.scored import Row, baseline, continued, four, row, table

from model_guidance.studies import STUDIES
from model_guidance.studies.findings import FINDINGS, findings

NETWORKS = ("resnet50", "xdnn_resnet50", "bcos_resnet50")
YES, PART, NO, NONE = "agrees", "agrees in part", "does not agree", "not measured"
BEST_EPG, BEST_IOU = (0.6, 0.5, 0.4, 0.3), (0.2, 0.6, 0.4, 0.3)
BEST_RRR = (0.4, 0.3, 0.2, 0.7)


def each(values: Iterable[list[Row]]) -> list[Row]:
    return [row for rows in values for row in rows]


def panels(score: str, *values: tuple[float, float, float, float]) -> list[Row]:
    names = zip(NETWORKS, values, strict=False)
    return each(four(score, of_losses, backbone=name) for name, of_losses in names)


def on_object(start: float, energy: float, l1: float | None, **changes: Any) -> list[Row]:
    rows = [
        continued(on_object_epg=start, **changes),
        baseline(on_object_epg=0.1, **changes),
        row(on_object_epg=energy, epg=0.6, **changes),
    ]
    return rows + ([row(loss="l1", on_object_epg=l1, epg=0.5, **changes)] if l1 is not None else [])


def objects(*of_l1: float) -> list[Row]:
    """Networks whose on-object EPG is 58 % for the baseline and 65 % for Energy."""
    pairs = zip(NETWORKS, of_l1, strict=False)
    return each(on_object(0.58, 0.65, value, backbone=name) for name, value in pairs)


def at_input(*values: float) -> list[Row]:
    pairs = zip(NETWORKS, values, strict=False)
    return each(
        [baseline(backbone=name), row(backbone=name, explainer="ixg@input", epg=value)]
        for name, value in pairs
    )


def at_final(*values: float) -> list[Row]:
    """Networks of which a baseline that was trained as long has an EPG of 40 %."""
    pairs = zip(NETWORKS, values, strict=False)
    return each(
        [baseline(backbone=name), continued(backbone=name, epg=0.4), row(backbone=name, epg=value)]
        for name, value in pairs
    )


def accuracies(*values: float) -> list[Row]:
    pairs = zip(NETWORKS, values, strict=False)
    return each(
        [baseline(backbone=name, f1=0.6), continued(backbone=name), row(backbone=name, f1=value)]
        for name, value in pairs
    )


def few(one: float | None, ten: float, full: float | None) -> list[Row]:
    """Energy with 1, 10 and 100 % of the boxes; the baseline has an EPG of 30 %."""
    fractions = {0.01: one, 0.1: ten, 1.0: full}
    return [continued(), baseline()] + [
        row(annotated=fraction, epg=epg) for fraction, epg in fractions.items() if epg is not None
    ]


def coarse(energy: float | None, l1: float | None) -> list[Row]:
    """Exact boxes give an EPG of 60 %; these are given by boxes dilated by 50 %."""
    rows = [baseline(), row(epg=0.6), row(epg=0.6, loss="l1"), row(epg=0.1, dilate=0.25)]
    given = {"energy": energy, "l1": l1}
    return rows + [row(epg=e, loss=loss, dilate=0.5) for loss, e in given.items() if e is not None]


def priced() -> list[Row]:
    """Energy has the best EPG of the four losses at a price in F1, and the second best without."""
    start, _, *others = four("epg", BEST_EPG)
    return [start, *others, row(epg=0.45), row(epg=0.6, f1=0.67)]


CASES = {
    "R1": [
        (panels("epg", BEST_EPG, BEST_EPG), YES, "in 2 of 2"),
        (panels("epg", BEST_EPG, BEST_EPG, BEST_RRR), PART, "in 2 of 3; not in voc bcos_resnet50 ixg@final"),
        (panels("epg", BEST_EPG, BEST_RRR), NO, "in 1 of 2; not in voc xdnn_resnet50 ixg@final"),
        (panels("epg", BEST_RRR), NO, "in 0 of 1"),
        (four("epg", BEST_EPG)[:4], NONE, "–"),
        (four("epg", BEST_EPG, explainer="gradcam@final"), NONE, "–"),
        (four("epg", BEST_EPG)[1:], NONE, "–"),
        ([*four("epg", BEST_EPG), row(loss="ssim", epg=0.5)], YES, "in 1 of 1"),
        ([*four("epg", BEST_EPG), row(loss="ssim", epg=0.7)], NO, "in 0 of 1"),
        # Energy is best because it pays for it: where F1 must not fall, L1 is
        (priced(), PART, "in 1 of 1; of those that lose no F1, in 0 of 1"),
    ],
    "R2": [
        (panels("iou", BEST_IOU), YES, "in 1 of 1"),
        (panels("iou", BEST_IOU, BEST_IOU, BEST_EPG), PART, "in 2 of 3"),
        (panels("iou", BEST_EPG), NO, "in 0 of 1"),
        (four("iou", BEST_IOU)[:3], NONE, "–"),
        ([*four("iou", BEST_IOU), row(loss="ssim", iou=0.1), row(loss="other", iou=0.5)], YES, "in 1 of 1"),
    ],
    "R3": [
        (on_object(0.58, 0.65, 0.59), YES, "in 1 of 1"),
        (on_object(0.58, 0.65, 0.66), NO, "in 0 of 1"),
        (on_object(0.66, 0.65, 0.59), NO, "in 0 of 1"),
        (objects(0.60, 0.60, 0.70), PART, "in 2 of 3; not in voc bcos_resnet50"),
        (on_object(0.58, 0.65, None), NONE, "–"),
        (on_object(0.58, 0.65, 0.59)[2:], NONE, "–"),
        (on_object(float("nan"), float("nan"), float("nan")), NONE, "–"),
    ],
    "R4": [
        (at_input(0.558, 0.623, 0.717), YES, "bcos_resnet50 71.7, xdnn_resnet50 62.3, resnet50 55.8"),
        (at_input(0.558, 0.723, 0.717), NO, "xdnn_resnet50 72.3, bcos_resnet50 71.7"),
        (at_input(0.558, 0.623), NONE, "–"),
        (at_final(0.5, 0.6, 0.7), NONE, "–"),
    ],
    "R5": [
        (at_final(0.5, 0.6, 0.7), YES, "in 3 of 3 (voc bcos_resnet50 ixg@final +30.0, "),
        (at_final(0.5, 0.6, 0.35), PART, "in 2 of 3; not in voc bcos_resnet50 ixg@final (voc bcos_resnet50"),
        (at_final(0.35, 0.6), NO, "voc resnet50 ixg@final -5.0"),
        (at_input(0.558, 0.623, 0.717), NONE, "–"),
    ],
    "R6": [
        (accuracies(0.72, 0.68), YES, "voc resnet50 ixg@final +2.0, voc xdnn_resnet50 ixg@final -2.0"),
        (accuracies(0.69, 0.68), NO, "voc resnet50 ixg@final -1.0"),
        ([continued(), baseline()], NONE, "–"),
    ],
    "R7": [
        (few(0.51, 0.57, 0.6), YES, "voc resnet50 ixg@final 70 and 90 %"),
        (few(0.42, 0.51, 0.6), PART, "voc resnet50 ixg@final 40 and 70 %"),
        (few(0.33, 0.36, 0.6), NO, "voc resnet50 ixg@final 10 and 20 %"),
        (few(None, 0.57, 0.6), NONE, "–"),
        (few(0.5, 0.57, None), NONE, "–"),
        (few(0.2, 0.2, 0.25), NONE, "–"),
    ],
    "R8": [
        (coarse(0.58, 0.4), YES, "voc resnet50 ixg@final -2.0 and -20.0"),
        (coarse(0.56, 0.58), PART, "voc resnet50 ixg@final -4.0 and -2.0"),
        (coarse(0.5, 0.3), NO, "voc resnet50 ixg@final -10.0 and -30.0"),
        (coarse(0.58, None), NONE, "–"),
        (coarse(None, 0.4), NONE, "–"),
    ],
}


@pytest.mark.parametrize(
    ("name", "rows", "verdict", "measured"),
    [(name, *case) for name, cases in CASES.items() for case in cases],
    ids=[f"{name}-{place}-{case[1]}" for name, cases in CASES.items() for place, case in enumerate(cases)],
)
def test_a_finding(name, rows, verdict, measured):
    text, found = FINDINGS[name][1](table(rows))
    assert found == verdict, text
    assert measured in text
    if verdict == NONE:
        assert text == "–"


def test_every_finding_is_tested_with_every_verdict():
    assert list(CASES) == list(FINDINGS) == [f"R{place}" for place in range(1, 9)]
    for cases in CASES.values():
        assert {YES, NO, NONE} <= {verdict for _, verdict, _ in cases}


@pytest.mark.parametrize("name", FINDINGS)
def test_models_that_lose_too_much_f1_say_nothing(name):
    rows, verdict, _ = CASES[name][0]
    assert verdict == YES
    spoilt = [row | {"val f1": 0.3} if row["role"] == "guided" else row for row in rows]
    assert FINDINGS[name][1](table(spoilt)) == ("–", NONE)


@pytest.mark.parametrize("name", FINDINGS)
def test_other_controls_and_adapted_runs_change_nothing(name):
    rows, verdict, _ = CASES[name][0]
    best = {"f1": 0.99, "epg": 0.99, "iou": 0.99, "on_object_epg": 0.99}
    others = [row(role="random regions", loss="rrr", **best), row(lambda_=0.0, loss="rrr", **best)]
    assert FINDINGS[name][1](table(rows + others)) == FINDINGS[name][1](table(rows))
    assert FINDINGS[name][1](table(rows))[1] == verdict


def test_the_order_of_the_rows_does_not_matter():
    rows = [{**row, "data": name} for name, cases in CASES.items() for row in cases[0][0]]
    for _, finding in FINDINGS.values():
        assert finding(table(rows)) == finding(table(rows[::-1]))


@pytest.mark.parametrize("name", ["R3", "R5", "R6", "R7"])
def test_a_network_whose_baseline_was_not_looked_at_is_not_compared(name):
    rows, verdict, _ = CASES[name][0]
    unseen = {"backbone": "small", "explainer": "ixg@input"}
    guided = [row | {"backbone": "small"} for row in rows if row["role"] == "guided"]
    found = FINDINGS[name][1](table([*rows, continued(**unseen), baseline(**unseen), *guided]))
    assert found == FINDINGS[name][1](table(rows))
    assert found[1] == verdict


def checked(found: list[Any]) -> dict[str, str]:
    assert [row["finding"] for row in found] == list(FINDINGS)
    for each in found:
        assert list(each) == ["finding", "paper", "measured", "verdict"]
        assert all(isinstance(text, str) and text for text in each.values())
    return {row["finding"]: row["verdict"] for row in found}


def test_findings_of_run_folders(tmp_path):
    verdicts = checked(findings([write_comparison(tmp_path)]))
    assert verdicts["R5"] == YES
    assert verdicts["R6"] == NO
    assert {verdicts[name] for name in ("R1", "R2", "R3", "R4", "R7", "R8")} == {NONE}


def test_findings_that_are_named(tmp_path):
    folder = write_comparison(tmp_path)
    assert findings([folder], ("R6", "R2")) == [findings([folder])[place] for place in (5, 1)]
    assert findings([folder], ()) == []


def test_every_finding_has_a_study_and_every_study_known_findings():
    named = [name for study in STUDIES.values() for name in study.findings]
    assert set(named) == set(FINDINGS)
    assert not any(study.findings for study in STUDIES.values() if study.ours)


def test_findings_are_about_several_classes_per_image(tmp_path):
    single = {"accuracy": 0.7, "worst_group": 0.2, "epg": 0.3, "iou": 0.2}
    write_run(tmp_path / "base", [single])
    write_run(tmp_path / "guided", [{**single, "epg": 0.8}], lambda_=1.0)
    assert set(checked(findings([tmp_path])).values()) == {NONE}


def test_runs_with_one_class_per_image_are_left_aside(tmp_path):
    write_comparison(tmp_path / "several")
    before = findings([tmp_path / "several"])
    single = {"accuracy": 0.7, "worst_group": 0.2, "epg": 0.3, "iou": 0.2}
    write_run(tmp_path / "one", [single], data="waterbirds")
    write_run(tmp_path / "other", [{**single, "epg": 0.9}], data="waterbirds", lambda_=1.0)
    assert findings([tmp_path]) == before
