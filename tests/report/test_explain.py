"""Heat maps of photos and of a data set: one class in a row, right and wrong, legible names, fit sizes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.training.helpers import small

from model_guidance.commands.explain import explain
from model_guidance.errors import UserError
from model_guidance.files import write
from model_guidance.models import build
from model_guidance.report.explain import Choice, explained
from model_guidance.report.figures import heatmaps
from model_guidance.report.figures.drawing import encoded
from model_guidance.report.figures.heatmaps import (
    CELL,
    OWN_SCALES,
    TEXT,
    Panel,
    Row,
    heatmap_sheets,
    legend_text,
)
from model_guidance.report.figures.lettering import cut, told_apart, width
from model_guidance.report.figures.overlay import SIDE, picture, scale
from model_guidance.runs.checkpoints import write_weights
from model_guidance.runs.folder import CLASSES, CONFIG, Run

NAMES = ["striped", "spotted"]


def untrained(folder: Path, classes: list[str] = NAMES, favourite: int = 0) -> Run:
    """A run whose network decides for one class, with 95 %, whatever it sees."""
    config = small(folder.parent / "cache", backbone="small", layer="final")
    weights = build(config.backbone, len(classes)).state_dict()
    weights["network.fc.weight"] *= 1e-3
    weights["network.fc.bias"] = torch.full((len(classes),), -3.0)
    weights["network.fc.bias"][favourite] = 3
    write(folder / CONFIG, config.yaml().encode())
    write(folder / CLASSES, json.dumps(classes).encode())
    write_weights(folder / "best.safetensors", weights)
    return Run.open(folder)


def photo(path: Path, size: tuple[int, int] = (60, 40)) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "teal").save(path)
    return str(path)


@pytest.fixture
def runs(tmp_path):
    return [untrained(tmp_path / "first", favourite=1), untrained(tmp_path / "second", favourite=0)]


def test_a_photo_of_an_unknown_class_is_explained_by_the_first_runs_decision_in_all_columns(runs, tmp_path):
    (row,) = explained(runs, Choice(images=[photo(tmp_path / "mine.png")]))
    assert row.title == "mine.png\nmaps: why spotted?"
    assert [panel.caption for panel in row.panels] == ["spotted 95 %", "striped 95 %, spotted 5 %"]
    assert [panel.right for panel in row.panels] == [None, None]


def test_the_folder_names_the_true_class_which_is_explained_and_decides_what_is_right(runs, tmp_path):
    (row,) = explained(runs, Choice(images=[photo(tmp_path / "striped" / "mine.png")]))
    assert row.title == "mine.png\ntrue: striped\nmaps: why striped?"
    assert [panel.caption for panel in row.panels] == ["✗ spotted 95 %, striped 5 %", "✓ striped 95 %"]
    assert [panel.right for panel in row.panels] == [False, True]
    (other,) = explained(runs, Choice(images=[photo(tmp_path / "striped" / "a.png")], class_name="spotted"))
    assert other.title.endswith("true: striped\nmaps: why spotted?")
    assert [panel.right for panel in other.panels] == [False, True]


def test_images_of_a_data_set_are_shown_as_they_are_with_their_region(runs):
    rows = explained(runs, Choice(count=3, seed=1))
    assert len(rows) == 3
    for row in rows:
        assert row.image.shape == (32, 32, 3)  # drawn at the size of training
        assert row.region is not None
        assert 0 < row.region.mean() < 0.5
        assert "true: s" in row.title
        assert all("EPG" in panel.caption for panel in row.panels)
        assert {panel.right for panel in row.panels} == {True, False}


def test_classes_that_are_not_the_datas(tmp_path):
    run = untrained(tmp_path / "run", ["spotted", "striped"])
    with pytest.raises(
        UserError, match="--data shapes: .*in another order; .*run was trained for spotted, striped"
    ):
        explained([run], Choice())


@pytest.mark.parametrize(("wrong", "said"), [({"count": 0}, "--count 0"), ({"seed": -1}, "--seed -1")])
def test_impossible_choices(runs, wrong, said):
    with pytest.raises(UserError, match=said):
        explained(runs, Choice(**wrong))


def test_a_region_without_red_has_no_score(runs, monkeypatch):
    blue = torch.full((1, 32, 32), -1.0)
    blue[:, 10, 10] = 1.0
    monkeypatch.setattr("model_guidance.report.explain.attribute", lambda *_, **__: blue)
    (row,) = explained(runs[:1], Choice(count=1))
    assert row.panels[0].caption.endswith("EPG –: hardly anything speaks for it")


@pytest.mark.parametrize("name", ["maps.foo", "maps", "taken.png", "file/maps.png"])
def test_a_picture_that_cannot_be_written_is_refused_before_the_work(name, runs, tmp_path, monkeypatch):
    (tmp_path / "taken.png").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.setattr("model_guidance.report.explain.explained", lambda *_: pytest.fail("it was computed"))
    with pytest.raises(UserError, match=f"--out .*{name}"):
        explain([tmp_path / "first"], tmp_path / name, Choice())


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg", "JPEG"])
def test_the_folder_of_a_picture_is_made(suffix, runs, tmp_path):
    out = tmp_path / "new" / f"maps.{suffix}"
    assert explain([tmp_path / "first"], out, Choice(images=[photo(tmp_path / "a.png")])) == [out]
    assert out.stat().st_size > 1000


@pytest.fixture
def drawn_fast(monkeypatch):
    monkeypatch.setattr(heatmaps, "picture", lambda image, *_, **__: image)


def test_fifty_photos_of_one_run_are_one_broad_page(drawn_fast):
    (sheet,) = heatmap_sheets([_row((60, 40)) for _ in range(50)], ["run"])
    width, height = sheet.get_size_inches()
    assert 0.5 < height / width < 2.5


def test_many_photos_of_many_runs_are_pages(drawn_fast):
    sheets = heatmap_sheets([_row((40, 60), columns=8) for _ in range(20)], list("abcdefgh"))
    assert len(sheets) == 2
    assert all(sheet.get_size_inches()[1] < 50 for sheet in sheets)


@pytest.mark.parametrize(
    "name", ["$5_and_$6", "a_{b}^c", "bad\udcff", "<b>&amp;", "[red]", "\\frac", "名前🙂"]
)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_any_name_can_be_drawn(name):
    assert encoded(heatmap_sheets([_row((8, 8), name)], [name])[0], "png")


def test_a_picture_keeps_its_aspect_and_frames_its_region():
    region = np.zeros((10, 10), bool)
    region[2:5, 3:9] = True
    pixels = picture(np.full((100, 50, 3), 128, np.uint8), region=region)
    assert pixels.shape == (SIDE, SIDE // 2, 3)
    changed = (pixels != 128).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert rows[[0, -1]] == pytest.approx([0.2 * SIDE, 0.5 * SIDE], abs=1.5)
    assert columns[[0, -1]] == pytest.approx([0.15 * SIDE, 0.45 * SIDE], abs=1.5)
    assert {tuple(each) for each in pixels[changed]} == {(0, 0, 0), (255, 255, 255)}


def test_one_scale_shows_which_map_is_weaker():
    strong, weak = np.full((4, 4), 10.0), np.full((4, 4), 1.0)
    image = np.full((4, 4, 3), 200, np.uint8)
    _, first, second = Row(image, "", None, [Panel(strong, ""), Panel(weak, "")], one_scale=True).pictures
    _, alone = Row(image, "", None, [Panel(weak, "")]).pictures
    redness = [int(each[0, 0, 0]) - int(each[0, 0, 2]) for each in (first, second, alone)]
    assert redness[0] == redness[2] > 2 * redness[1] > 0
    assert scale([np.zeros((2, 2))]) == 1
    assert OWN_SCALES in legend_text([Row(image, "", None, [])])


def test_a_long_line_loses_its_middle():
    assert cut("a" * 30, CELL, TEXT) == "a" * 30
    shown = cut("start" + "W" * 40 + "end", CELL, TEXT)
    assert shown.startswith("startW")
    assert shown.endswith("Wend")
    assert 0.9 * CELL < width(shown, TEXT) <= CELL


def _row(size: tuple[int, int], name: str = "name", columns: int = 1) -> Row:
    image = np.zeros((size[1], size[0], 3), np.uint8)
    return Row(image, name, None, [Panel(np.ones((4, 4)), name, True)] * columns)


def test_long_names_lose_what_all_begin_with_and_short_ones_nothing():
    names = [f"waterbirds-resnet50-ixg@final-{each}-seed0" for each in ("baseline", "energy", "energy-10")]
    assert told_apart(names, 2.0, 10) == ["baseline-seed0", "energy-seed0", "energy-10-seed0"]
    assert told_apart(["run-1", "run-2"], 2.0, 10) == ["run-1", "run-2"]
    assert told_apart(names[:1], 2.0, 10) == [cut(names[0], 2.0, 10)]
    twins = told_apart([f"{'a-' * 30}b", f"{'a-' * 30}b"], 1.0, 10)
    assert twins == ["b", "b"]
