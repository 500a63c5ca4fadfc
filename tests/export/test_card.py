"""The model card: read by Hugging Face's reader, true to the results, without paths; its code runs."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from tests.report.folders import scores, write_run
from tests.training.helpers import small

from model_guidance import cli
from model_guidance.errors import UserError
from model_guidance.export import export
from model_guidance.export.card import write_card
from model_guidance.metrics.intervals import wilson
from model_guidance.runs.folder import Run
from model_guidance.runs.train import train_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A baseline and a guided run that starts from it."""
    home = tmp_path_factory.mktemp("card")
    train_run(small(home / "cache", lambda_=0.0, epochs=1, backbone="small"), home / "first_run")
    weights = str(home / "first_run" / "last.safetensors")
    train_run(small(home / "cache", weights=weights, epochs=1, backbone="small"), home / "guided")
    return home


@pytest.fixture(scope="module")
def card(folder) -> str:
    run, out = Run.open(folder / "guided"), folder / "hub"
    for kind in ("torch.export", "onnx"):
        export(run, kind, out, overwrite=True)
    assert write_card(run, out) == [out / "README.md", out / "maps.png"]
    return (out / "README.md").read_text()


def test_the_front_matter_is_what_hugging_face_reads(card, folder):
    hub = pytest.importorskip("huggingface_hub")
    data = hub.ModelCard(card).data
    (result,) = [each for each in data.eval_results if each.metric_type == "accuracy"]
    scores = Run.open(folder / "guided").finished.best.scores
    assert result.metric_value == pytest.approx(scores["accuracy"], abs=1e-4)
    assert data.pipeline_tag == "image-classification"
    assert yaml.safe_load(card.split("---")[1])["model-index"][0]["name"] == "guided"


def test_scores_groups_and_verdict_are_those_of_the_run(card, folder):
    found = Run.open(folder / "guided").finished.best
    interval = wilson(round(found.scores["accuracy"] * found.images), found.images)
    ends = f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
    assert f"| accuracy | {100 * interval.value:.1f} % | {ends} | {found.images} |" in card
    for name, each in found.groups.items():
        assert re.search(
            rf"\| {name} \| {100 * each['accuracy']:.1f} % \| .* \| {each['images']:.0f} \|", card
        )
    assert "beside first_run: " in card
    assert "Trained from random weights" in card
    assert "| outside: mean |" in card
    assert "![Test images" in card


def test_no_path_of_this_machine_and_no_empty_place(card, folder):
    assert str(folder) not in card
    assert "None" not in card.replace("weights=None", "")
    assert "{" not in card.replace('{"images": images.numpy()}', "")
    tables = re.findall(r"(?:^\|.*\n)+", card, re.MULTILINE)
    assert len(tables) >= 5
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_its_code_runs_without_this_package(card, folder):
    Image.fromarray(np.zeros((50, 40, 3), np.uint8)).save(folder / "hub" / "photo.jpg")
    blocks = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert len(blocks) == 3
    program = (
        "import sys\nsys.modules['model_guidance'] = None\n" + "\n".join(blocks) + "\nprint(logits.shape)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder / "hub", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "[1, 2]" in done.stdout


def test_a_card_without_data_or_a_format_beside_it(folder, tmp_path):
    run = Run.open(folder / "first_run")
    moved = run.folder / "config.yaml"
    kept = moved.read_text()
    moved.write_text(kept.replace("data: shapes", "data: folder").replace("root: null", "root: /gone"))
    moved.write_text(moved.read_text().replace("options:\n  count: 48\n", "options: {}\n"))
    try:
        files = write_card(Run.open(run.folder), tmp_path / "hub")
    finally:
        moved.write_text(kept)
    assert [file.name for file in files] == ["README.md"]
    text = files[0].read_text()
    assert "maps.png" not in text
    assert "/gone" not in text
    assert 'mg.load("first_run")' in text


def test_a_start_on_other_data_is_no_baseline_of_its_limits(tmp_path):
    start = write_run(tmp_path / "start", [scores(0.9, 0.3)])
    weights = str(start / "best.safetensors")
    run = write_run(tmp_path / "guided", [scores(0.6, 0.4)], data="coco", weights=weights, lambda_=1.0)
    for folder in (start, run):
        (folder / "best.safetensors").touch()
    text = write_card(Run.open(run), tmp_path / "hub")[0].read_text()
    assert "There is no baseline among these runs" in text
    assert "costs more than 5 points" not in text
    assert "No checkpoint keeps to" not in text


def test_mistakes(folder, tmp_path, capsys):
    run = Run.open(folder / "guided")
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(UserError, match="README.md there already"):
        write_card(run, tmp_path)
    with pytest.raises(UserError, match="no checkpoint 'front/epoch-999'"):
        write_card(run, tmp_path / "new", checkpoint="front/epoch-999")
    with pytest.raises(SystemExit):
        cli.main(["export", str(run.folder), "--format=onnx", f"--baseline={folder / 'first_run'}"])
    assert "only a model card has a verdict" in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text() == "mine"
