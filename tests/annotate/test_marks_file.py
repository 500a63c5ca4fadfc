"""What a person marked is on disk, whole, whoever else marks and whatever dies."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import pytest
from pycocotools.coco import COCO

from model_guidance.annotate import marks_file
from model_guidance.annotate.marks_file import Marked, MarksFile, NotSavedError
from model_guidance.annotate.shapes import Shape
from model_guidance.annotate.take_away import as_csv, as_yolo
from model_guidance.data.formats.known import open_annotations
from model_guidance.errors import UserError
from tests.permissions import unprivileged

CLASSES = ["cat", "dog"]
SIZE = (80, 60)


def a_box(uid: str = "1", label: str = "cat", ignored: bool = False) -> Shape:
    return Shape(uid, label, "box", [(10.5, 20), (30, 40)], ignored=ignored)


def opened(folder: Path) -> MarksFile:
    return MarksFile(folder / "marks.json", CLASSES)


def test_marks_are_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    marks = opened(tmp_path)
    shapes = [
        a_box(),
        Shape("2", "dog", "polygon", [(0, 0), (30, 0), (30.25, 30)]),
        Shape("3", "dog", "point", [(40, 30)], radius=7.5),
        a_box("4", ignored=True),
    ]
    for shape in shapes:
        marks.put("a.png", SIZE, shape)
    marks.set_status("b.png", SIZE, "right")
    again = opened(tmp_path)
    assert again.images == marks.images
    found = again.of("a.png")
    assert found is not None
    assert list(found.shapes.values()) == shapes
    assert found.size == SIZE


def test_coco_tools_read_them(tmp_path: Path) -> None:
    marks = opened(tmp_path)
    marks.put("a.png", SIZE, a_box())
    marks.put("a.png", SIZE, a_box("2", "dog", ignored=True))
    coco = COCO(str(tmp_path / "marks.json"))
    assert [each["name"] for each in coco.loadCats(coco.getCatIds())] == ["cat", "dog", "ignore"]
    first, second = coco.loadAnns(coco.getAnnIds())
    assert first["bbox"] == [10.5, 20, 19.5, 20]
    assert coco.annToMask({**first, "segmentation": [[10, 20, 30, 20, 30, 40, 10, 40]]})[20:40, 10:30].all()
    assert second["category_id"] == 3


def test_training_reads_them(tmp_path: Path) -> None:
    marks = opened(tmp_path)
    marks.put("a.png", SIZE, Shape("1", "cat", "box", [(-5, 20), (30, 400)]))
    marks.put("a.png", SIZE, a_box("2", ignored=True))
    said = open_annotations(tmp_path / "marks.json").read(0)
    assert said.size == SIZE
    shapes, _ = said.marks[0].drawn(SIZE)
    assert {kind for kind, _ in shapes} == {"boxes", "masks"}
    assert dict(shapes)["boxes"].tolist() == [0, 20, 30, 60]
    expected = np.zeros(SIZE[::-1], bool)
    expected[20:60, 0:30] = True
    assert (dict(shapes)["masks"] == expected).all()
    assert [mark.ignored for mark in said.marks] == [False, True]


def test_two_people_lose_nothing(tmp_path: Path) -> None:
    one, other = opened(tmp_path), opened(tmp_path)

    def many(marks: MarksFile, name: str) -> None:
        for number in range(20):
            marks.put("a.png", SIZE, a_box(f"{name}{number}"))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(many, (one, other), ("one", "other")))
    found = opened(tmp_path).of("a.png")
    assert found is not None
    assert len(found.shapes) == 40
    one.refresh()
    assert one.images == opened(tmp_path).images


def test_changes_of_others_are_told(tmp_path: Path) -> None:
    one, other = opened(tmp_path), opened(tmp_path)
    seen = one.put("a.png", SIZE, a_box())
    other.put("b.png", SIZE, a_box())
    one.refresh()
    assert one.since(seen) == ["b.png"]


def test_a_later_process_goes_on_with_later_revisions(tmp_path: Path) -> None:
    """A page that outlives its server is told what changed, and takes it for new."""
    before = opened(tmp_path)
    seen = [before.put("a.png", SIZE, a_box(uid)) for uid in "123"][-1]
    again = opened(tmp_path)
    again.put("b.png", SIZE, a_box())
    assert again.revision > seen
    assert "b.png" in again.since(seen)


def test_a_refresh_puts_nothing_older_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has read the file when another thread changes it."""
    one, other = opened(tmp_path), opened(tmp_path)
    other.put("b.png", SIZE, a_box())
    plain, threads = MarksFile._read, list[threading.Thread]()

    def read(marks: MarksFile) -> dict[str, Marked]:
        found = plain(marks)
        if not threads:
            threads.append(threading.Thread(target=one.put, args=("a.png", SIZE, a_box())))
            threads[0].start()
            threads[0].join(0.2)
        return found

    monkeypatch.setattr(MarksFile, "_read", read)
    one.refresh()
    threads[0].join()
    assert set(one.images) == {"a.png", "b.png"}


def test_what_is_deleted_is_gone_and_may_be_deleted_again(tmp_path: Path) -> None:
    marks = opened(tmp_path)
    marks.put("a.png", SIZE, a_box())
    for _ in range(2):
        marks.delete("a.png", "1")
    assert opened(tmp_path).images == {}


def test_a_polygon_is_cut_at_the_image_and_not_bent(tmp_path: Path) -> None:
    marks = opened(tmp_path)
    triangle = Shape("1", "cat", "polygon", [(40, -60), (120, 60), (-40, 60)])
    marks.put("a.png", SIZE, triangle)
    coco = COCO(str(tmp_path / "marks.json"))
    (found,) = coco.loadAnns(coco.getAnnIds())
    rows, columns = np.indices(SIZE[::-1]) + 0.5
    inside = np.abs(columns - 40) <= (rows + 60) * 80 / 120  # the sides of the triangle, by hand
    assert np.mean(coco.annToMask(found).astype(bool) != inside) < 0.02
    assert found["area"] == pytest.approx(inside.sum(), rel=0.02)
    assert found["bbox"] == [0, 0, 80, 60]
    assert opened(tmp_path).images["a.png"].shapes["1"] == triangle


@pytest.mark.parametrize("failing", [PermissionError(13, "no"), OSError(28, "No space left on device")])
def test_a_change_that_cannot_be_written_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: OSError
) -> None:
    marks = opened(tmp_path)
    marks.put("a.png", SIZE, a_box())
    before = (tmp_path / "marks.json").read_bytes()

    def full(path: Path, _: bytes) -> None:
        raise UserError(f"{path}: could not be written ({failing.strerror})")

    monkeypatch.setattr(marks_file, "write", full)
    with pytest.raises(NotSavedError, match="could not be written"):
        marks.put("a.png", SIZE, a_box("2"))
    assert (tmp_path / "marks.json").read_bytes() == before
    assert len(marks.images["a.png"].shapes) == 1


def test_a_folder_that_may_not_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o555)
    with pytest.raises(UserError, match="may not be written to"):
        unprivileged(lambda: opened(tmp_path / "closed"))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"images": []}', '{"images": [], "annotations": [1]}'])
def test_a_damaged_file_is_named_and_stays(tmp_path: Path, text: str) -> None:
    (tmp_path / "marks.json").write_text(text)
    with pytest.raises(UserError, match=r"marks\.json: is no file of marks of this page"):
        opened(tmp_path)
    assert (tmp_path / "marks.json").read_text() == text


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.annotate.test_marks_file import *\n"
        "marks = opened(Path(sys.argv[1])); print('ready', flush=True)\n"
        "for n in range(10**6): marks.put(f'{n % 50}.png', SIZE, a_box(str(n)))"
    )
    for pause in (0.0, 0.03, 0.11):
        with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(0.3 + pause)
            os.kill(process.pid, signal.SIGKILL)
        marks = opened(tmp_path)
        assert marks.images
        marks.put("after.png", SIZE, a_box())  # the killed process's lock is gone with it


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (Shape("1", "cow", "box", [(0, 0), (1, 1)]), "the class 'cow' is unknown"),
        (Shape("1", "cat", "box", [(0, 0)]), "a box has 1 points, but must have 2"),
        (Shape("1", "cat", "polygon", [(0, 0), (1, 1)]), "must have 3"),
        (Shape("1", "cat", "point", [(1, 1)]), "a point must have a radius above 0"),
        (Shape("1", "cat", "box", [(80, 0), (90, 9)]), "must lie in the image of 80 x 60 pixels"),
        (Shape("1", "cat", "polygon", [(-9, 8), (-9, -9), (8, -9)]), "must lie in the image of 80 x 60"),
        (Shape("1", "cat", "box", [(0, 0), (float("nan"), 9)]), "finite coordinates"),
        (Shape("", "cat", "box", [(0, 0), (1, 1)]), "must have a uid"),
    ],
)
def test_regions_that_make_no_sense_are_refused(tmp_path: Path, shape: Shape, said: str) -> None:
    with pytest.raises(UserError, match=said):
        opened(tmp_path).put("a.png", SIZE, shape)
    assert not (tmp_path / "marks.json").exists()


def test_other_formats_give_the_same_boxes(tmp_path: Path) -> None:
    marks = opened(tmp_path)
    marks.put("cat/a.png", SIZE, a_box())
    (tmp_path / "marks.csv").write_bytes(as_csv(marks.images))
    (tmp_path / "yolo.zip").write_bytes(as_yolo(marks.images, CLASSES))
    import zipfile

    with zipfile.ZipFile(tmp_path / "yolo.zip") as archive:
        archive.extractall(tmp_path / "yolo")
    for path in (tmp_path / "marks.csv", tmp_path / "yolo/labels/cat"):
        shapes, _ = open_annotations(path).read(0).marks[0].drawn(SIZE)
        assert dict(shapes)["boxes"].tolist() == pytest.approx([10.5, 20, 30, 40], abs=1e-4)


def test_names_that_begin_like_formulas_are_no_formulas(tmp_path: Path) -> None:
    marks = opened(tmp_path)
    marks.put("=1+1.png", SIZE, a_box())
    assert b"'=1+1.png" in as_csv(marks.images)


def test_the_file_holds_what_the_page_drew(tmp_path: Path) -> None:
    marks = opened(tmp_path)
    marks.put("a.png", SIZE, a_box())
    content = json.loads((tmp_path / "marks.json").read_text())
    assert msgspec.convert(content["annotations"][0]["mark"], Shape) == a_box()
