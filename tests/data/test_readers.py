"""Every reader: where boxes lie, which classes there are, and one sentence for each mistake."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from PIL import Image
from pycocotools import mask as run_lengths

import model_guidance.data as data
from model_guidance.data.readers import coco as coco_reader
from model_guidance.data.readers import folder as folder_reader
from model_guidance.data.readers import voc as voc_reader
from model_guidance.data.readers import waterbirds
from model_guidance.data.readers.coco_masks import class_masks
from model_guidance.errors import UserError

Write = Callable[..., Path]
HORSE = ("horse", 0, (1, 1, 40, 30))
ALL_GROUPS = [(y, place, split) for split in (0, 1, 2) for y in (0, 1) for place in (0, 1)]
SEEN_GROUPS = [(y, place, split) for y, place, split in ALL_GROUPS if split > 0 or y == place]


def only(source: data.Source) -> data.Sample:
    return source.read(0)


def boxes(sample: data.Sample) -> list[tuple[int, list[float]]]:
    return [(label, box.tolist()) for label, box in sample.boxes]


# --- PASCAL VOC ---


def test_voc_boxes_are_one_based_and_inclusive(voc: Write) -> None:
    sample = only(voc_reader.read(voc(HORSE, ("person", 0, (3, 5, 3, 6))), "train"))
    assert boxes(sample) == [(12, [0, 0, 40, 30]), (14, [2, 4, 3, 6])]
    assert sample.labels == {12, 14}
    assert not sample.remarks


@pytest.mark.parametrize("below", ["", "VOCdevkit", "VOCdevkit/VOC2007"])
def test_voc_is_found_from_three_folders(voc: Write, below: str) -> None:
    assert len(voc_reader.read(voc(HORSE) / below, "train").names) == 1


def test_voc_difficult_objects_are_label_and_region_or_neither(voc: Write) -> None:
    root = voc(HORSE, ("person", 1, (3, 5, 9, 9)))
    mask = Image.fromarray(np.repeat(np.array([[13, 15, 255, 0]], np.uint8), 10, 1).repeat(30, 0))
    mask.save(root / "VOCdevkit/VOC2007/SegmentationClass/000001.png")
    with_all = only(voc_reader.read(root, "train"))
    without = only(voc_reader.read(root, "train", difficult=False))
    for sample, classes in ((with_all, {12, 14}), (without, {12})):
        assert sample.labels == {label for label, _ in sample.boxes} == classes
        assert {label for label, _ in sample.objects} == classes
    assert [int(mask.sum()) for _, mask in with_all.objects] == [300, 300]


@pytest.mark.parametrize(
    ("name", "box", "said"),
    [
        ("horze", (1, 1, 2, 2), "'horze' is unknown; did you mean 'horse'"),
        ("horse", ("nan", 1, 2, 2), "must be finite"),
        ("horse", ("a", 1, 2, 2), "<bndbox/xmin> is 'a', but must be a number"),
        ("horse", (9, 1, 2, 2), "xmin <= xmax"),
        ("horse", (50, 1, 60, 2), "must lie in the image of 40 x 30"),
    ],
)
def test_voc_wrong_objects_are_named(voc: Write, name: str, box: tuple[object, ...], said: str) -> None:
    source = voc_reader.read(voc(HORSE, (name, 0, box)), "train")
    with pytest.raises(UserError, match=rf"000001\.xml, object 2 \({name}\): .*{said}"):
        source.read(0)


def test_voc_defective_files_are_named(voc: Write) -> None:
    home = voc(HORSE) / "VOCdevkit/VOC2007"
    Image.new("L", (8, 8)).save(home / "SegmentationClass/000001.png")
    with pytest.raises(UserError, match=r"000001\.png has shape \(8, 8\)"):
        only(voc_reader.read(home, "train"))
    (home / "Annotations/000001.xml").write_text("<annotation><object>")
    with pytest.raises(UserError, match=r"000001\.xml is not well-formed XML"):
        only(voc_reader.read(home, "train"))
    Image.new("RGB", (41, 30)).save(home / "JPEGImages/000001.jpg")
    voc(HORSE)
    Image.new("RGB", (41, 30)).save(home / "JPEGImages/000001.jpg")
    with pytest.raises(UserError, match=r"000001\.xml is made for an image of 40 x 30 pixels"):
        only(voc_reader.read(home, "train"))


def test_voc_missing_is_said_with_the_remedy(tmp_path: Path, voc: Write) -> None:
    with pytest.raises(UserError, match=r"train\.txt does not exist: put the official VOCdevkit there, or"):
        voc_reader.read(tmp_path / "nowhere", "train")
    with pytest.raises(UserError, match=r"val\.txt does not exist"):
        voc_reader.read(voc(HORSE), "val")


def test_voc_downloads_what_is_absent(voc: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(root: Path, year: str, image_set: str, download: bool) -> None:
        asked.append((root, year, image_set, download))
        voc(HORSE, split="test")

    monkeypatch.setattr("torchvision.datasets.VOCDetection", download)
    root = voc(HORSE)
    voc_reader.read(root / "VOCdevkit", "train", download=True)
    voc_reader.read(root / "VOCdevkit", "test", download=True)
    assert asked == [(root, "2007", "test", True)]


def test_voc_says_when_the_download_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.datasets.VOCDetection", download)
    with pytest.raises(UserError, match=r"could not be downloaded to .* \(no route to host\)"):
        voc_reader.read(tmp_path, "train", download=True)


# --- COCO ---

SQUARE = [[2, 2, 6, 2, 6, 6, 2, 6]]
RUNS = {"counts": [30, 30, 1140], "size": [30, 40]}


def test_coco_boxes_masks_and_classes(coco: Write) -> None:
    crowd = {"category_id": 9, "segmentation": RUNS, "iscrowd": 1, "bbox": [1, 0, 1, 30]}
    source = coco_reader.read(coco({"segmentation": SQUARE}, crowd), "test")
    sample = only(source)
    assert source.classes == ("dog", "tree")
    assert boxes(sample) == [(0, [1, 2, 4, 6]), (1, [1, 0, 2, 30])]
    assert sample.labels == {0, 1}
    masks = dict(sample.objects)
    assert masks[0].sum() == masks[0][2:6, 2:6].sum() == 16
    assert masks[1].sum() == masks[1][:, 1].sum() == 30
    assert source.read(1).labels == frozenset()


@given(arrays(bool, (6, 7)))
def test_compressed_run_lengths_are_what_pycocotools_encodes(mask: np.ndarray) -> None:
    encoded = run_lengths.encode(np.asfortranarray(mask, dtype=np.uint8))
    text = json.dumps({"counts": encoded["counts"].decode(), "size": [6, 7]}).encode()
    decoded, _ = class_masks([msgspec.Raw(text)], [0], ["here"], (6, 7))
    np.testing.assert_array_equal(decoded[0][1] if decoded else np.zeros((6, 7)), mask)


def test_coco_train_and_val_are_a_partition(coco: Write) -> None:
    root = coco(year="train2014")
    train, val = (coco_reader.read(root, split, validation=0.26).names for split in ("train", "val"))
    assert len(val) == 3
    assert sorted([*train, *val]) == sorted(f"{i}.png" for i in range(1, 11))
    assert list(val) == list(coco_reader.read(root, "val", validation=0.26).names)
    with pytest.raises(UserError, match=r"no image for the split val with validation=0\.01"):
        coco_reader.read(root, "val", validation=0.01)
    with pytest.raises(UserError, match="validation is 'x', but must be a number"):
        coco_reader.read(root, "val", validation="x")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bbox": [1, 2, "3", 4]}, r"Expected `float`, got `str` - at `\$.bbox\[2\]`"),
        ({"category_id": 4}, "no category has the id 4"),
        ({"image_id": 99}, "no image has the id 99"),
        ({"bbox": [1, 2, float("nan"), 4]}, "NaN"),
        ({"bbox": [1, 2, -3, 4]}, "xmin <= xmax"),
        ({"bbox": [41, 2, 3, 4]}, "must lie in the image"),
        ({"segmentation": [["a"]]}, "neither polygons nor run lengths"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "even number"),
        ({"segmentation": RUNS | {"size": [40, 30]}}, "the run lengths are of size"),
        ({"segmentation": RUNS | {"counts": [30, 30]}}, "must add up to the 1200 pixels"),
        ({"segmentation": RUNS | {"counts": "abc"}}, "must add up to the 1200 pixels"),
    ],
)
def test_coco_wrong_annotations_are_named(coco: Write, wrong: dict[str, object], said: str) -> None:
    root = coco({"id": 5}, {"id": 123} | wrong)
    said = r"not valid JSON in or after the entry with id 123" if said == "NaN" else f"annotation 123.*{said}"
    with pytest.raises(UserError, match=rf"instances_val2014\.json.*{said}"):
        only(coco_reader.read(root, "test"))


def test_coco_short_polygons_are_left_out_with_a_remark(coco: Write) -> None:
    sample = only(coco_reader.read(coco({"segmentation": [[1, 2, 3, 4], *SQUARE]}), "test"))
    assert sample.objects[0][1].sum() == 16
    assert "annotation 7 (1.png): a polygon of fewer than three points" in sample.remarks[0]


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_coco_a_file_cut_off_is_named(coco: Write, part: float) -> None:
    root = coco({})
    file = root / "annotations/instances_val2014.json"
    file.write_bytes(file.read_bytes()[: int(part * file.stat().st_size)])
    with pytest.raises(UserError, match=r"instances_val2014\.json is not valid JSON"):
        coco_reader.read(root, "test")


def test_coco_other_defects_are_named(coco: Write) -> None:
    root = coco({})
    file = root / "annotations/instances_val2014.json"
    content = file.read_text()
    for old, new, said in (
        ('"width": 40', '"width": "40"', r"is not in COCO's format \(Expected `int`, got `str`"),
        ('"id": 9, "file_name"', '"id": 8, "file_name"', "two images or two categories with the same id"),
        ('"categories"', '"kinds"', "is not in COCO's format .*missing required field `categories`"),
    ):
        file.write_text(content.replace(old, new))
        with pytest.raises(
            UserError, match=rf"instances_val2014\.json {said}|instances_val2014\.json has {said}"
        ):
            coco_reader.read(root, "test")
    file.write_text(content.replace('"width": 40', '"width": 41'))
    with pytest.raises(UserError, match=r"image 1 \(1\.png\) is made for an image of 41 x 30"):
        only(coco_reader.read(root, "test"))
    with pytest.raises(UserError, match=r"instances_train2014\.json does not exist: unpack"):
        coco_reader.read(root, "train")


# --- Waterbirds ---


def test_waterbirds_tasks_groups_and_boxes(birds: Write) -> None:
    root = birds(ALL_GROUPS, "30 2 15 4.5")
    bird, place = (waterbirds.read(root, "test", task=task) for task in ("conventional", "reversed"))
    assert (bird.outside, place.outside, bird.exclusive) == (False, True, True)
    assert bird.groups[1] == place.groups[1] == "landbird on water"
    for index, group in enumerate(range(4)):
        assert bird.read(index).labels == {group // 2}
        assert place.read(index).labels == {group % 2}
        assert bird.read(index).group == place.read(index).group == group
    assert boxes(place.read(1)) == [(1, [30, 2, 40, 6.5])]
    assert "species/10.jpg, bird: the box edges [30, 2, 45, 6.5] were cut" in bird.read(1).remarks[0]


def test_waterbirds_validation_keeps_the_groups_of_training(birds: Write) -> None:
    root = birds(SEEN_GROUPS)
    assert len(waterbirds.read(root, "val").names) == 2
    assert len(waterbirds.read(root, "val", validation="all").names) == 4
    assert len(waterbirds.read(root, "test").names) == 4


def test_waterbirds_mistakes_are_named(birds: Write, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"metadata\.csv does not exist: unpack"):
        waterbirds.read(tmp_path, "train")
    root = birds([(0, 0, 0), (2, 0, 0)])
    with pytest.raises(UserError, match=r"metadata\.csv line 3: y=2, place=0, split=0, but"):
        waterbirds.read(root, "train")
    with pytest.raises(UserError, match="task is 'bird', but must be one of conventional, reversed"):
        waterbirds.read(root, "train", task="bird")
    with pytest.raises(UserError, match="validation is True, but must be one of seen, all"):
        waterbirds.read(root, "train", validation=True)
    birds([(0, 0, 0)], "1 2 x 4")
    with pytest.raises(UserError, match=r"bounding_boxes\.txt line 1: '1 1 2 x 4' must be"):
        waterbirds.read(root, "train")
    (root / "CUB_200_2011/bounding_boxes.txt").write_text("5 1 1 1 1")
    with pytest.raises(UserError, match=r"bounding_boxes\.txt has no box for the image 1 \(species/1\.jpg\)"):
        only(waterbirds.read(root, "train"))
    (root / "waterbird_1.0_forest2water2/metadata.csv").write_text("a,b\n")
    with pytest.raises(UserError, match=r"metadata\.csv line 1: the header must name"):
        waterbirds.read(root, "train")


# --- a folder of one's own ---


def test_folder_classes_and_boxes(folder: Write) -> None:
    source = folder_reader.read(folder("train/dog/1.png,0,0,40,30", "./train/dog/1.png,1.5,2,1.5,4"), "train")
    assert source.classes == ("cat", "dog")
    assert source.names == ["train/cat/1.png", "train/dog/1.png"]
    assert boxes(source.read(0)) == []
    assert boxes(source.read(1)) == [(1, [0, 0, 40, 30]), (1, [1.5, 2, 1.5, 4])]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("train/dog/2.png,0,0,1,1", "'train/dog/2.png' is not a file in"),
        ("train/dog/1.png,0,0,1", "xmin='0', ymin='0', xmax='1', ymax=None, but each must be a number"),
        ("train/dog/1.png,0,0,one,1", "xmax='one'"),
        ("train/dog/1.png,0,0,nan,1", r"\(train/dog/1.png\): the box edges .* must be finite"),
        ("train/dog/1.png,5,0,1,1", "must have xmin <= xmax"),
        ("train/dog/1.png,50,0,51,1", "must lie in the image"),
    ],
)
def test_folder_wrong_rows_are_named(folder: Write, line: str, said: str) -> None:
    root = folder("train/dog/1.png,0,0,40,30", line)
    with pytest.raises(UserError, match=rf"regions\.csv line 3.*{said}"):
        folder_reader.read(root, "train").read(1)


def test_folder_mistakes_are_named(folder: Write, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train does not exist: images must lie in ROOT/"):
        folder_reader.read(tmp_path, "train")
    root = folder()
    with pytest.raises(UserError, match="test does not exist"):
        folder_reader.read(root, "test")
    (root / "val/catt").mkdir()
    with pytest.raises(UserError, match=r"val/catt: the class 'catt' is unknown; did you mean 'cat'"):
        folder_reader.read(root, "val")
    (root / "test").mkdir()
    with pytest.raises(UserError, match=r"test holds no images"):
        folder_reader.read(root, "test")
    (root / "regions.csv").write_text("file,x,y\n")
    with pytest.raises(UserError, match=r"regions\.csv line 1: the header must be file,xmin"):
        folder_reader.read(root, "train")


# --- by name ---


def test_open_split_says_what_there_is(tmp_path: Path) -> None:
    for arguments, options, said in (
        (("vocc", tmp_path, "train", 64, tmp_path), {}, "'vocc' is unknown; there are voc, coco, waterbirds"),
        (("voc", tmp_path, "dev", 64, tmp_path), {}, "split is 'dev', but must be one of train, val, test"),
        (("voc", None, "train", 64, tmp_path), {}, "'voc' needs root"),
        (
            ("voc", tmp_path, "train", 64, tmp_path),
            {"dificult": True},
            "its options are: difficult, download",
        ),
        (("folder", tmp_path, "train", 64, tmp_path), {"x": 1}, "its options are: none"),
        (
            ("voc", tmp_path, "train", 64, tmp_path),
            {"difficult": "no"},
            "difficult is 'no', but must be true",
        ),
        (("voc", tmp_path, "train", 4, tmp_path), {}, "image size is 4, but must be at least 8"),
    ):
        with pytest.raises(UserError, match=said):
            data.open_split(*arguments, options)


def test_naming_the_data_sets_needs_no_torch() -> None:
    code = "import sys, model_guidance.data as d; assert d.DATASETS; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_shapes_need_no_root(tmp_path: Path) -> None:
    split = data.open_split("shapes", None, "train", 32, tmp_path, {"count": 6})
    assert (len(split), split.image(0).shape) == (6, (32, 32, 3))
