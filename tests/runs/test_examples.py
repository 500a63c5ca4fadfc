"""The kept heat maps: which images they single out, and the sheet that shows them."""

from dataclasses import replace

import numpy as np
import pytest
from tests.data.samples import memory_source, painted
from tests.report.folders import CLASS_NAMES, scores, write_comparison, write_examples, write_run

from model_guidance.data import DATASETS
from model_guidance.data.readers.reader import Reader
from model_guidance.data.source import Sample
from model_guidance.errors import UserError
from model_guidance.report.figures.example_sheet import example_sheet
from model_guidance.report.read.labels import labelled
from model_guidance.report.read.reported import reported
from model_guidance.report.read.results import read_results
from model_guidance.runs.examples import flips, read_examples, telling

EXPLAINER = "ixg@final"


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run", [scores(0.7, 0.3)])


def test_flips_are_images_whose_map_says_one_thing_and_whose_decision_another(run):
    write_examples(run, EXPLAINER, [0.9, 0.79, 0.8], outside=0.4)
    lines = flips(read_examples(run, EXPLAINER), CLASS_NAMES)
    assert [line.split(":")[0] for line in lines] == ["image-0 (cat)", "image-2 (cat)"]
    assert lines[0].endswith("EPG 0.90, probability 0.90, outside replaced 0.40")
    write_examples(run, EXPLAINER, [0.9], outside=0.5)
    assert flips(read_examples(run, EXPLAINER), CLASS_NAMES) == []


def test_best_worst_and_random_images_never_overlap():
    places = telling(np.linspace(0, 1, 12))
    assert places["best"] == [11, 10, 9]
    assert places["worst"] == [0, 1, 2]
    assert len({place for each in places.values() for place in each}) == 9
    assert places == telling(np.linspace(0, 1, 12))
    assert telling(np.array([0.5, 0.7])) == {"best": [1, 0], "worst": [], "random": []}
    assert telling(np.array([np.nan, 0.7, 0.1, 0.2]))["worst"] == [0]


def test_no_examples_and_damaged_examples(run):
    assert read_examples(run, EXPLAINER) is None
    (run / "examples").mkdir()
    (run / "examples" / f"{EXPLAINER}.safetensors").write_bytes(b"half")
    with pytest.raises(UserError, match=r"ixg@final\.safetensors: this is damaged"):
        read_examples(run, EXPLAINER)


def test_the_sheet_shows_the_baseline_and_the_guided_side_by_side(tmp_path):
    results = read_results([write_comparison(tmp_path)])
    sheet = example_sheet(results, reported(labelled(results.tested)), "examples", "title")
    assert sheet.columns == ["baseline", "Energy", "L1"]
    assert sheet.rows[0].title == "best: image-0\ncat"
    assert sheet.rows[0].panels[1].caption == "EPG 90 %\nprobability 90 %\noutside replaced: 20 %"


@pytest.mark.parametrize(("lies", "shape"), [(True, (30, 50, 3)), (False, (24, 24, 3))])
def test_the_sheet_shows_the_photos_themselves_where_they_are_at_hand(tmp_path, monkeypatch, lies, shape):
    photos = [Sample(painted(50, 30, (0, 0, 9, 9)), frozenset({0})) for _ in range(3)]

    def read(root, split):
        if not lies:
            raise UserError(f"{root}: is gone")
        return replace(memory_source(photos), names=["image-1", "image-0", "image-9"])

    monkeypatch.setitem(DATASETS, "voc", Reader(read))
    for name, settings in {"base": {}, "guided": {"lambda_": 1.0}}.items():
        run = write_run(tmp_path / name, [scores(0.7, 0.3)], root=str(tmp_path), **settings)
        write_examples(run, EXPLAINER, [0.9, 0.5, 0.3])
    results = read_results([tmp_path])
    sheet = example_sheet(results, reported(labelled(results.tested)), "examples", "title")
    assert [row.image.shape for row in sheet.rows] == [shape, shape, (24, 24, 3)]  # the third has no photo
    sheet.write(tmp_path / "drawn")


def test_there_is_no_sheet_of_a_baseline_alone(tmp_path, run):
    write_examples(run, EXPLAINER, [0.5])
    results = read_results([tmp_path])
    assert example_sheet(results, reported(labelled(results.tested)), "examples", "title") is None
