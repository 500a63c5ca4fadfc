"""The list of runs: what they share, and in what they differ."""

from tests.report.folders import scores, write_run

from model_guidance.report.read.results import read_results
from model_guidance.report.tables.settings import common_settings, run_table, versions
from model_guidance.runs.history import read_cost


def test_each_setting_is_either_common_or_a_column(tmp_path):
    base = write_run(tmp_path / "base", [scores(0.7, 0.3)], options={"difficult": True})
    start = str(base / "best.safetensors")
    write_run(tmp_path / "guided", [scores(0.7, 0.5)], options={}, lambda_=1.0, weights=start)
    results = read_results([tmp_path])
    table = run_table(results, ["base", "guided"], {"base": "baseline", "guided": "Energy"}).text
    assert table["options"].tolist() == ["difficult True", "none"]
    assert table["weights"].tolist() == ["imagenet", "base/best"]
    assert table["lambda"].tolist() == ["0.0", "1.0"]
    assert table["configuration"].tolist() == ["baseline", "Energy"]
    assert table["ms per step"].tolist() == ["250", "250"]
    common = common_settings(results, ["base", "guided"])
    assert common["data"] == "voc"
    assert common["method"] == "–"
    assert not set(common) & set(table.columns)
    assert versions(results) == ["model-guidance 0.1.0"]


def test_an_older_run_does_not_say_how_long_a_step_took(tmp_path):
    folder = write_run(tmp_path / "base", [scores(0.7, 0.3)])
    (folder / "timing.json").unlink()
    results = read_results([tmp_path])
    assert read_cost(results.runs["base"].folder) is None
    assert "ms per step" not in run_table(results, ["base"], {"base": "baseline"}).text
