"""Predictions of photos: the run's own logits, a line each, damaged ones named, and pages of overlays."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.training.helpers import small

from model_guidance import cli
from model_guidance.data.readers.named import named_images
from model_guidance.files import written
from model_guidance.report import predictions as lines
from model_guidance.runs import predict
from model_guidance.runs.checkpoints import load_model
from model_guidance.runs.folder import Run
from model_guidance.runs.predict import Asked, Prediction, Unread, predictions
from model_guidance.runs.train import train_run

SIZE = (90, 40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two runs, of one class an image and of several, and photos, one of them torn."""
    home = tmp_path_factory.mktemp("predict")
    for name, labels in (("one", "single"), ("several", "multi")):
        options = {"count": 16, "labels": labels}
        config = small(home / "cache", options=options, epochs=1, backbone="small", lambda_=0.0)
        train_run(config, home / name)
    rng = np.random.default_rng(0)
    for name in ("a", "b", "deep/c"):
        path = home / "photos" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (*SIZE[::-1], 3), np.uint8)).save(path)
    torn = (home / "photos" / "a.png").read_bytes()[:400]
    (home / "torn").mkdir()
    (home / "torn" / "torn.png").write_bytes(torn)
    return home


def status(*arguments: object) -> int:
    try:
        cli.main(["predict", *map(str, arguments)])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def seen_in_training(run: Run, path: Path) -> torch.Tensor:
    size = run.config.size
    pixels = np.asarray(Image.open(path).convert("RGB").resize((size, size), Image.Resampling.BILINEAR))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).unsqueeze(0) / 255


@pytest.mark.parametrize("name", ["one", "several"])
def test_the_scores_are_the_networks_probabilities(name, folder, capsys):
    run = Run.open(folder / name)
    assert (
        status(
            folder / name, folder / "photos", "--format=jsonl", "--accelerator=cpu", "--evaluation_batch=2"
        )
        == 0
    )
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(row["image"]).name for row in rows] == ["a.png", "b.png", "c.png"]
    model = load_model(run).eval()
    for row in rows:
        expected = model(seen_in_training(run, Path(row["image"])))[0].sigmoid()
        assert list(row["scores"].values()) == pytest.approx(expected.tolist(), abs=1e-6)
        assert [*row["scores"]] == run.classes
        best = [run.classes[int(expected.argmax())]]
        above = [each for each, score in row["scores"].items() if score > 0.5]
        assert row["predicted"] == (best if name == "one" else above)


def test_a_torn_image_is_named_and_the_others_are_predicted(folder, tmp_path, capsys):
    out = tmp_path / "new" / "found.csv"
    images = (folder / "torn" / "torn.png", folder / "photos" / "a.png")
    assert status(folder / "one", *images, f"--out={out}", "--accelerator=cpu") == 2
    (row,) = csv.DictReader(io.StringIO(out.read_text()))
    assert row["image"] == str(images[1])
    assert row["predicted"] in ("striped", "spotted")
    assert 0 < float(row["score spotted"]) < 1
    said = capsys.readouterr().err
    assert "torn.png: no complete, readable image" in " ".join(said.split())
    assert "1 of 2 images" in said


def test_few_images_are_in_memory_at_once(folder, monkeypatch):
    read: list[Path] = []
    original = predict.read_photo
    monkeypatch.setattr(predict, "read_photo", lambda path: read.append(path) or original(path))
    images = [folder / "photos" / "a.png"] * 50
    found = predictions(
        Run.open(folder / "one"), images, Asked(accelerator="cpu", evaluation_batch=4, workers=0)
    )
    assert read == []
    next(found)
    assert len(read) == 4
    assert sum(1 for _ in found) == 49


def test_overlays_have_the_photos_size_and_pages_lead_to_them(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lines, "PER_PAGE", 2)
    out = tmp_path / "overlays"
    arguments = (folder / "one", folder / "photos", folder / "torn", f"--overlays={out}", "--accelerator=cpu")
    assert status(*arguments, "--format=jsonl") == 2
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for row in rows:
        ((name, file),) = row["overlays"].items()
        assert [name] == row["predicted"]
        with Image.open(out / file) as drawn, Image.open(row["image"]) as photo:
            assert drawn.size == photo.size == SIZE
            assert np.abs(np.asarray(drawn, float) - np.asarray(photo, float)).max() > 30
    pages = [(out / name).read_text() for name in ("index.html", "page-2.html")]
    assert [page.count("<img loading") for page in pages] == [2, 1]
    assert "torn.png: no complete, readable image" in pages[1]
    assert 'href="page-2.html"' in pages[0]
    assert all(row["overlays"][row["predicted"][0]] in "".join(pages) for row in rows)
    assert f"All images lie in {folder}." in pages[0]  # once, and names are short
    names = [Path(row["image"]).relative_to(folder) for row in rows]
    assert all(f"<figcaption>{name.as_posix()}<br>" in "".join(pages) for name in names)


def test_a_class_by_name_is_explained_and_old_pages_go(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lines, "PER_PAGE", 1)
    out = tmp_path / "overlays"
    arguments = (folder / "several", "--accelerator=cpu", f"--overlays={out}")
    assert status(*arguments, folder / "photos") == 0
    (out / "mine.txt").write_text("stays")
    assert status(*arguments, folder / "photos" / "a.png") == 2
    assert "is not empty" in capsys.readouterr().err
    one = (folder / "photos" / "a.png", "--class=kite", "--overwrite")
    assert status(*arguments, *one) == 0
    assert sorted(path.name for path in out.iterdir()) == ["images", "index.html", "mine.txt"]
    kite = Run.open(folder / "several").classes.index("kite")
    assert [path.name for path in (out / "images").iterdir()] == [f"000001-{kite}-a.jpg"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["photos/none.png"], "none.png: there is no such file or folder"),
        (["empty"], "empty: no image found there"),
        (["photos/*.tiff"], "tiff: no image found there"),
        (["photos", "--format=xml"], "--format xml: choose one of csv, jsonl"),
        (["photos", "--out=taken.csv"], "--out .*taken.csv: is there already"),
        (["photos", "--class=cat", "--overlays=new"], "--class cat: the run knows only striped, spotted"),
        (["photos", "--method=ixg"], "--method ixg: nothing is explained without --overlays"),
        (["photos", "--evaluation_batch=0"], "--evaluation_batch 0: a number from 1"),
        (["photos", "--checkpoint=first"], "no checkpoint 'first'"),
        (["photos", "--layer=nowhere", "--overlays=new"], "no layer 'nowhere'"),
    ],
)
def test_mistakes(arguments, said, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir(exist_ok=True)
    (folder / "taken.csv").touch()
    assert status("one", *arguments) == 2
    assert re.search(said, capsys.readouterr().err)
    assert (folder / "taken.csv").read_text() == ""


def test_an_unfinished_run_is_refused(folder, tmp_path, capsys):
    begun = tmp_path / "begun"
    shutil.copytree(folder / "one", begun)
    (begun / "result.json").unlink()
    assert status(begun, folder / "photos") == 2
    assert "is not finished" in capsys.readouterr().err


def test_names_by_pattern_come_once(folder, monkeypatch):
    monkeypatch.chdir(folder)
    images, remarks = named_images(["photos/**/*.png", "photos/a.png", "photos"])
    assert [path.name for path in images] == ["a.png", "b.png", "c.png"]
    assert remarks == ()


def test_a_table_is_complete_or_not_there(tmp_path):
    out = tmp_path / "table.csv"
    with pytest.raises(ZeroDivisionError), written(out) as file:
        print("half", file=file, end=str(1 // 0))
    assert list(tmp_path.iterdir()) == []


def test_names_are_text_to_a_spreadsheet():
    file = io.StringIO()
    table = lines.Csv(file, ["=cat"], overlays=False)
    table.add(Prediction(Path("=1+1.png"), [0.9], [0]), {})
    assert file.getvalue().splitlines()[1] == "'=1+1.png,'=cat,0.9"


def test_in_a_process_of_its_own_nothing_but_the_table_is_said(folder):
    code = f"from model_guidance import cli; cli.main(['predict', {str(folder / 'one')!r}, 'photos'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.count("\n") == 4
    assert done.stderr == ""


def test_unread_is_said_by_the_pages_of_nothing_else(tmp_path):
    pages = lines.Overlays(tmp_path, ["a"], [Path("x.png")], "title")
    assert pages.add(Unread(Path("x.png"), "x.png: <torn>")) == {}
    assert "x.png: &lt;torn&gt;" in (tmp_path / "index.html").read_text()
