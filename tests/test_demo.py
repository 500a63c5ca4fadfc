"""The demonstration from end to end, in small: four models, one table, one self-contained page."""

import re
from pathlib import Path

import pytest
from markupsafe import escape

from model_guidance import cli
from model_guidance.commands import demo
from model_guidance.errors import UserError
from model_guidance.runs.folder import Run
from tests.report.folders import scores, write_run


@pytest.fixture
def in_small(monkeypatch):
    monkeypatch.setitem(demo.SETTINGS, "size", 32)
    monkeypatch.setitem(demo.OPTIONS, "count", 24)
    monkeypatch.setattr(demo, "START", 1)
    monkeypatch.setattr(demo, "REST", 1)


@pytest.mark.slow
def test_it_trains_prints_and_writes_a_page(in_small, capsys, tmp_path):
    cli.main(["demo", f"--out={tmp_path}", "--seeds=2"])
    printed = capsys.readouterr().out
    for name in [*demo.MODELS, "±", "worst group", "seed by seed"]:
        assert name in printed
    lines = printed.splitlines()
    for start in ("Guided, beside the baseline. ", "Beyond random regions: worst group "):
        (sentence,) = [line for line in lines if line.startswith(start)]
        assert "95 % interval" in sentence
        assert escape(sentence) in (tmp_path / "index.html").read_text()
    for name in ("Random boxes", "Ceiling"):
        (sentence,) = [line for line in lines if line.startswith(f"{name}, beside the baseline: ")]
        assert sentence in (tmp_path / "index.html").read_text()
    page = (tmp_path / "index.html").read_text()
    assert "data:image/jpeg;base64," in page
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    runs = {path.name: Run.open(path) for path in (tmp_path / "seed-1").iterdir() if path.name != "cache"}
    assert runs.keys() == {"start", "baseline", "guided", "random-boxes", "ceiling"}
    assert runs["random-boxes"].config.regions == "random"
    assert runs["guided"].config.annotated == runs["random-boxes"].config.annotated == 0.1
    assert runs["ceiling"].config.epochs == runs["start"].config.epochs + runs["guided"].config.epochs


@pytest.mark.slow
def test_a_second_call_trains_nothing_again(in_small, capsys, tmp_path, monkeypatch):
    cli.main(["demo", f"--out={tmp_path}"])
    first = capsys.readouterr().out
    monkeypatch.setattr("model_guidance.runs.train.train_run", lambda *_: pytest.fail("trained again"))
    cli.main(["demo", f"--out={tmp_path}"])
    assert capsys.readouterr().out == first


@pytest.mark.slow
def test_a_folder_by_another_name_is_not_trained_again(in_small, tmp_path, monkeypatch):
    """What was begun there is trained anew: the weights it came from are no longer where it says."""
    monkeypatch.chdir(tmp_path)
    demo._train("guided", 0, Path("demo/seed-0"))
    (tmp_path / "demo").rename("moved")
    with monkeypatch.context() as patch:
        patch.setattr("model_guidance.runs.train.train_run", lambda *_, **__: pytest.fail("trained again"))
        for folder in (Path("moved/seed-0"), tmp_path / "moved/seed-0"):
            demo._train("guided", 0, folder)
    (tmp_path / "moved/seed-0/guided/result.json").unlink()
    assert demo._train("guided", 0, tmp_path / "moved/seed-0").result is not None


def test_a_run_of_other_settings_is_not_replaced(in_small, tmp_path):
    write_run(tmp_path / "seed-0" / "ceiling", [scores(0.5, 0.5)])
    with pytest.raises(
        UserError, match="ceiling: this run is none of this demonstration, choose another --out"
    ):
        demo._train("ceiling", 0, tmp_path / "seed-0")
