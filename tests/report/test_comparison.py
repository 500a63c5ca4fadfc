"""The numbers in the tables, against numbers that were computed by hand."""

import pytest
from tests.report.folders import compared, of_classes, scores, write_attribution, write_comparison, write_run
from tests.report.folders import controls as controls_of

from model_guidance.report.read.reported import CHOSEN, LAST, by_configuration, too_strong, unrepresented
from model_guidance.report.read.results import read_results
from model_guidance.report.read.score import Spread
from model_guidance.report.section import make_section
from model_guidance.report.tables.classes import class_table
from model_guidance.report.tables.controls import controls, last_epochs
from model_guidance.report.tables.groups import group_table
from model_guidance.report.tables.overview import overview


@pytest.fixture
def comparison(tmp_path):
    return compared(write_comparison(tmp_path))


def test_the_representative_costs_at_most_five_points_and_has_the_highest_epg(comparison):
    models = comparison[1].query("configuration == 'Energy'")
    assert models["epoch"].tolist() == [2, 2]  # the third epoch has a higher EPG, but lost ten points
    assert models["lambda"].tolist() == [1.0, 1.0]
    assert models["epg"].tolist() == pytest.approx([0.65, 0.65])


def test_it_is_chosen_on_validation_and_reported_on_test(tmp_path):
    write_run(tmp_path / "base", [scores(0.70, 0.3)])
    test = [scores(0.60, 0.90), scores(0.69, 0.50)]
    validation = [scores(0.70, 0.40), scores(0.69, 0.80)]
    write_run(tmp_path / "guided", test, validation, lambda_=1.0)
    model = compared(tmp_path)[1].query("role == 'guided'")
    assert model[["epoch", "f1", "epg"]].to_numpy().tolist() == [[2, 0.69, 0.50]]


def test_a_seed_without_a_good_enough_model_is_named_and_not_averaged(tmp_path):
    write_run(tmp_path / "base", [scores(0.80, 0.3)])
    write_run(tmp_path / "good", [scores(0.76, 0.6)], lambda_=1.0, seed=0)
    write_run(tmp_path / "bad", [scores(0.74, 0.9)], lambda_=1.0, seed=1)
    models = compared(tmp_path)[1]
    assert unrepresented(models) == ["Energy (seed 1/0)"]
    energy = overview(models).text.set_index("configuration").loc["Energy"]
    assert energy[["seeds", "F1", "EPG"]].tolist() == ["1 of 2", "76.0", "60.0"]
    assert "bad" in last_epochs(*compared(tmp_path))["run"].tolist()


def test_runs_guided_by_other_annotations_are_other_configurations(tmp_path):
    write_run(tmp_path / "base", [scores(0.80, 0.3)])
    write_run(tmp_path / "own", [scores(0.80, 0.6)], lambda_=1.0)
    write_run(tmp_path / "first", [scores(0.80, 0.7)], lambda_=1.0, annotations="round1/boxes.json")
    write_run(tmp_path / "both", [scores(0.80, 0.9)], lambda_=1.0, annotations=["a.json", "b.csv"])
    rows = overview(compared(tmp_path)[1]).text.set_index("configuration")["EPG"]
    assert rows.drop("baseline").to_dict() == {
        "Energy": "60.0",
        "Energy, regions of round1/boxes.json": "70.0",
        "Energy, regions of a.json and b.csv": "90.0",
    }


def test_a_configuration_that_costs_too_much_keeps_its_row(tmp_path):
    write_run(tmp_path / "base", [scores(0.80, 0.3)])
    write_run(tmp_path / "bad", [scores(0.70, 0.9), scores(0.74, 0.8)], lambda_=1.0)
    tested, models = compared(tmp_path)
    assert overview(models).text.loc[1, ["configuration", "seeds", "F1"]].tolist() == [
        "Energy",
        "0 of 1",
        "–",
    ]
    assert models["epoch"].tolist() == [1, 2]
    assert controls(last_epochs(tested, models)).text["EPG"].tolist() == ["30.0", "80.0"]


def test_without_a_baseline_the_best_of_the_runs_is_the_measure(tmp_path):
    write_run(tmp_path / "guided", [scores(0.80, 0.3), scores(0.76, 0.6), scores(0.7, 0.9)], lambda_=1.0)
    assert compared(tmp_path)[1]["epoch"].tolist() == [2]


def test_overview(comparison):
    table = overview(comparison[1])
    text = table.text.set_index("configuration")
    assert list(text.index) == ["baseline", "Energy", "L1", "Energy, random regions"]
    assert text.loc["baseline", ["seeds", "λ", "F1", "EPG", "Δ EPG"]].tolist() == [
        "2",
        "–",
        "71.0 ± 1.4",
        "30.0 ± 0.0",
        "–",
    ]
    assert text.loc["Energy", ["λ", "F1", "EPG", "Δ F1", "Δ EPG"]].tolist() == [
        "1",
        "69.0 ± 1.4",
        "65.0 ± 0.0",
        "-2.0 ± 1.4",
        "+35.0 ± 0.0",
    ]
    assert text.loc["Energy, random regions", "Δ EPG"] == "+2.0 ± 0.0"
    assert text.loc["L1", "published"] == "EPG 63.5 @ F1 80.2 (reproduction)"
    numbers = table.numbers.set_index("configuration")
    assert numbers.loc["L1", "EPG mean"] == pytest.approx(55)
    assert numbers.loc["L1", "F1 deviation"] == pytest.approx(2**0.5)


def test_a_baseline_is_compared_under_the_attribution_that_was_guided(tmp_path):
    base = write_run(tmp_path / "base", [scores(0.7, 0.3)])
    write_attribution(base, "gradcam@final", 0.2)
    write_run(tmp_path / "guided", [scores(0.7, 0.5)], lambda_=1.0, method="gradcam")
    text = overview(compared(tmp_path)[1]).text
    assert text["EPG"].tolist() == ["20.0", "50.0"]
    assert text["Δ EPG"].tolist() == ["–", "+30.0"]


def test_both_baselines_are_shown_and_the_one_with_the_same_budget_is_the_measure(tmp_path):
    birds, start = {"data": "waterbirds"}, str(tmp_path / "base" / "best.safetensors")
    write_run(tmp_path / "base", [scores(0.7, 0.3)], **birds)
    write_run(tmp_path / "more", [scores(0.72, 0.34)], **birds, weights=start)
    write_run(tmp_path / "top", [scores(0.9, 0.4)], **birds, options={"training": "mixed"})
    write_run(tmp_path / "guided", [scores(0.71, 0.5)], **birds, lambda_=1.0)
    text = overview(compared(tmp_path)[1]).text.set_index("configuration")
    assert list(text.index) == ["baseline", "baseline, continued", "Energy", "ceiling"]
    assert text["Δ EPG"].tolist() == ["–", "–", "+16.0", "+6.0"]


def test_groups_of_the_best_and_the_last_epoch(tmp_path):
    def row(accuracy, epg, worst):
        groups = {"a": {"accuracy": accuracy}, "b": {"accuracy": worst}}
        return {"accuracy": accuracy, "worst_group": worst, "epg": epg, "iou": 0.1, "groups": groups}

    write_run(tmp_path / "base", [row(0.9, 0.3, 0.1), row(0.8, 0.3, 0.2)])
    for seed, worst in ((0, 0.5), (1, 0.7)):
        write_run(tmp_path / f"g{seed}", [row(0.9, 0.5, 0.2), row(0.85, 0.8, worst)], lambda_=1.0, seed=seed)
    text = group_table(*compared(tmp_path)).text
    assert text[["configuration", "epoch", "worst", "overall"]].to_numpy().tolist() == [
        ["baseline", "best", "10.0", "90.0"],
        ["baseline", "last", "20.0", "80.0"],
        ["Energy", "best", "20.0 ± 0.0", "90.0 ± 0.0"],
        ["Energy", "last", "60.0 ± 14.1", "85.0 ± 0.0"],
    ]


def test_the_adjusted_average_stands_beside_the_other_where_it_is_known(tmp_path):
    row = {"accuracy": 0.6, "epg": 0.3, "groups": {"a": {"accuracy": 0.9}, "b": {"accuracy": 0.3}}}
    write_run(tmp_path / "old", [{**row, "worst_group": 0.3}])
    assert "adjusted" not in group_table(*compared(tmp_path)).text
    write_run(tmp_path / "new", [{**row, "worst_group": 0.3, "adjusted_accuracy": 0.87}], lambda_=1.0)
    text = group_table(*compared(tmp_path)).text.set_index(["configuration", "epoch"])
    assert text.loc[("Energy", "last"), ["worst", "overall", "adjusted"]].tolist() == ["30.0", "60.0", "87.0"]
    assert text.loc[("baseline", "last"), "adjusted"] == "–"


def test_a_group_called_like_a_column_has_one_of_its_own(tmp_path):
    groups = {"overall": {"accuracy": 0.1}, "runs": {"accuracy": 0.9}}
    write_run(tmp_path / "one", [{"accuracy": 0.6, "worst_group": 0.1, "epg": 0.3, "groups": groups}])
    row = group_table(*compared(tmp_path)).text.iloc[0]
    names = ["runs", "overall", "group overall", "group runs"]
    assert row[names].tolist() == ["1", "60.0", "10.0", "90.0"]


def test_classes_stand_beside_the_baseline_that_was_trained_as_long(tmp_path):
    for name, epochs, ap in (("short", 1, 0.2), ("long", 3, 0.6)):
        write_run(tmp_path / name, [scores(0.7, 0.3, **of_classes(ap, 0.3))] * epochs)
    write_run(tmp_path / "guided", [scores(0.7, 0.6, **of_classes(0.7, 0.6))] * 3, lambda_=1.0)
    tested, models = compared(tmp_path)
    last = last_epochs(tested, models)
    assert class_table(last, "resnet50", "ixg@final", "x").text["AP, baseline"].tolist() == ["60.0", "60.0"]
    assert by_configuration(models)["baseline"]["run"].tolist() == ["long"]


def test_there_is_no_group_table_without_groups(comparison):
    assert group_table(*comparison) is None


def test_classes(comparison):
    table = class_table(last_epochs(*comparison), "resnet50", "ixg@final", "x")
    text = table.text.set_index("class")
    assert list(text.index) == ["cat", "dog"]
    assert text.loc["cat", ["AP, baseline", "EPG, baseline", "EPG, Energy", "EPG, L1"]].tolist() == [
        "60.0 ± 0.0",
        "30.0 ± 0.0",
        "65.0 ± 0.0",
        "55.0 ± 0.0",
    ]


def test_spread_of_one_many_and_none():
    assert str(Spread.of([0.5])) == "50.0"
    assert str(Spread.of([0.5, 0.7])) == "60.0 ± 14.1"
    assert str(Spread.of([0.5, float("nan")], 0.6)) == "-10.0"
    assert Spread.of([]) is Spread.of([float("nan")]) is Spread.of([0.5], float("nan")) is None


def test_a_lambda_that_collapsed_is_named(tmp_path):
    write_run(tmp_path / "base", [scores(0.80, 0.3)])
    write_run(tmp_path / "good", [scores(0.78, 0.6)], lambda_=1.0)
    write_run(tmp_path / "collapsed", [scores(0.5, 0.2)], lambda_=2.5)
    assert too_strong(compared(tmp_path)[0]) == ["λ 2.5 of Energy"]


def test_a_configuration_without_a_fixed_lambda_is_too_strong_without_one(tmp_path):
    write_run(tmp_path / "base", [scores(0.80, 0.3)])
    write_run(tmp_path / "adapted", [scores(0.60, 0.9)], target_epg=0.9)
    assert too_strong(compared(tmp_path)[0]) == ["Energy"]


def test_seeds_of_a_configuration_are_named_together_and_its_maps_where_there_are_several(tmp_path):
    write_run(tmp_path / "base", [scores(0.80, 0.3)])
    for seed in (0, 1):
        settings = {"seed": seed, "annotation_seed": seed}
        write_run(tmp_path / f"bad{seed}", [scores(0.74, 0.9)], lambda_=1.0, **settings)
    write_run(tmp_path / "bad", [scores(0.74, 0.9)], lambda_=1.0, layer="input", annotation_seed=1)
    assert unrepresented(compared(tmp_path)[1]) == [
        "Energy, ixg@final (seeds 0, 1)",
        "Energy, ixg@input (seed 0/1)",
    ]


def test_frozen_layers_are_a_configuration_of_their_own(tmp_path):
    write_run(tmp_path / "base", [scores(0.7, 0.3)])
    write_run(tmp_path / "whole", [scores(0.7, 0.5)], lambda_=1.0)
    write_run(tmp_path / "part", [scores(0.7, 0.4)], lambda_=1.0, frozen="mid3")
    write_run(tmp_path / "few", [scores(0.7, 0.6)], lambda_=1.0, frozen="mid3", annotated_batch=8)
    text = overview(compared(tmp_path)[1]).text.set_index("configuration")
    assert set(text.index[1:]) == {
        "Energy",
        "Energy, frozen mid3",
        "Energy, frozen mid3, beside a batch 8",
    }


def test_every_table_says_by_which_rule_its_epochs_were_chosen(tmp_path):
    groups = {"groups": {"a": {"accuracy": 0.3, "images": 4.0}}}
    write_run(
        tmp_path / "base", [scores(0.7, 0.3, **groups, **controls_of(0.7, 0.5), **of_classes(0.6, 0.3))]
    )
    guided = scores(0.7, 0.6, **groups, **controls_of(0.7, 0.6), **of_classes(0.6, 0.6))
    for loss in ("energy", "l1"):
        write_run(tmp_path / loss, [guided], lambda_=1.0, loss=loss)
    results = read_results([tmp_path])
    section = make_section(results, "title", list(results.runs))
    tables = [*section.tables, *section.classes]
    assert {table.name.partition("-")[0] for table in tables} >= {"overview", "groups", "controls", "classes"}
    for table in tables:
        assert CHOSEN in table.caption or LAST in f"{table.title} {table.caption}", table.name


WORST = {"accuracy": 0.7, "worst_group": 0.3, "epg": 0.5, "groups": {"a": {"accuracy": 0.3, "images": 4.0}}}


def test_a_longer_baseline_has_a_row_of_its_own_and_is_not_what_others_are_measured_by(tmp_path):
    """Its epochs are not those of the guided runs; the one with as many is the reference."""
    write_run(tmp_path / "short", [WORST] * 3)
    write_run(tmp_path / "long", [WORST | {"epg": 0.1, "accuracy": 0.8}] * 5)
    write_run(tmp_path / "guided", [WORST | {"epg": 0.7}] * 3, lambda_=1.0)
    tested, models = compared(tmp_path)
    cells = overview(models).text.set_index("configuration")
    assert cells.loc["Energy", ["Δ EPG", "Δ accuracy"]].tolist() == ["+20.0", "+0.0"]
    assert list(cells.index) == ["baseline, 5 epochs", "baseline, 3 epochs", "Energy"]
    rows = controls(last_epochs(tested, models)).text.set_index("configuration")
    assert rows.loc["Energy", "EPG of the baseline"] == "50.0"


def test_every_lambda_has_its_groups(tmp_path):
    """Validation that shares the bias would choose one of them, and the wrong one."""
    write_run(tmp_path / "base", [WORST])
    for value, worst in ((100.0, 0.4), (1000.0, 0.6)):
        lost = WORST | {"accuracy": 0.7 - value / 5000, "worst_group": worst}
        write_run(tmp_path / f"{value}", [lost], lambda_=value)
    text = group_table(*compared(tmp_path)).text
    last = text[text["epoch"] == "last"]
    assert last[["configuration", "λ", "worst"]].to_numpy().tolist() == [
        ["baseline", "–", "30.0"],
        ["Energy", "100", "40.0"],
        ["Energy", "1000", "60.0"],
    ]
