"""The sentence at the end of a report."""

import pytest
from tests.report.folders import Reliance, compared, read_results, write_run

from model_guidance.metrics.intervals import paired_difference
from model_guidance.metrics.verdict import NO_EVIDENCE
from model_guidance.report.tables import classes, groups
from model_guidance.report.tables.controls import controls, last_epochs
from model_guidance.report.tables.overview import overview
from model_guidance.report.verdict import NOT_GUIDED, verdict


def row(outside: float, images: int = 100):
    lost = round((0.9 - outside) * images)
    right = round(outside * images)
    gap = paired_difference(right, lost, 0, images - right - lost)
    reliance = Reliance(images, 0.9, {"mean": outside}, {"mean": 0.1}, (gap.low, gap.high))
    return {"f1": 0.9, "epg": 0.3, "pairs": 10.0, "reliance": reliance}


def sentence(folder) -> str:
    return verdict(read_results([folder]), last_epochs(*compared(folder)))


@pytest.mark.parametrize(
    ("outside", "images", "start"),
    [
        (0.88, 100, "guidance worked with Energy: loss by replacing the outside -38.0 points (95 % interval"),
        (0.2, 100, "guidance made it worse with Energy"),
        (0.5, 20, "it cannot be told from so few images whether guidance worked with Energy"),
        (0.5, 10000, "guidance changed nothing that matters with Energy"),
    ],
)
def test_guided_against_the_baseline(tmp_path, outside, images, start):
    write_run(tmp_path / "base", [row(0.5, images)])
    write_run(tmp_path / "guided", [row(outside, images)], lambda_=1.0)
    assert sentence(tmp_path).startswith(f"In the last epoch, {start}")


def test_the_baseline_is_the_one_that_was_trained_as_long(tmp_path):
    base = write_run(tmp_path / "base", [row(0.1)])
    write_run(tmp_path / "more", [row(0.88)], weights=str(base / "best.safetensors"))
    write_run(tmp_path / "guided", [row(0.88)], lambda_=1.0)
    assert sentence(tmp_path).startswith("In the last epoch, it cannot be told")


def test_many_configurations_are_counted(tmp_path):
    write_run(tmp_path / "base", [row(0.5)])
    for loss in ("energy", "l1", "ppce", "rrr"):
        write_run(tmp_path / loss, [row(0.88)], loss=loss, lambda_=1.0)
    start = "In the last epoch, guidance worked with 4 configurations, such as Energy: loss"
    assert sentence(tmp_path).startswith(start)


def test_the_sentence_and_the_tables_say_in_the_same_words_which_epoch_they_are_of(tmp_path):
    write_run(tmp_path / "base", [row(0.5)])
    write_run(tmp_path / "guided", [row(0.88)], lambda_=1.0)
    table, models = compared(tmp_path)
    first, second = overview(models), controls(last_epochs(table, models))
    chosen, last = "in the epoch that validation chose", "in the last epoch"
    assert chosen in first.title
    assert chosen in first.caption
    assert last in second.title
    assert last in second.caption
    assert last in sentence(tmp_path).lower()
    assert last in classes.CAPTION
    assert chosen in groups.CAPTION
    assert last in groups.CAPTION


def test_what_nobody_can_judge(tmp_path):
    write_run(tmp_path / "a" / "base", [row(0.5)])
    assert sentence(tmp_path / "a") == NOT_GUIDED
    write_run(tmp_path / "b" / "guided", [row(0.5)], lambda_=1.0)
    assert sentence(tmp_path / "b") == NO_EVIDENCE
