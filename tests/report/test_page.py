"""The page and the files beside it: complete, self-contained, and of the runs that they name."""

import json
import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pandas as pd
import pytest
from tests.report.folders import scores, write_comparison, write_run
from tests.training.helpers import small

from model_guidance.errors import UserError
from model_guidance.report.page import write_report
from model_guidance.runs.train import train_run

pytestmark = pytest.mark.slow

FINDING = {"finding": "R1", "paper": "71.7 @ 79.4", "measured": "65.0 <b> 69.0", "verdict": "agrees"}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return write_report([write_comparison(folder / "runs")], folder / "out", "Comparison", [FINDING]).page


def test_the_page_asks_for_nothing_from_outside(page):
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|action|data)=["'](?!data:)""", text)
    links = re.findall(r"""href=["'](?!#)([^"']*)""", text)
    assert len(links) > 20
    for link in links:  # downloads, nothing that the page needs
        assert re.fullmatch("(tables|figures)/.+", link)
        assert (page.parent / unquote(link)).is_file()
    assert not re.findall(r"url\((?!#)|@import|<script|<link|<iframe", text)


def test_the_page_says_what_was_compared(page):
    text = page.read_text(encoding="utf-8")
    for part in (
        "12 runs",
        "8 guided",
        "seeds 0, 1",
        "65.0 ± 0.0",
        "model-guidance 0.1.0",
        "l1-1-0: EPG rose",
    ):
        assert part in text
    assert "65.0 &lt;b&gt; 69.0" in text
    assert "data:image/jpeg;base64," in text
    assert "random weights" not in text


def test_ids_in_the_page_are_unique_but_for_shared_drawings(page):
    sections = re.findall(r'<section id="([^"]+)"', page.read_text())
    assert sections == ["section-1"]


def test_tables_and_figures_are_files_as_well(page):
    tables = {path.name for path in (page.parent / "tables").iterdir()}
    assert {
        f"{name}.{kind}" for name in ("overview", "controls", "runs") for kind in ("md", "csv", "tex")
    } <= tables
    figures = {path.name for path in (page.parent / "figures").iterdir()}
    assert {"front-epg-f1-resnet50-ixg-final.svg", "epochs-resnet50-ixg-final.png"} <= figures
    overview = pd.read_csv(page.parent / "tables" / "overview.csv").set_index("configuration")
    assert overview.loc["Energy", "EPG mean"] == pytest.approx(65)
    assert r"\bfseries 65.0 +- 0.0" in (page.parent / "tables" / "overview.tex").read_text()
    assert not list(page.parent.rglob("*.partial"))


def test_points_of_a_front_say_which_run_they_are(page):
    root = ElementTree.parse(page.parent / "figures" / "front-epg-f1-resnet50-ixg-final.svg").getroot()
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}title")]
    assert len(texts) == 34  # five sets of two seeds with three checkpoints each, and the four models
    assert "Energy, mean of 2: F1 69.0 ± 1.4, EPG 65.0 ± 0.0" in texts
    assert "Energy, λ 1, seed 1/0, epoch 2: F1 70.0, mAP 72.0, EPG 65.0, IoU 32.5" in texts


def test_the_same_runs_give_the_same_page(page, tmp_path):
    again = write_report([page.parent.parent / "runs"], tmp_path, "Comparison", [FINDING]).page
    assert again.read_bytes() == page.read_bytes()


def test_incomparable_runs_are_named_on_the_page_and_in_the_terminal(tmp_path, capsys):
    for name, size in (("a", 64), ("b", 32)):
        write_run(tmp_path / "runs" / name, [scores(0.7, 0.3)], size=size)
    report = write_report([tmp_path / "runs"], tmp_path / "out", "Two")
    sentence = (
        "Not comparable with each other, because they differ in size: voc, 64 px (a); and voc, 32 px (b)."
    )
    assert report.warnings == [sentence]
    assert sentence in report.page.read_text()
    assert capsys.readouterr().out == ""
    assert {"1-overview.md", "2-overview.md"} <= {
        path.name for path in (tmp_path / "out" / "tables").iterdir()
    }


def test_a_baseline_alone_is_a_report(tmp_path):
    write_run(tmp_path / "runs" / "one", [scores(0.7, 0.3)], weights=None)
    text = write_report([tmp_path / "runs"], tmp_path / "out", "One").page.read_text()
    assert "Trained from random weights: not comparable with published figures." in text


def test_a_folder_that_cannot_be_written(tmp_path):
    write_run(tmp_path / "runs" / "one", [scores(0.7, 0.3)])
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match="--out .*out: .*out is no folder"):
        write_report([tmp_path / "runs"], tmp_path / "out", "One")


@pytest.mark.slow
def test_runs_that_were_really_trained(tmp_path):
    settings = {"backbone": "small", "layer": "final", "epochs": 1}
    train_run(small(tmp_path / "cache", lambda_=0.0, **settings), tmp_path / "runs" / "baseline")
    result = train_run(small(tmp_path / "cache", lambda_=2.0, **settings), tmp_path / "runs" / "guided")
    page = write_report([tmp_path / "runs"], tmp_path / "out", "Shapes").page
    table = pd.read_csv(tmp_path / "out" / "tables" / "groups.csv").set_index(["configuration", "epoch"])
    for kind, found in (("best", result.best.scores), ("last", result.last.scores)):
        assert table.loc[("Energy", kind), "worst mean"] == pytest.approx(100 * found["worst_group"])
    controls = pd.read_csv(tmp_path / "out" / "tables" / "controls.csv").set_index("configuration")
    reliance = result.last.reliance
    gap = reliance.intact - reliance.outside["mean"]
    assert controls.loc["Energy", "reliance gap mean"] == pytest.approx(100 * gap)
    assert json.dumps(result.versions)[1:-1] in page.read_text()
