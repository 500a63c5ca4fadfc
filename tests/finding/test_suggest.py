"""`suggest` from the command line: what it writes, what is marked already, and what it refuses."""

import csv
import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from tests.training.helpers import small

from model_guidance import cli
from model_guidance.data import open_source
from model_guidance.data.formats.cvat import Cvat
from model_guidance.data.formats.label_studio import LabelStudio
from model_guidance.errors import UserError
from model_guidance.finding.labeling_tasks import Task, cvat, label_studio
from model_guidance.finding.suggestions import suggest
from model_guidance.runs.folder import Run
from model_guidance.runs.history import read_cost
from model_guidance.runs.setup import split_of
from model_guidance.runs.train import train_run


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("suggest")


@pytest.fixture(scope="module", params=[None, "mid1"])
def run(request, home: Path) -> Run:
    """A guided run with boxes for 36 of 48 images, as a whole and with a frozen part."""
    folder = home / f"run-{request.param}"
    settings = {"backbone": "small", "epochs": 1, "annotated": 0.75, "frozen": request.param}
    train_run(small(home / "cache", **settings), folder)
    return Run.open(folder)


def test_what_is_marked_is_not_suggested(run: Run):
    found = suggest(run, count=12)
    drawn = set(found.names)
    assert (len(drawn), found.left) == (12, 12)
    for by in ("border", "doubt", "disagreement", "variety", "typical"):
        one = suggest(run, by=by, count=5)
        assert set(one.names) < drawn
        assert list(one.score) == list(one.criteria[by])
        first, second = (one.score[one.images.classes == label] for label in (0, 1))
        assert abs(len(first) - 5 * (found.images.classes == 0).mean()) < 1  # as many as its share
        assert (np.diff(first) <= 0).all()
        assert (np.diff(second) <= 0).all()
    with pytest.raises(UserError, match="^--count 13: only 12 images of train are not marked yet"):
        suggest(run, count=13)


def test_a_person_gets_all_that_is_needed(run: Run, home: Path, capsys):
    out = home / f"out-{run.folder.name}"
    cli.main(["suggest", str(run.folder), "--count=3", f"--out={out}"])
    printed = capsys.readouterr().out.split()
    assert sorted(Path(file).name for file in printed) == sorted(
        each.name for each in out.iterdir() if each.is_file()
    )
    rows = list(csv.DictReader((out / "suggestions.csv").open()))
    assert [row["image"] for row in rows] == (out / "images.txt").read_text().split()
    assert all(0 <= float(row[name]) <= 1 for row in rows for name in ("score", "disagreement", "border"))
    tasks, boxes = json.loads((out / "label_studio.json").read_text()), ElementTree.parse(out / "cvat.xml")
    interface = ElementTree.parse(out / "label_studio.xml").getroot()
    assert [each.get("value") for each in interface.iter("Label")] == run.classes
    for row, task, image in zip(rows, tasks, boxes.getroot().iter("image"), strict=True):
        with Image.open(out / "images" / image.attrib["name"]) as picture:
            assert picture.size == (int(image.attrib["width"]), int(image.attrib["height"])) == (32, 32)
        assert task["data"]["image"] == f"/data/local-files/?d=images/{row['image']}.png"
        (box,), (result,) = image.findall("box"), task["predictions"][0]["result"]
        assert result["value"]["rectanglelabels"] == [box.attrib["label"]] == [row["explained"]]
        assert result["from_name"] == interface.find("RectangleLabels").attrib["name"]
        x, y, width, height = (result["value"][name] / 100 * 32 for name in ("x", "y", "width", "height"))
        edges = [float(box.attrib[name]) for name in ("xtl", "ytl", "xbr", "ybr")]
        assert edges == pytest.approx([x, y, x + width, y + height], abs=0.01)
        assert 0 <= edges[0] < edges[2] <= 32
        assert 0 <= edges[1] < edges[3] <= 32


def test_what_both_tools_are_given_can_be_read_back(tmp_path: Path):
    box = (3.25, 4.5, 20.0, 11.75)
    tasks = [Task("cat/a b.jpg", 40, 30, "cat & dog", box), Task("é.png", 9, 9, "x")]
    (tmp_path / "cvat.xml").write_bytes(cvat(tasks, ["cat & dog", "x"], "a <run>"))
    done = json.loads(label_studio(tasks, "a run"))
    for each in done:  # what a person does who accepts every box
        each["annotations"] = each.pop("predictions")
    (tmp_path / "label_studio.json").write_text(json.dumps(done))
    for read in (Cvat(tmp_path / "cvat.xml"), LabelStudio(tmp_path / "label_studio.json")):
        assert list(read.images) == ["cat/a b.jpg", "é.png"]
        assert read.read(1).marks == []
        (mark,) = read.read(0).marks
        ((kind, shape),), _ = mark.drawn((40, 30))
        assert (mark.label, kind) == ("cat & dog", "boxes")
        assert shape == pytest.approx(np.array(box))


def test_what_a_tool_exports_becomes_the_regions_of_the_data(tmp_path: Path):
    tasks = []
    for split, name in product(("train", "val", "test"), ("cat", "dog")):
        image = tmp_path / "data" / split / name / "a photo.jpg"
        image.parent.mkdir(parents=True)
        Image.new("RGB", (40, 30)).save(image)
        tasks += [Task(f"{split}/{name}/a photo.jpg", 40, 30, name, (4, 5, 20, 11))] * (split == "train")
    (tmp_path / "cvat.xml").write_bytes(cvat(tasks, ["cat", "dog"], "run"))
    below = [replace(each, file=f"images/{each.file}") for each in tasks]
    done = [each | {"annotations": each["predictions"]} for each in json.loads(label_studio(below, "run"))]
    (tmp_path / "done.json").write_text(json.dumps(done))
    for export in (tmp_path / "cvat.xml", tmp_path / "done.json"):
        source = open_source("folder", tmp_path / "data", "train", annotations=[export])
        found = [source.read(index).of("boxes") for index in range(2)]
        assert [(label, box.tolist()) for ((label, box),) in found] == [
            (0, [4, 5, 20, 11]),
            (1, [4, 5, 20, 11]),
        ]


def test_the_named_images_are_those_that_guide(run: Run, home: Path):
    names = suggest(run, count=4).names
    file = home / f"{run.folder.name}.txt"
    file.write_text("\n".join(names) + "\n\n")
    folder = home / f"guided-{run.folder.name}"
    settings = {"backbone": "small", "epochs": 1, "annotated": 1.0, "annotated_images": str(file)}
    train_run(small(home / "cache", **settings), folder)
    assert read_cost(folder).annotated == 4
    assert set(names).isdisjoint(suggest(Run.open(folder), count=44).names)


@pytest.mark.parametrize(
    "settings", [{"annotated": 0.001}, {"annotated": 1.0, "annotated_images": "none.txt"}]
)
def test_which_training_images_may_be_used_says_nothing_of_another_split(run: Run, settings: dict):
    other = replace(run, config=replace(run.config, **settings))
    with pytest.raises(UserError, match="--split val: all 48 images are marked already"):
        suggest(other, split="val", count=4)


def test_where_everything_is_marked(run: Run, home: Path):
    everything, nothing = home / "everything.txt", home / "nothing.txt"
    everything.write_text("\n".join(split_of(run.config, "train").names))
    nothing.write_text("")
    with pytest.raises(UserError, match="--split train: all 48 images are marked already .*--marked FILE"):
        suggest(run, marked=everything)
    assert suggest(run, count=48, marked=nothing).left == 48


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"by": "luck"}, "^--by luck: must be one of disagreement, border, doubt, variety, typical, all$"),
        ({"count": 0}, "^--count 0: at least 1 is needed$"),
        ({"split": "tests"}, "tests"),
        ({"checkpoint": "first"}, "no checkpoint 'first'"),
        ({"marked": Path("nowhere.txt")}, "^nowhere.txt: cannot be read"),
    ],
)
def test_what_is_refused(run: Run, given: dict, message: str):
    with pytest.raises(UserError, match=message):
        suggest(run, **given)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train-00001\n\nnobody", r"line 3: 'nobody' is no image of the split, whose first is 'train-00000'"),
        ("train-00001\ntrain-00001", "line 2: 'train-00001' is named twice"),
        ("\n", "names no image, at least one is needed"),
    ],
)
def test_a_list_of_images_is_checked_line_by_line(home: Path, tmp_path: Path, text: str, message: str):
    file = tmp_path / "list.txt"
    file.write_text(text)
    config = small(home / "cache", backbone="small", annotated=1.0, annotated_images=str(file))
    with pytest.raises(UserError, match=f"^--annotated_images .*list.txt.*{message}$"):
        train_run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_list_excludes_a_fraction(home: Path):
    with pytest.raises(UserError, match="--annotated_images x: excludes --annotated"):
        small(home / "cache", annotated_images="x")


def test_without_the_images_nothing_is_suggested(run: Run, home: Path, tmp_path: Path):
    lost = tmp_path / "lost"
    lost.mkdir()
    for name in ("config.yaml", "classes.json", "best.safetensors", "last.safetensors"):
        (lost / name).write_bytes((run.folder / name).read_bytes())
    text = (lost / "config.yaml").read_text().replace("data: shapes", "data: folder")
    (lost / "config.yaml").write_text(
        text.replace("root: null", f"root: {tmp_path / 'gone'}").replace("count: 48", "{}")
    )
    with pytest.raises(UserError, match="gone"):
        suggest(Run.open(lost))
