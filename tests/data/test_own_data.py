"""Photos as people keep them: every layout gives the same tensors, and no image is a negative by itself."""

import json
import pickle
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet
from tests.data.fuzz import within
from tests.data.samples import painted
from tests.data.written import CLASSES, WRITERS, Photo, coco, imagefolder, voc, yolo

from model_guidance.commands.located import located
from model_guidance.data import SplitDataset, open_source, open_split
from model_guidance.data.checks import class_index
from model_guidance.data.inspection import inspect
from model_guidance.data.matching import Images
from model_guidance.data.readers.options import SPLITS
from model_guidance.data.recognition import recognised
from model_guidance.data.splitting import Photo as Listed
from model_guidance.data.splitting import Shares, divided
from model_guidance.errors import UserError

SIZE = 20


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Photo]:
    """Eighteen images of random pixels and sides, half of them with a box."""
    home, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    found = []
    for number in range(18):
        width, height = rng.integers(20, 50, 2)
        pixels = rng.integers(0, 255, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(home / f"{number:02}.png")
        low, high = rng.integers(0, 9, 2), rng.integers(11, 20, 2)
        box = (*low.tolist(), *high.tolist()) if number % 2 else None
        split, label = SPLITS[number % 3], CLASSES[number // 3 % 2]
        found.append(Photo(home / f"{number:02}.png", split, label, box))
    return found


Tensors = dict[str, tuple[str, bytes, list[float], list[tuple[int, bytes]]]]


def tensors(data: Path, annotations: Path | None, cache: Path) -> Tensors:
    """Return, by the image's name, its split, pixels, labels and regions."""
    reader, root = located(str(data), None)
    found = {}
    for part in SPLITS:
        split = open_split(
            reader, Path(root or ""), part, SIZE, cache, {}, [annotations] if annotations else []
        )
        for name, item in zip(split.names, SplitDataset(split), strict=False):
            regions = [(each.label, each.mask.numpy().tobytes()) for each in item.regions]
            found[Path(name).name] = (part, item.image.numpy().tobytes(), item.labels.tolist(), regions)
    return found


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "class_folders"])
def test_all_layouts_give_the_same_tensors(name: str, photos: Sequence[Photo], tmp_path: Path) -> None:
    found = []
    for each in (name, "class_folders"):
        (tmp_path / each).mkdir()
        found.append(tensors(*WRITERS[each](tmp_path / each, photos), tmp_path / "cache"))
    assert found[0] == found[1]
    assert len(found[0]) == len(photos)
    assert sum(bool(regions) for *_, regions in found[0].values()) == 9


def test_new_regions_cost_no_image(photos: Sequence[Photo], tmp_path: Path) -> None:
    data, export = coco(tmp_path, photos)
    assert export
    before = open_split("folder", data, "train", SIZE, tmp_path / "cache", {}, [export])
    pixels, seen = before.folder / "images.bin", (before.folder / "images.bin").stat().st_mtime_ns
    content = json.loads(export.read_text())
    content["annotations"] = content["annotations"][:1]
    export.write_text(json.dumps(content))
    after = open_split("folder", data, "train", SIZE, tmp_path / "cache", {}, [export])
    assert after.folder == before.folder
    assert pixels.stat().st_mtime_ns == seen
    assert before.has("boxes").sum() == 3 > after.has("boxes").sum()
    assert after.regions != before.regions


def test_regions_that_are_read_stay_when_their_file_changes(photos: Sequence[Photo], tmp_path: Path) -> None:
    data, table = WRITERS["region_table"](tmp_path, photos)
    assert table
    rows, asked = (
        table.read_text().splitlines(),
        ("folder", data, "train", SIZE, tmp_path / "cache", {}, [table]),
    )
    first = open_split(*asked)
    marked = int(first.has("boxes").argmax())
    before = first.annotations("boxes", marked)[1].tolist()
    table.write_text("\n".join(rows[:-1]))
    assert open_split(*asked).regions != first.regions
    assert first.annotations("boxes", marked)[1].tolist() == before
    assert pickle.loads(pickle.dumps(first)).annotations("boxes", marked)[1].tolist() == before
    gone = first.regions
    del first
    table.write_text("\n".join(rows[:-2]))
    open_split(*asked)
    assert gone
    assert not gone.exists()


def test_regions_stand_for_those_of_the_data_set_where_there_are_any(
    photos: Sequence[Photo], tmp_path: Path
) -> None:
    data, _ = WRITERS["class_folders"](tmp_path, photos)
    (tmp_path / "more.csv").write_text("file,xmin,ymin,xmax,ymax\n01.png,0,0,3,3\n")
    more = tmp_path / "more.csv"
    source = open_source("folder", data, "val", annotations=[more])
    split = open_split("folder", data, "val", SIZE, tmp_path / "cache", {}, [more])
    names = [Path(name).name for name in split.names]
    boxes = {name: split.annotations("boxes", place)[1].tolist() for place, name in enumerate(names)}
    assert [box.tolist() for _, box in source.read(names.index("01.png")).of("boxes")] == [[0, 0, 3, 3]]
    assert len(boxes["01.png"]) == 1
    before = open_split("folder", data, "val", SIZE, tmp_path / "cache", {})
    for place, name in enumerate(names):
        own = before.annotations("boxes", place)[1].tolist()
        assert (own == boxes[name]) == (name != "01.png")


def test_of_several_files_the_last_one_counts_for_the_images_that_it_has(tmp_path: Path) -> None:
    data = _folder(tmp_path / "data", *(f"train/cat/{n}.png" for n in range(4)), *PLACES)
    for name, rows in {
        "first": "0.png,0,0,4,4\n1.png,0,0,4,4",
        "last": "1.png,2,2,8,8\n2.png,2,2,8,8",
    }.items():
        (tmp_path / f"{name}.csv").write_text(f"file,xmin,ymin,xmax,ymax\n{rows}\nnone-{name}.png,1,1,2,2\n")
    files = [tmp_path / "first.csv", tmp_path / "last.csv"]
    asked = ("folder", data, "train", SIZE, tmp_path / "cache", {})
    source, split = open_source("folder", data, "train", annotations=files), open_split(*asked, files)
    firsts = [[box[0] for _, box in source.read(n).of("boxes")] for n in range(len(source.names))]
    assert dict(zip((Path(n).name for n in source.names), firsts, strict=True)) == {
        "0.png": [0],
        "1.png": [2],
        "2.png": [2],
        "3.png": [],
        "train-cat.png": [],
        "train-dog.png": [],
    }
    assert split.has("boxes").tolist() == [bool(each) for each in firsts]
    assert all(any(f"none-{name}.png" in said for said in split.remarks) for name in ("first", "last"))
    files[0].write_text("file,xmin,ymin,xmax,ymax\n3.png,0,0,4,4\n")
    anew = open_split(*asked, files)
    assert dict(zip(anew.names, anew.has("boxes").tolist(), strict=True)) == {
        name: Path(name).name in ("1.png", "2.png", "3.png") for name in anew.names
    }


# --- what is not annotated is not negative ---


def exported(root: Path, photos: Sequence[Photo]) -> Path:
    """Write COCO's export beside its images, as one folder."""
    coco(root, photos)
    for photo in photos:
        shutil.copy(photo.file, root / photo.name)
    shutil.rmtree(root / "photos")
    return root


def test_an_image_without_annotations_is_no_negative(photos: Sequence[Photo], tmp_path: Path) -> None:
    source = open_source("annotations", exported(tmp_path, photos), "train")
    assert len(source.names) + sum(
        len(open_source("annotations", tmp_path, part).names) for part in ("val", "test")
    ) == sum(photo.box is not None for photo in photos)
    assert all(source.read(index).labels for index in range(len(source.names)))
    assert any("9 images without any annotation" in remark for remark in source.remarks)
    assert source.exclusive


def test_it_is_one_where_the_user_says_so(photos: Sequence[Photo], tmp_path: Path) -> None:
    home = exported(tmp_path, photos)
    parts = [open_source("annotations", home, part, unlabelled="negative") for part in SPLITS]
    assert sum(len(part.names) for part in parts) == len(photos)
    assert sum(not part.read(i).labels for part in parts for i in range(len(part.names))) == 9
    assert not parts[0].exclusive


def test_splits_of_an_export_are_kept(photos: Sequence[Photo], tmp_path: Path) -> None:
    for part, name in (("train", "train"), ("val", "valid"), ("test", "test")):
        (tmp_path / name).mkdir()
        exported(tmp_path / name, [photo for photo in photos if photo.split == part])
        (tmp_path / name / "export.json").rename(tmp_path / name / "_annotations.coco.json")
    assert recognised(tmp_path)[0] == "annotations"
    for part in SPLITS:
        wanted = {photo.name for photo in photos if photo.split == part and photo.box}
        source = open_source("annotations", tmp_path, part)
        assert {Path(name).name for name in source.names} == wanted
        assert source.classes == CLASSES


@pytest.mark.parametrize("beside", [True, False])
def test_yolo_folders_are_data_sets(photos: Sequence[Photo], tmp_path: Path, beside: bool) -> None:
    (tmp_path / "made").mkdir()
    yolo(tmp_path / "made", photos)
    labels, home = tmp_path / "made/labels", tmp_path / "data"
    for photo in photos:
        image = home / ("images/{}" if beside else "{}/images").format(photo.split) / photo.name
        image.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo.file, image)
        text = labels / f"{photo.file.stem}.txt"
        if text.exists():
            to = home / ("labels/{}" if beside else "{}/labels").format(photo.split) / text.name
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(text, to)
    shutil.copy(labels / "data.yaml", home / "data.yaml")
    for data in (home, home / "data.yaml"):
        name, root = located(str(data), None)
        source = open_source(name, Path(root or ""), "train")
        assert {Path(each).name for each in source.names} == {"03.png", "09.png", "15.png"}
        assert source.read(0).of("boxes")


def _split(layout: str, photos: Sequence[Photo], root: Path) -> list[Path]:
    """Write the photos of each split to a folder of its own; return the folders in which those lie."""
    if layout in ("class_folders", "imagefolder"):
        root.mkdir()
        return [WRITERS[layout](root, photos)[0]]
    for part in SPLITS:
        (root / part).mkdir(parents=True)
        writer = yolo if layout == "yolo" else exported
        writer(root / part, [photo for photo in photos if photo.split == part])
    if layout == "export":
        return [root]
    for part in SPLITS:
        (root / part / "photos").rename(root / part / "images")
        for kind in ("images", "labels"):
            (root / kind).mkdir(exist_ok=True)
            (root / part / kind).rename(root / kind / part)
        (root / part).rmdir()
    return [root / "labels", root / "images"]


@pytest.mark.parametrize(
    ("layout", "reader"),
    [("class_folders", "folder"), ("imagefolder",) * 2, ("export", "annotations"), ("yolo", "annotations")],
)
def test_split_folders_are_found_in_any_letters_and_each_once(
    layout: str, reader: str, photos: Sequence[Photo], tmp_path: Path
) -> None:
    places = _split(layout, photos, tmp_path / "data")
    data = places[0].parent if layout == "yolo" else places[0]
    for place in places:
        for old, new in (("train", "Training"), ("validation", "val"), ("val", "Valid"), ("test", "TEST")):
            if (place / old).exists():
                (place / old).rename(place / new)
        (place / "regions.csv").unlink(missing_ok=True)  # it names the folders
        (place / "more").mkdir()
    assert recognised(data)[0] == reader
    for part in SPLITS:
        source = open_source(reader, data, part)
        wanted = {
            photo.name for photo in photos if photo.split == part and (photo.box or reader != "annotations")
        }
        assert {Path(name).name for name in source.names} == wanted
        (said,) = (each for each in source.remarks if "folders called like no split" in each)
        assert all((place / "more").relative_to(data).as_posix() in said for place in places)
    (places[0] / "val").mkdir()
    assert recognised(data)[0] == reader
    with pytest.raises(
        UserError, match="Valid and val are both for the split val, but there must be one folder"
    ):
        open_source(reader, data, "train")


def test_voc_files_beside_their_images_are_a_data_set(photos: Sequence[Photo], tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    voc(tmp_path / "made", photos)
    home = shutil.copytree(tmp_path / "made/xml", tmp_path / "data")
    for photo in photos:
        shutil.copy(photo.file, home / photo.name)
    assert recognised(home) == ("annotations", "photos with annotations")
    parts = [open_source("annotations", home, part) for part in SPLITS]
    assert sum(len(part.names) for part in parts) == 9
    assert parts[0].classes == CLASSES


# --- whose class a region is of ---


def _folder(root: Path, *places: str) -> Path:
    for place in places:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        painted(30, 20).save(root / place)
    return root


PLACES = [f"{split}/{name}/{split}-{name}.png" for split in SPLITS for name in ("cat", "dog")]


def test_a_class_that_is_none_of_the_data_is_that_of_the_image(tmp_path: Path) -> None:
    marks = tmp_path / "marks.csv"
    marks.write_text("file,xmin,ymin,xmax,ymax,label\ntrain-dog.png,1,2,3,4,object\n")
    source = open_source("folder", _folder(tmp_path / "data", *PLACES), "train", annotations=[marks])
    assert [[label for label, _ in source.read(i).of("boxes")] for i in range(2)] == [[], [1]]
    assert "its classes (object) are none of the data's" in source.remarks[-1]


@pytest.mark.parametrize("beside", [True, False])
def test_a_region_of_a_class_that_the_image_has_not_is_said(tmp_path: Path, beside: bool) -> None:
    data = _folder(tmp_path / "data", *PLACES)
    marks = data / "regions.csv" if beside else tmp_path / "marks.csv"
    marks.write_text(f"file,xmin,ymin,xmax,ymax,label\n{PLACES[1]},1,2,3,4,cat\n{PLACES[0]},1,2,3,4,cat\n")
    files = [] if beside else [marks]
    source = open_source("folder", data, "train", annotations=files)
    assert any("is of cat, which its image is not: it guides nothing" in r for r in source.read(1).remarks)
    found = inspect(source)
    assert (found.annotated, found.objects["boxes"]) == ([0], {"cat": 1})
    split = open_split("folder", data, "train", SIZE, tmp_path / "cache", {}, files)
    assert split.has("boxes").tolist() == [True, False]
    assert "left out: 1 of the boxes, in 1 of 2 images, of a class that the image does" in split.remarks[-1]


def test_ignored_regions_are_of_the_images_class(tmp_path: Path) -> None:
    marks = tmp_path / "marks.csv"
    marks.write_text("file,xmin,ymin,xmax,ymax,label\ntrain-dog.png,1,2,3,4,Ignore\n")
    source = open_source("folder", _folder(tmp_path / "data", *PLACES), "train", annotations=[marks])
    assert [(label, box.tolist()) for label, box in source.read(1).of("ignore")] == [(1, [1, 2, 3, 4])]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a.png,1,2,3,4,cat", "marks.csv: its images (a.png) are none of the data set's"),
        ("train-dog.png,1,2,3,4,cta", "the class 'cta' is unknown; did you mean 'cat'?"),
        ("same.png,1,2,3,4,cat", "same.png means several images (train/cat/same.png and val/cat/same.png)"),
    ],
)
def test_regions_that_fit_nothing_are_named(tmp_path: Path, row: str, said: str) -> None:
    marks = tmp_path / "marks.csv"
    other = "\ntest-dog.png,1,2,3,4,dog" if not row.startswith("a.png") else ""
    marks.write_text(f"file,xmin,ymin,xmax,ymax,label\n{row}{other}\n")
    data = _folder(tmp_path / "data", *PLACES, "train/cat/same.png", "val/cat/same.png")

    def read() -> None:
        source = open_source("folder", data, "train", annotations=[marks])
        for index in range(len(source.names)):
            source.read(index)

    with pytest.raises(UserError, match=re.escape(said)):
        read()


def test_images_of_no_split_are_left_out_and_said(tmp_path: Path) -> None:
    marks = tmp_path / "marks.csv"
    marks.write_text("file,xmin,ymin,xmax,ymax\ntrain-dog.png,1,2,3,4\nnone.png,1,2,3,4\n")
    source = open_source("folder", _folder(tmp_path / "data", *PLACES), "train", annotations=[marks])
    assert "1 images are in no split, and were left out (none.png)" in source.remarks[-1]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a/1.png", "a/1.png"),
        ("D:\\x\\a\\1.png", "a/1.png"),
        ("x/y/b/1", "b/1.jpg"),
        ("1.jpg", "b/1.jpg"),
        ("2.png", "2.png"),
        ("b/2.png", "b/2.png"),
        ("/home/b/2.png", "b/2.png"),
        ("c/3.png", "deep/c/3.png"),
        ("other/c/3.png", "deep/c/3.png"),
        ("4.png", None),
        ("1.gif", None),
    ],
)
def test_an_image_is_found_by_as_many_folders_as_are_written(written: str, meant: str | None) -> None:
    known = Images(["a/1.png", "b/1.jpg", "2.png", "b/2.png", "deep/c/3.png"])
    assert known.meant([written], "FILE") == [meant]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["a/1.png", "b/0.png"], ["a/1.png", None]),  # another folder's photo of that name is another photo
        (["b/1.png", "b/0.png"], ["a/1.png", "a/0.png"]),  # a tool's own folders: they agree nowhere
        (["a/1.png", "0.png"], ["a/1.png", "a/0.png"]),  # no folder is written
        (["x/a/0.png", "x/b/2.png"], ["a/0.png", None]),
        (["0.png", "a/0.png", "a/0.png"], [None, "a/0.png", "a/0.png"]),
        (["b/0.png", "a/0.png"], [None, "a/0.png"]),
        (["x/3.png", "3.png"], [None, "3.png"]),
        (["x/3.png", "x/2.png"], ["3.png", "deep/c/2.png"]),
        (["y/c/2.png", "a/1.png"], [None, "a/1.png"]),
        (["y/c/2.png", "y/1.png"], ["deep/c/2.png", None]),
        (["e/4.png", "a/1.png"], [None, "a/1.png"]),  # it would mean two
    ],
)
def test_names_of_one_file_are_written_alike(written: list[str], meant: list[str | None]) -> None:
    known = Images(["a/0.png", "a/1.png", "deep/c/2.png", "3.png", "a/4.png", "deep/4.png"])
    assert known.meant(written, "FILE") == meant
    assert known.meant(written[::-1], "FILE") == meant[::-1]


def test_regions_of_a_photo_that_is_gone_are_left_out_and_said(tmp_path: Path) -> None:
    data, marks = _folder(tmp_path / "data", "train/cat/0.png", *PLACES), tmp_path / "marks.csv"
    marks.write_text(f"file,xmin,ymin,xmax,ymax\ntrain/dog/0.png,1,2,3,4\n{PLACES[0]},1,2,3,4\n")
    source = open_source("folder", data, "train", annotations=[marks])
    found = {name: len(source.read(place).of("boxes")) for place, name in enumerate(source.names)}
    assert found == {"train/cat/0.png": 0, PLACES[0]: 1, PLACES[1]: 0}
    assert "1 images are in no split, and were left out (train/dog/0.png)" in source.remarks[-1]


@pytest.mark.parametrize("written", ["1", "x/1", "3.png", "x/3.png"])
def test_a_name_that_means_several_images_is_said(written: str) -> None:
    known = Images(["a/1.png", "b/1.jpg", "d/c/3.png", "e/c/3.png", "f/c/3.png"])
    with pytest.raises(UserError, match=f"FILE: {written} means several images"):
        known.meant([written], "FILE")


@given(st.lists(st.lists(st.sampled_from("ab"), max_size=3), min_size=1, max_size=8), st.integers(0, 7))
def test_finding_an_image_compares_it_with_all_others(folders: list[list[str]], place: int) -> None:
    """The sorted search against the definition, in which every image is looked at."""
    names = list(dict.fromkeys("/".join((*each, "1.png")) for each in folders))
    written = "/".join((*folders[place % len(folders)][1:], "1.png"))

    def common(name: str) -> float:
        pairs = list(zip(name.split("/")[::-1], written.split("/")[::-1], strict=False))
        same = next((n for n, (one, other) in enumerate(pairs) if one != other), len(pairs))
        return same + 0.5 * (name == written)

    best = [name for name in names if common(name) == max(map(common, names))]
    try:
        assert Images(names).meant([written], "FILE") == best
    except UserError:
        assert len(best) > 1


def test_many_images_of_one_name_are_found_at_once() -> None:
    names = [f"patient {n}/scan.png" for n in range(20_000)]
    with within(60):  # each compared with each other one would take many minutes
        assert Images(names).meant(names, "FILE") == names


# --- splits ---


@given(
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=30, max_size=200),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
    st.integers(0, 5),
)
def test_drawn_splits_have_each_class_in_its_share(
    labels: list[str], validation: float, test: float, seed: int
) -> None:
    photos = [Listed(f"{number}.png", frozenset({label})) for number, label in enumerate(labels)]
    found, said = divided(photos, Shares(validation, test, seed))
    counts = Counter(zip(found, labels, strict=True))
    for label, total in Counter(labels).items():
        for split, share in (("val", validation), ("test", test)):
            assert abs(counts[split, label] - share * total) <= 1
    assert "val and test: drawn from train" in said
    shuffled, _ = divided(photos[::-1], Shares(validation, test, seed))
    assert shuffled[::-1] == found


def test_images_that_belong_together_stay_in_one_split() -> None:
    photos = [Listed(f"{n}.png", frozenset({"ab"[n % 2]}), together=f"patient {n // 4}") for n in range(80)]
    found, _ = divided(photos, Shares(0.2, 0.2))
    assert all(len(set(found[start : start + 4])) == 1 for start in range(0, 80, 4))
    assert Counter(found) == {"train": 48, "val": 16, "test": 16}


def test_a_missing_test_is_a_half_of_validation() -> None:
    photos = [Listed(f"{n}.png", frozenset({"a"}), "val" if n < 10 else "train") for n in range(30)]
    found, said = divided(photos, Shares())
    assert Counter(found) == {"train": 20, "val": 5, "test": 5}
    assert "test: drawn from val, with seed 0" in said


def test_another_seed_draws_other_images() -> None:
    photos = [Listed(f"{n}.png", frozenset({"a"})) for n in range(60)]
    assert divided(photos, Shares(seed=0))[0] != divided(photos, Shares(seed=1))[0]


# --- tables and metadata ---


def test_several_classes_in_a_cell_or_in_columns(tmp_path: Path) -> None:
    _folder(tmp_path, *(f"{n}.png" for n in range(4)))
    tables = {
        "cell": "file,label,split\n0.png,a|b,train\n1.png,b,val\n2.png,,test\n",
        "list": "file;label;split\n0.png;['a', 'b'];train\n1.png;b;val\n2.png;;test\n",
        "columns": "file,a,b,split\n0.png,1,1,train\n1.png,0,1,val\n2.png,0,0,test\n",
    }
    for name, text in tables.items():
        (tmp_path / f"{name}.csv").write_text(text)
        sources = [open_source("table", tmp_path / f"{name}.csv", part) for part in SPLITS]
        assert [set(each.read(0).labels) for each in sources] == [{0, 1}, {1}, set()]
        assert not sources[0].exclusive


def test_groups_of_a_column_are_scored(tmp_path: Path) -> None:
    _folder(tmp_path, *(f"{n}.png" for n in range(3)))
    rows = "0.png,a,train,land\n1.png,a,val,water\n2.png,a,test,land\n"
    (tmp_path / "t.csv").write_text(f"file,label,split,place\n{rows}")
    source = open_source("table", tmp_path / "t.csv", "test", group="place")
    assert source.groups == ("land", "water")
    assert source.read(0).group == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,label,split\n0.png,a,trian\n", "line 2: split is 'trian', but must be train, val or test"),
        ("file,label\n0.png,a\n0.png,b\n", "line 3: names 0.png again, after "),
        ("file,a,b\n0.png,1,2\n", "line 2: b is '2', but must be 0 or 1"),
        ("file,label\n/0.png,a\n", "line 2: file is '/0.png', but must name an image below"),
        ("file,label\na/../../0.png,a\n", "line 2: file is 'a/../../0.png', but must name an image below"),
        ("file,label\na\\..\\0.png,a\n0.png,b\n", "line 3: names 0.png again, after "),
        ("name,label\n0.png,a\n", "line 1: the header must be file, each once"),
        ("file,label\n0.png,\n", "no row names a class"),
    ],
)
def test_defective_tables_are_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(UserError) as caught:
        open_source("table", tmp_path / "t.csv", "train")
    assert said in str(caught.value)


def test_imagefolder_labels_come_from_folders_and_objects(photos: Sequence[Photo], tmp_path: Path) -> None:
    root, _ = imagefolder(tmp_path, photos)
    for file in root.glob("*/metadata.jsonl"):
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        kept = [{k: v for k, v in line.items() if k != "label"} for line in lines if "objects" in line]
        file.write_text("\n".join(map(json.dumps, kept)))
    source = open_source("imagefolder", root, "train")
    assert source.classes == CLASSES
    assert len(source.names) == 3


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["0.png", "../0.png"], "file_name is '../0.png', but must name an image below "),
        (["0.png", "C:\\0.png"], "file_name is 'C:\\\\0.png', but must name an image below "),
        (["0.png", "1.png", "a/../0.png"], "names 0.png again, after "),
    ],
)
@pytest.mark.parametrize("file", ["metadata.jsonl", "metadata.csv"])
def test_defective_metadata_is_named(names: list[str], said: str, file: str, tmp_path: Path) -> None:
    rows = ["file_name,label", *(f"{name},a" for name in names)]
    if file == "metadata.jsonl":
        rows = [json.dumps({"file_name": name, "label": "a"}) for name in names]
    (tmp_path / file).write_text("\n".join(rows))
    with pytest.raises(UserError, match=f"line {len(rows)}: {re.escape(said)}"):
        open_source("imagefolder", tmp_path, "train")


def test_what_must_not_be_used_is_no_class_of_metadata(tmp_path: Path) -> None:
    _folder(tmp_path, *(f"{number}.png" for number in range(9)))
    seen = {"bbox": [[1, 2, 3, 4]] * 3, "categories": ["cat", "dog", "Ignore"]}
    lines = [json.dumps({"file_name": f"{number}.png", "objects": seen}) for number in range(9)]
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines))
    source = open_source("imagefolder", tmp_path, "train")
    assert source.classes == ("cat", "dog")
    sample = source.read(0)
    assert [label for label, _ in sample.of("boxes")] == [0, 1]
    assert [label for label, _ in sample.of("ignore")] == [0, 1]


# --- what a path is taken for ---


@pytest.mark.parametrize("name", WRITERS)
def test_paths_are_recognised(
    name: str, photos: Sequence[Photo], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, _ = WRITERS[name](tmp_path, photos)
    wanted = {"label_table": "table", "columns": "table", "parquet_tables": "table"}
    reader, root = located(str(data), None)
    assert reader == wanted.get(name, "imagefolder" if name == "imagefolder" else "folder")
    assert f"(--data {reader} --root {root})" in capsys.readouterr().err


def test_what_is_no_data_set_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("")
    with pytest.raises(UserError, match=r"is no data set that is known \(there is notes.md\)"):
        recognised(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        recognised(tmp_path / "none")
    with pytest.raises(UserError, match="is a path, so --root"):
        located(str(tmp_path), "x")


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar.gz"])
def test_archives_are_to_be_unpacked(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(UserError, match="is an archive; unpack it"):
        recognised(tmp_path / name)
    with pytest.raises(UserError, match="is an archive; unpack it"):
        open_source("folder", _folder(tmp_path / "data", *PLACES), "train", annotations=[tmp_path / name])


def test_classes_in_other_letters_are_no_other_classes(tmp_path: Path) -> None:
    marks = tmp_path / "marks.csv"
    marks.write_text("file,xmin,ymin,xmax,ymax,label\ntrain-dog.png,1,2,3,4,Dog\n")
    source = open_source("folder", _folder(tmp_path / "data", *PLACES), "train", annotations=[marks])
    with pytest.raises(UserError, match="the class 'Dog' is unknown; did you mean 'dog'"):
        source.read(1)


def test_another_column_of_labels_is_another_data_set(tmp_path: Path) -> None:
    _folder(tmp_path, *(f"{n}.png" for n in range(3)))
    rows = "0.png,a,b,x,train\n1.png,b,a,y,val\n2.png,a,b,x,test\n"
    (tmp_path / "t.csv").write_text(f"file,label,other,place,split\n{rows}")
    arguments = ("table", tmp_path / "t.csv", "train", SIZE, tmp_path / "cache")
    plain = open_split(*arguments, {})
    assert plain.labels.tolist() == [[1, 0]]
    assert open_split(*arguments, {"label": "other"}).labels.tolist() == [[0, 1]]
    assert open_split(*arguments, {"group": "place"}).groups == ("x", "y")
    assert plain.groups == ()


@pytest.mark.parametrize("below", ["train", "train/cat"])
def test_photos_are_no_masks_of_themselves(tmp_path: Path, below: str) -> None:
    data = _folder(tmp_path / "data", *PLACES)
    with pytest.raises(UserError, match="holds the photos themselves, but there must be regions of them"):
        open_source("folder", data, "train", annotations=[data / below])


def test_texts_of_parquet_in_no_known_encoding_are_said(tmp_path: Path) -> None:
    names = pyarrow.array([b"caf\xe9.png"], pyarrow.binary()).cast(pyarrow.string(), safe=False)
    parquet.write_table(pyarrow.table({"file": names, "label": ["a"]}), tmp_path / "t.parquet")
    with pytest.raises(UserError, match=r"t.parquet: has values that cannot be read \('utf-8' codec"):
        open_source("table", tmp_path / "t.parquet", "train")


def test_columns_of_parquet_in_no_known_encoding_are_said(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pyarrow.table({"file": ["a.png"], "label": ["a"], "caf\xe9": ["b"]}), path)
    path.write_bytes(path.read_bytes().replace("caf\xe9".encode(), b"caf\xe9z"))
    with pytest.raises(UserError, match=r"t.parquet: is no Parquet file that can be read \('utf-8' codec"):
        open_source("table", path, "train")


def test_a_region_of_data_without_any_class_is_said() -> None:
    with pytest.raises(UserError, match="^a line 2: the class 'cat' is unknown: the data set has no class$"):
        class_index("cat", {}, "a line 2")
    with pytest.raises(UserError, match="did you mean 'dog'"):
        class_index("dot", {"bird": 0, "dog": 1}, "a line 2")


@pytest.mark.parametrize("value", [0.5, -1.0, float("nan"), 3.0])
def test_a_mask_whose_value_is_no_line_of_the_names_is_said(tmp_path: Path, value: float) -> None:
    data, masks = _folder(tmp_path / "data", *PLACES), tmp_path / "masks"
    masks.mkdir()
    (masks / "classes.txt").write_text("cat\ndog\n")
    pixels = np.ones((20, 30), np.float32)
    Image.fromarray(pixels).save(masks / "train-cat.tiff")
    pixels[3, 4] = value
    Image.fromarray(pixels).save(masks / "train-dog.tiff")
    source = open_source("folder", data, "train", annotations=[masks])
    cat, dog = (source.names.index(f"train/{name}/train-{name}.png") for name in ("cat", "dog"))
    assert [label for label, _ in source.read(cat).of("masks")] == [0]
    with pytest.raises(UserError, match=f"train-dog.tiff: has the value {value}, but classes.txt names 2"):
        source.read(dog)
