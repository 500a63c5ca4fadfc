"""For which class images are taken: as counted by hand, in figures, tables and the terminal."""

import pandas as pd
import pytest
from tests.report.folders import compared, scores, write_run

from model_guidance.evaluation import Evaluation
from model_guidance.report.figures.confusion import MOST, confusion_maps
from model_guidance.report.page import write_report
from model_guidance.report.read.confusion import classes_in, configurations, share_in
from model_guidance.report.tables.confusion import confusion_table, confusion_text
from model_guidance.report.tables.controls import last_epochs

PANEL = ("resnet50", "ixg@final")
BEFORE = {"cat": {"cat": 3.0, "dog": 1.0}, "dog": {"dog": 9.0, "cat": 1.0}}
AFTER = {"cat": {"cat": 4.0}, "dog": {"dog": 10.0}}
AGAIN = {"cat": {"cat": 2.0, "dog": 2.0}, "dog": {"dog": 10.0}}


def row(confusion: dict[str, dict[str, float]]) -> dict:
    found = scores(0.7, 0.3, confusion=confusion)
    return {"accuracy": found.pop("f1"), **{name: value for name, value in found.items() if name != "map"}}


@pytest.fixture
def last(tmp_path) -> pd.DataFrame:
    write_run(tmp_path / "base", [row(BEFORE)])
    write_run(tmp_path / "guided0", [row(AFTER)], lambda_=1.0)
    write_run(tmp_path / "guided1", [row(AGAIN)], lambda_=1.0, seed=1)
    return last_epochs(*compared(tmp_path))


def test_shares_are_of_the_images_of_a_class(last):
    columns = configurations(last, *PANEL)
    assert list(columns) == ["baseline", "Energy"]
    assert classes_in(columns.values()) == ["cat", "dog"]
    assert str(share_in(columns["baseline"], "cat", "dog")) == "25.0"
    assert str(share_in(columns["Energy"], "cat", "dog")) == "25.0 ± 35.4"
    assert str(share_in(columns["Energy"], "dog", "dog")) == "100.0 ± 0.0"


def test_the_figure_has_every_share(last):
    figure = confusion_maps("confusion", last, *PANEL).figure
    numbers = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert numbers == [["75", "25", "10", "90"], ["75", "25", "100"]]
    assert [axes.get_title() for axes in figure.axes] == ["baseline", "Energy"]


def test_the_table_has_them_too_and_is_written(last, tmp_path):
    table = confusion_table(last, *PANEL, "x")
    assert table.cells[["class", "taken for"]].agg(" ".join, axis=1).tolist() == [
        "cat cat",
        "cat dog",
        "dog cat",
        "dog dog",
    ]
    table.write(tmp_path)
    assert pd.read_csv(tmp_path / "confusion-x.csv")["Energy mean"].tolist() == [75, 25, 0, 100]


def test_many_classes_have_no_figure_but_their_mistakes(tmp_path):
    names = [f"class {place}" for place in range(MOST + 1)]
    confusion = {name: {name: 9.0} for name in names}
    confusion[names[3]] = {names[3]: 6.0, names[5]: 3.0}
    confusion[names[4]] = {names[4]: 8.0, names[5]: 1.0}
    write_run(tmp_path / "base", [row(confusion)])
    write_run(tmp_path / "guided", [row(confusion)], lambda_=1.0)
    last = last_epochs(*compared(tmp_path))
    assert confusion_maps("confusion", last, *PANEL) is None
    table = confusion_table(last, *PANEL, "x")
    assert table.cells["class"].tolist() == names[3:5]
    assert "most frequent" in table.caption
    text = " ".join(confusion_text(Evaluation(9, {}, confusion=confusion)).split())
    assert "class 3 class 5 3 of 9 class 4 class 5 1 of 9" in text


def test_the_terminal_shows_counts():
    text = " ".join(confusion_text(Evaluation(14, {}, confusion=BEFORE)).split())
    assert "images of → cat → dog" in text
    assert "cat 3 1 dog 1 9" in text
    assert confusion_text(Evaluation(14, {})) is None


def test_a_page_shows_them_and_pages_of_older_runs_go_without(tmp_path):
    for kind, more in (("new", row(BEFORE)), ("old", row({}))):
        write_run(tmp_path / kind / "base", [more])
        write_run(tmp_path / kind / "guided", [more], lambda_=1.0)
        page = write_report([tmp_path / kind], tmp_path / f"{kind}-out", "Page").page.read_text()
        assert ("For which class" in page) == (kind == "new")
        assert (tmp_path / f"{kind}-out/figures/confusion-resnet50-ixg-final.png").exists() == (kind == "new")
