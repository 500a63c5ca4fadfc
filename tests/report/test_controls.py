"""Whether behaviour follows the map: a second attribution, replaced pixels, and runs where they disagree."""

import pytest
from tests.report.folders import compared, scores, write_comparison, write_run
from tests.report.folders import controls as controls_of

from model_guidance.report.disagreement import disagreements
from model_guidance.report.tables.controls import controls, last_epochs


@pytest.fixture
def comparison(tmp_path):
    return compared(write_comparison(tmp_path))


def test_controls(comparison):
    text = controls(last_epochs(*comparison)).text.set_index("configuration")
    energy = text.loc["Energy"]
    assert energy[["EPG", "EPG of the baseline"]].tolist() == ["82.5 ± 0.0", "30.0 ± 0.0"]
    assert energy[["second attribution", "second EPG", "second EPG of the baseline"]].tolist() == [
        "ixg@input",
        "25.0 ± 0.0",
        "20.0 ± 0.0",
    ]
    assert energy[["intact", "outside replaced", "reliance gap"]].tolist() == [
        "70.0 ± 0.0",
        "60.0 ± 0.0",
        "10.0 ± 0.0",
    ]
    assert "Energy, random regions" in text.index


def test_runs_whose_epg_fell_under_the_second_attribution_are_listed(comparison):
    lines = disagreements(last_epochs(*comparison))
    assert len(lines) == 2
    assert lines[0].startswith("l1-1-0: EPG rose from 30.0 to 67.5, but under ixg@input")
    assert lines[0].endswith("it fell from 20.0 to 15.0")


@pytest.mark.parametrize(
    ("outside", "worst", "listed"),
    [(0.4, 0.1, True), (0.5, 0.1, True), (0.6, 0.1, False), (0.5, 0.3, False)],
)
def test_runs_whose_behaviour_did_not_follow_are_listed(tmp_path, outside, worst, listed):
    def row(epg, outside, worst):
        scored = {"accuracy": 0.7, "worst_group": worst, "epg": epg, "groups": {"a": {"accuracy": worst}}}
        return {**scored, **controls_of(0.7, outside)}

    write_run(tmp_path / "base", [row(0.3, 0.5, 0.1)])
    write_run(tmp_path / "guided", [row(0.9, outside, worst)], lambda_=1.0)
    lines = disagreements(last_epochs(*compared(tmp_path)))
    assert bool(lines) == listed
    assert all(line.startswith("guided: EPG rose from 30.0 to 90.0, but the reliance gap") for line in lines)


@pytest.mark.parametrize(("outside", "listed"), [(0.49, True), (0.51, False), (0.695, False)])
def test_without_groups_a_gap_of_a_point_or_less_is_none(tmp_path, outside, listed):
    write_run(tmp_path / "base", [scores(0.7, 0.3, **controls_of(0.7, 0.5))])
    write_run(tmp_path / "guided", [scores(0.7, 0.9, **controls_of(0.7, outside))], lambda_=1.0)
    assert bool(disagreements(last_epochs(*compared(tmp_path)))) == listed
