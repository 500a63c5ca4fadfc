"""The verdicts of a report: by the rule of `repair`, from what runs kept, a sentence or a row for each."""

from dataclasses import replace

import pandas as pd
import pytest
from tests.evidence import counted, evidence
from tests.report.folders import compared, read_results, scores, write_attribution, write_run

from model_guidance.metrics.repair import beyond, repair
from model_guidance.report.page import write_report
from model_guidance.report.tables import classes, groups, verdicts
from model_guidance.report.tables.controls import controls, last_epochs
from model_guidance.report.tables.overview import overview
from model_guidance.report.verdict import NOT_GUIDED, told
from model_guidance.report.verdict import verdicts as judged
from model_guidance.runs.evidence import other_evidence, write_evidence

ROW = scores(0.9, 0.3)


def write(folder, found=None, **settings):
    """Write a run, and the evidence that it kept."""
    run = write_run(folder, [ROW], **settings)
    if found is not None:
        write_evidence(run, found)
    return run


def verdicts_of(folder):
    tested, models = compared(folder)
    return judged(read_results([folder]), tested, last_epochs(tested, models))


def sentences(folder) -> list[str]:
    return told(verdicts_of(folder))


@pytest.mark.parametrize(
    ("guided", "start"),
    [
        (
            counted((50, 50)),
            "repaired: the behaviour is better, and no gap is left that matters. Worst",
        ),
        (
            counted((50, 30)),
            "partly repaired: the behaviour is better, and a gap is left. Worst group 20.0 to",
        ),
        (
            counted((50, 2)),
            "harmed: the behaviour is worse, or many more images are wrong. Overall 60.0 to 52.0 (-8.0, 95",
        ),
        (
            counted((50, 10)),
            "unchanged: neither behaviour nor maps have changed. Worst group 20.0 to 20.",
        ),
    ],
)
def test_guided_beside_the_baseline_as_repair_words_it(tmp_path, guided, start):
    write(tmp_path / "base", counted((50, 10)))
    write(tmp_path / "guided", guided, lambda_=1.0)
    (found,) = sentences(tmp_path)
    assert found.startswith(f"Energy, in the last epoch: {start}")
    assert found.endswith(repair([guided], [counted((50, 10))]).sentence[1:])


def test_all_seeds_of_a_configuration_are_one_verdict(tmp_path):
    found = {"base": [], "guided": []}
    for seed in (0, 1, 2):
        for name, worst, weight in (("base", 0.3, 0.0), ("guided", 0.6, 1.0)):
            found[name].append(evidence(groups=(0.9, worst), seed=10 * seed + int(weight)))
            write(tmp_path / f"{name}-{seed}", found[name][-1], lambda_=weight, seed=seed)
    (said,) = sentences(tmp_path)
    whole = repair(found["guided"], found["base"]).sentence
    assert said == f"Energy, in the last epoch, 3 seeds: {whole[0].lower()}{whole[1:]}"


def test_the_baseline_is_the_one_that_was_trained_as_long(tmp_path):
    base = write(tmp_path / "base", counted((50, 0)))
    write(tmp_path / "more", counted((50, 40)), weights=str(base / "best.safetensors"))
    write(tmp_path / "guided", counted((50, 40)), lambda_=1.0)
    assert sentences(tmp_path)[0].startswith("Energy, in the last epoch: unchanged")


@pytest.mark.parametrize(("control", "certain"), [(20, True), (39, False), (45, False)])
def test_random_regions_stand_beside_the_same_means(tmp_path, control, certain):
    write(tmp_path / "base", counted((50, 10)))
    write(tmp_path / "guided", counted((50, 40)), lambda_=1.0, annotated=0.1)
    write(tmp_path / "random", counted((50, control)), lambda_=2.0, annotated=0.1, regions="random")
    write(tmp_path / "other loss", counted((50, 0)), lambda_=2.0, annotated=0.1, regions="random", loss="l1")
    write(tmp_path / "other share", counted((50, 0)), lambda_=2.0, regions="random")
    (found,) = sentences(tmp_path)
    assert found.endswith(beyond([counted((50, 40))], [counted((50, control))]).sentence)
    assert ("may have gained as much" in found or "gained more" in found) == (not certain)


def test_controls_of_other_means_are_none(tmp_path):
    write(tmp_path / "base", counted((50, 10)))
    write(tmp_path / "guided", counted((50, 40)), lambda_=1.0, annotated=0.1)
    control = {"lambda_": 1.0, "regions": "random"}
    write(tmp_path / "random", counted((50, 40)), **control, annotated=0.2)
    write(tmp_path / "weighted", counted((50, 40)), **control, annotated=0.1, weighting="groups")
    assert "Beyond" not in sentences(tmp_path)[0]


def test_many_configurations_are_counted_and_stand_in_a_table(tmp_path):
    write(tmp_path / "base", counted((50, 10)))
    for loss, right in {"energy": 50, "l1": 50, "ppce": 30, "rrr": 10}.items():
        write(tmp_path / loss, counted((50, right)), loss=loss, lambda_=1.0)
        write(tmp_path / f"{loss}-random", counted((50, 31)), loss=loss, lambda_=1.0, regions="random")
    first, second = sentences(tmp_path)
    assert first == (
        "In the last epoch, of 4 configurations: repaired (2): Energy; L1. "
        "partly repaired (1): PPCE. unchanged (1): RRR*. The figures stand in the table of verdicts."
    )
    assert second.startswith("Random regions may have gained as much as PPCE; RRR*: these")
    table = verdicts.verdict_table(verdicts_of(tmp_path))
    table.write(tmp_path / "tables")
    rows = pd.read_csv(tmp_path / "tables" / "verdicts.csv").set_index("configuration")
    assert len(rows) == 8
    energy = rows.loc["Energy"]
    assert (energy["verdict"], energy["seeds"]) == ("repaired", 1)
    assert (energy["worst group before"], energy["worst group after"]) == (20, 100)
    assert energy["worst group change value"] == pytest.approx(80)
    assert energy["worst group change low"] < 80 < energy["worst group change high"]
    assert (energy["EPG before"], energy["EPG of an even map"]) == (20, 20)
    assert energy["gap left value"] == 0
    assert energy["beyond random regions value"] == pytest.approx(38)
    assert rows.loc["Energy, random regions", "verdict"] == "partly repaired"
    assert pd.isna(rows.loc["Energy, random regions", "beyond random regions value"])
    assert "+80.0 (+" in (tmp_path / "tables" / "verdicts.md").read_text()
    assert r"\label{tab:verdicts}" in (tmp_path / "tables" / "verdicts.tex").read_text()


def test_one_configuration_needs_no_table(tmp_path):
    write(tmp_path / "base", counted((50, 10)))
    write(tmp_path / "guided", counted((50, 50)), lambda_=1.0)
    assert verdicts.verdict_table(verdicts_of(tmp_path)) is None


def test_runs_without_evidence_are_named_and_nothing_is_scored(tmp_path):
    base = write(tmp_path / "base", counted((50, 10)))
    guided = write(tmp_path / "guided", lambda_=1.0)
    write(tmp_path / "l1", counted((50, 50)), lambda_=1.0, loss="l1")
    energy, l1 = sentences(tmp_path)
    assert energy == (
        "Energy, in the last epoch: not judged: what each model does with each test image, under maps of "
        f"ixg@final, was not kept by {guided}; `model-guidance verdict {guided} --baseline {base}` scores "
        "and keeps it."
    )
    assert l1.startswith("L1, in the last epoch: repaired")


def test_a_baseline_that_was_explained_otherwise(tmp_path):
    base = write(tmp_path / "base", counted((50, 10)))
    write_attribution(base, "ixg@input", 0.2)
    guided = write(tmp_path / "guided", counted((50, 50)), lambda_=1.0, layer="input")
    assert f"under maps of ixg@input, was not kept by {base}; `model-guidance verdict {guided}" in "".join(
        sentences(tmp_path)
    )
    (base / "attributions" / "ixg@input.json").unlink()
    assert f"was not kept by {base};" in sentences(tmp_path)[0], "it was never scored under these maps"
    write_evidence(base, counted((50, 10)), other_evidence("ixg@input"))
    assert sentences(tmp_path)[0].startswith("Energy, in the last epoch: repaired")


def test_other_images_and_few_images_are_one_sentence_each(tmp_path):
    write(tmp_path / "base", counted((50, 10)))
    write(tmp_path / "guided", counted((40, 40), images=80), lambda_=1.0)
    assert sentences(tmp_path) == [
        "Energy, in the last epoch: not judged: the runs were not tested on the same images: compare runs on "
        "the same data."
    ]
    for name, right in (("base", 0), ("guided", 2)):
        write_evidence(tmp_path / name, counted((3, right), images=5))
    assert "cannot be told: no change is certain, nor that there is none; 2 images" in sentences(tmp_path)[0]


def test_runs_that_were_tested_on_different_regions_are_judged_on_those_that_both_kept(tmp_path):
    one = "a" * 32
    base = write(tmp_path / "base", replace(counted((50, 10)), regions="b"))
    guided = write(tmp_path / "guided", replace(counted((50, 50)), regions=one), lambda_=1.0)
    assert sentences(tmp_path) == [
        "Energy, in the last epoch: not judged: these runs were tested on different regions: "
        f"{guided}, {base}; `model-guidance verdict {guided} --baseline {base}` scores again what it takes."
    ]
    write_evidence(base, replace(counted((50, 10)), regions=one), other_evidence("ixg@final", one))
    assert sentences(tmp_path)[0].startswith("Energy, in the last epoch: repaired")


def test_a_control_that_cannot_be_judged_is_named(tmp_path):
    write(tmp_path / "base", counted((50, 10)))
    write(tmp_path / "guided", counted((50, 50)), lambda_=1.0)
    random = write(tmp_path / "random", lambda_=1.0, regions="random")
    first, second = sentences(tmp_path)
    assert "Beyond" not in first
    assert second.startswith("Energy, random regions, in the last epoch: not judged")
    assert f"not kept by {random};" in second
    write_evidence(random, counted((40, 40), images=80))
    first, second = sentences(tmp_path)
    assert "Beyond" not in first
    assert "not tested on the same images" in second


def test_the_page_and_the_report_hold_the_sentences(tmp_path):
    write(tmp_path / "runs" / "base", counted((50, 10)))
    write(tmp_path / "runs" / "guided", counted((50, 50)), lambda_=1.0)
    write(tmp_path / "runs" / "random", counted((50, 48)), lambda_=1.0, regions="random")
    report = write_report([tmp_path / "runs"], tmp_path / "out", "Page")
    text = report.page.read_text()
    assert report.verdicts == sentences(tmp_path / "runs")
    assert "may have gained as much" in text
    assert 'id="section-1-verdicts"' in text
    assert (tmp_path / "out" / "tables" / "verdicts.tex").is_file()


def test_the_sentence_and_the_tables_say_in_the_same_words_which_epoch_they_are_of(tmp_path):
    write(tmp_path / "base", counted((50, 10)))
    write(tmp_path / "guided", counted((50, 50)), lambda_=1.0)
    write(tmp_path / "random", counted((50, 20)), lambda_=1.0, regions="random")
    table, models = compared(tmp_path)
    first, second = overview(models), controls(last_epochs(table, models))
    chosen, last = "in the epoch that validation chose", "in the last epoch"
    assert chosen in first.title
    assert chosen in first.caption
    assert last in second.title
    assert last in second.caption
    assert last in sentences(tmp_path)[0]
    assert last in verdicts.verdict_table(verdicts_of(tmp_path)).title
    assert last in classes.CAPTION
    assert chosen in groups.CAPTION
    assert last in groups.CAPTION


def test_what_nobody_can_judge(tmp_path):
    write(tmp_path / "a" / "base", counted((50, 50)))
    assert sentences(tmp_path / "a") == [NOT_GUIDED]
    guided = write(tmp_path / "b" / "guided", counted((50, 50)), lambda_=1.0)
    assert sentences(tmp_path / "b") == [
        "Energy, in the last epoch: not judged: there is no baseline among these runs; `model-guidance "
        f"verdict {guided} --baseline RUN` judges it."
    ]


def test_seeds_with_images_of_their_own_are_judged_together(tmp_path):
    """As drawn data have them, whose regions differ as well: each seed's are the same on both sides."""
    for seed in (0, 1):
        drawn = {"images": f"images of seed {seed}", "regions": f"regions of seed {seed}"}
        write(tmp_path / f"base-{seed}", replace(counted((50, 10)), **drawn), seed=seed)
        write(tmp_path / f"guided-{seed}", replace(counted((50, 50)), **drawn), seed=seed, lambda_=1.0)
    (sentence,) = sentences(tmp_path)
    assert "repaired: the behaviour is better" in sentence
    other = replace(counted((50, 50)), images="others", regions="regions of seed 1")
    write_evidence(tmp_path / "guided-1", other)
    (sentence,) = sentences(tmp_path)
    assert "the runs were not tested on the same images" in sentence


def test_seeds_of_an_earlier_version_that_drew_their_own_images_are_judged_together(tmp_path):
    """Their evidence does not say on which images it is; that their regions are others is no fault then."""
    for seed in (0, 1):
        options = {"seed": seed}
        for name, found, lambda_ in (("base", counted((50, 10)), 0.0), ("guided", counted((50, 50)), 1.0)):
            drawn = replace(found, area=found.area / (1 + seed))
            write(tmp_path / f"{name}-{seed}", drawn, seed=seed, options=options, lambda_=lambda_)
    (sentence,) = sentences(tmp_path)
    assert "repaired: the behaviour is better" in sentence
