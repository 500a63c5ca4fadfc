"""X-DNN is explained by Integrated Gradients; runs that called them IxG are read and compared as before."""

import pandas as pd
import pytest
from tests.report.folders import compared, scores, write_attribution, write_examples, write_run

from model_guidance.report.read.published import published_pair
from model_guidance.report.read.results import read_results
from model_guidance.report.tables.controls import controls, last_epochs
from model_guidance.report.tables.overview import overview
from model_guidance.runs.examples import read_examples
from model_guidance.runs.folder import ATTRIBUTIONS, Run
from model_guidance.runs.second_attribution import attributions
from model_guidance.training.config import Config

XDNN = {"backbone": "xdnn_resnet50", "layer": "final"}


@pytest.mark.parametrize(
    ("backbone", "method", "expected"),
    [
        ("xdnn_resnet50", None, "intgrad"),
        ("xdnn_small", "ixg", "intgrad"),
        ("xdnn_small", "gradcam", "gradcam"),
        ("resnet50", None, "ixg"),
        ("resnet50", "intgrad", "intgrad"),
        ("bcos_resnet50", "ixg", "ixg"),
    ],
)
def test_the_name_of_a_networks_method(backbone, method, expected):
    assert Config(backbone=backbone, method=method).own_method == expected


@pytest.fixture
def old(tmp_path):
    """A baseline and a guided X-DNN as earlier versions wrote them."""
    base = write_run(tmp_path / "base", [scores(0.7, 0.3)], **XDNN)
    guided = write_run(tmp_path / "guided", [scores(0.7, 0.6)], lambda_=0.5, **XDNN)
    for run, epg in ((base, 0.2), (guided, 0.25)):
        write_attribution(run, "ixg@input", epg)
        write_examples(run, "ixg@final", [0.9, 0.5])
    (guided / ATTRIBUTIONS).rename(guided / "looks")  # 0.1
    return tmp_path


def test_files_of_earlier_versions_are_those_of_integrated_gradients(old):
    for name in ("base", "guided"):
        run = Run.open(old / name)
        assert set(attributions(run.folder, run.config)) == {"intgrad@input"}
        assert len(read_examples(run.folder, "intgrad@final").epg) == 2
        assert read_examples(run.folder, "gradcam@final") is None
    tested = read_results([old]).tested
    assert set(tested["explainer"]) == {"intgrad@final", "intgrad@input"}


def test_other_networks_keep_both_methods_apart(tmp_path):
    run = write_run(tmp_path / "run", [scores(0.7, 0.3)])
    for explainer in ("ixg@input", "intgrad@input"):
        write_attribution(run, explainer, 0.2)
    write_examples(run, "ixg@final", [0.9])
    assert set(attributions(run, Run.open(run).config)) == {"ixg@input", "intgrad@input"}
    assert read_examples(run, "intgrad@final") is None


def test_old_and_new_runs_are_compared_under_one_name(old):
    new = write_run(old / "new", [scores(0.7, 0.65)], lambda_=1.0, method="intgrad", **XDNN)
    write_attribution(new, "intgrad@input", 0.3)
    tested, models = compared(old)
    table = overview(models).cells
    assert set(table["attribution"]) == {"intgrad@final"}
    assert str(table.set_index("configuration").loc["Energy", "Δ EPG"]) == "+35.0"
    seconds = controls(last_epochs(tested, models)).cells.set_index("configuration")
    assert seconds.loc["Energy", "second attribution"] == "intgrad@input"
    assert str(seconds.loc["Energy", "second EPG of the baseline"]) == "20.0"


def test_published_figures_stand_beside_old_runs_too(old):
    row = pd.Series(
        {"data": "voc", "options": {}, "localization loss": "energy", "annotated": 1.0, "dilate": 0.0}
        | {"role": "guided", "start": "imagenet", "backbone": "xdnn_resnet50"}
        | {"explainer": Config(backbone="xdnn_resnet50", layer="input").explainer}
    )
    assert published_pair(row) == "EPG 62.3 @ F1 68.9 (paper)"
