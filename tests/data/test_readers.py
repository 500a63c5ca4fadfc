"""Every reader: where boxes lie, which classes there are, and one sentence for each mistake."""

import json
import os
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
from tests.data import fuzz
from tests.data.samples import painted
from tests.permissions import unprivileged

import model_guidance.data as data
from model_guidance.data.formats.coco_masks import class_masks
from model_guidance.data.readers import coco as coco_reader
from model_guidance.data.readers import folder as folder_reader
from model_guidance.data.readers import voc as voc_reader
from model_guidance.data.readers import waterbirds
from model_guidance.errors import UserError

Write = Callable[..., Path]
HORSE = ("horse", 0, (1, 1, 40, 30))
ALL_GROUPS = [(y, place, split) for split in (0, 1, 2) for y in (0, 1) for place in (0, 1)]
SEEN_GROUPS = [(y, place, split) for y, place, split in ALL_GROUPS if split > 0 or y == place]


def only(source: data.Source) -> data.Sample:
    return source.read(0)


def boxes(sample: data.Sample) -> list[tuple[int, list[float]]]:
    return [(label, box.tolist()) for label, box in sample.of("boxes")]


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
        assert sample.labels == {label for label, _ in sample.of("boxes")} == classes
        assert {label for label, _ in sample.of("masks")} == classes
    assert [int(mask.sum()) for _, mask in with_all.of("masks")] == [300, 300]


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
    with pytest.raises(UserError, match=r"000001\.png: has the shape \(8, 8\)"):
        only(voc_reader.read(home, "train"))
    (home / "Annotations/000001.xml").write_text("<annotation><object>")
    with pytest.raises(UserError, match=r"000001\.xml: is not well-formed XML"):
        only(voc_reader.read(home, "train"))
    Image.new("RGB", (41, 30)).save(home / "JPEGImages/000001.jpg")
    voc(HORSE)
    Image.new("RGB", (41, 30)).save(home / "JPEGImages/000001.jpg")
    with pytest.raises(UserError, match=r"000001\.xml: is made for an image of 40 x 30 pixels"):
        only(voc_reader.read(home, "train"))


def test_voc_missing_is_said_with_the_remedy(tmp_path: Path, voc: Write) -> None:
    with pytest.raises(UserError, match=r"train\.txt: does not exist; put the official VOCdevkit there, or"):
        voc_reader.read(tmp_path / "nowhere", "train")
    with pytest.raises(UserError, match=r"val\.txt: does not exist"):
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
    masks = dict(sample.of("masks"))
    assert masks[0].sum() == masks[0][2:6, 2:6].sum() == 16
    assert masks[1].sum() == masks[1][:, 1].sum() == 30
    assert source.read(1).labels == frozenset()


@given(arrays(bool, (6, 7)))
def test_compressed_run_lengths_are_what_pycocotools_encodes(mask: np.ndarray) -> None:
    encoded = run_lengths.encode(np.asfortranarray(mask, dtype=np.uint8))
    text = json.dumps({"counts": encoded["counts"].decode(), "size": [6, 7]}).encode()
    decoded, _ = class_masks([msgspec.Raw(text)], [0], ["here"], (6, 7))
    np.testing.assert_array_equal(decoded[0][1] if decoded else np.zeros((6, 7)), mask)


def test_coco_run_lengths_that_are_no_text_are_named() -> None:
    raw = msgspec.Raw(b'{"size": [6, 7], "counts": "\xff"}')
    with pytest.raises(UserError, match="here: the segmentation is neither polygons nor run lengths"):
        class_masks([raw], [0], ["here"], (6, 7))


def test_coco_train_and_val_are_a_partition(coco: Write) -> None:
    root = coco(year="train2014")
    train, val = (coco_reader.read(root, split, validation=0.26).names for split in ("train", "val"))
    assert len(val) == 3
    assert sorted([*train, *val]) == sorted(f"{i}.png" for i in range(1, 11))
    assert list(val) == list(coco_reader.read(root, "val", validation=0.26).names)
    with pytest.raises(UserError, match=r"no image for the split val with validation=0\.01"):
        coco_reader.read(root, "val", validation=0.01)
    with pytest.raises(UserError, match="--options.validation x: must be a number"):
        coco_reader.read(root, "val", validation="x")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bbox": [1, 2, "3", 4]}, r"Expected `float`, got `str` - at `\$.bbox\[2\]`"),
        ({"category_id": 4}, "no category has the id 4"),
        ({"image_id": 99}, "no image has the id 99"),
        ({"bbox": [1, 2, float("nan"), 4]}, "NaN and Infinity are no numbers"),
        ({"bbox": [1, 2, -3, 4]}, "xmin <= xmax"),
        ({"bbox": [41, 2, 3, 4]}, "must lie in the image"),
        ({"segmentation": [["a"]]}, "neither polygons nor run lengths"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "even number"),
        ({"segmentation": RUNS | {"size": [40, 30]}}, "the run lengths are of size"),
        ({"segmentation": RUNS | {"counts": [30, 30]}}, "must add up to the 1200 pixels"),
        ({"segmentation": RUNS | {"counts": "ab0"}}, "must add up to the 1200 pixels"),
        ({"segmentation": RUNS | {"counts": "abc"}}, "end within a number"),
        ({"segmentation": RUNS | {"counts": "o" * 300_000}}, "are not in COCO's compressed form"),
    ],
)
def test_coco_wrong_annotations_are_named(coco: Write, wrong: dict[str, object], said: str) -> None:
    root = coco({"id": 5}, {"id": 123} | wrong)
    said = f"annotation 123.*{said}"
    with pytest.raises(UserError, match=rf"instances_val2014\.json.*{said}"):
        only(coco_reader.read(root, "test"))


def test_coco_short_polygons_are_left_out_with_a_remark(coco: Write) -> None:
    sample = only(coco_reader.read(coco({"segmentation": [[1, 2, 3, 4], *SQUARE]}), "test"))
    assert sample.of("masks")[0][1].sum() == 16
    assert "annotation 7 (1.png): a polygon of fewer than three points" in sample.remarks[0]


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_coco_a_file_cut_off_is_named(coco: Write, part: float) -> None:
    root = coco({})
    file = root / "annotations/instances_val2014.json"
    file.write_bytes(file.read_bytes()[: int(part * file.stat().st_size)])
    with pytest.raises(UserError, match=r"instances_val2014\.json: is not valid JSON"):
        coco_reader.read(root, "test")


def test_coco_other_defects_are_named(coco: Write) -> None:
    root = coco({})
    file = root / "annotations/instances_val2014.json"
    content = file.read_text()
    for old, new, said in (
        ('"width": 40', '"width": "40"', r"is not in COCO's format \(Expected `int`, got `str`"),
        ('"id": 9, "file_name"', '"id": 8, "file_name"', "has two images with the id 8"),
        ('"categories"', '"kinds"', "is not in COCO's format .*missing required field `categories`"),
    ):
        file.write_text(content.replace(old, new))
        with pytest.raises(UserError, match=rf"instances_val2014\.json: {said}"):
            coco_reader.read(root, "test")
    file.write_text(content.replace('"width": 40', '"width": 41'))
    with pytest.raises(UserError, match=r"image 1 \(1\.png\): is made for an image of 41 x 30"):
        only(coco_reader.read(root, "test"))
    with pytest.raises(UserError, match=r"instances_train2014\.json: does not exist; unpack"):
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


def test_a_ceiling_of_waterbirds_shares_the_copies_of_validation_and_test_images(birds: Write) -> None:
    root = birds(SEEN_GROUPS)
    versions = {split: waterbirds.read(root, split).version for split in ("train", "val", "test")}
    mixed = {split: waterbirds.read(root, split, training="mixed").version for split in versions}
    assert mixed == versions | {"train": mixed["train"]}
    assert mixed["train"] != versions["train"]
    kept = {split: waterbirds.read(root, split, validation="all").version for split in versions}
    assert kept == versions | {"val": kept["val"]}
    assert kept["val"] != versions["val"]


def test_waterbirds_of_both_releases_lie_side_by_side(birds: Write, tmp_path: Path) -> None:
    of_95 = [(0, 0, 0)] * 3 + [(0, 1, 0), (1, 0, 0), (1, 1, 0), (1, 1, 0), (1, 1, 0), (0, 1, 1)]
    birds(of_95, release="complete95")
    root = birds(SEEN_GROUPS)
    ordinary, total = (waterbirds.read(root, "train", correlation=each) for each in (0.95, 1.0))
    assert [ordinary.read(i).group for i in range(8)] == [0, 0, 0, 1, 2, 3, 3, 3]
    assert ordinary.shares == (3 / 8, 1 / 8, 1 / 8, 3 / 8)
    assert total.shares == (0.5, 0, 0, 0.5) == waterbirds.read(root, "train", training="mixed").shares
    assert ordinary.version != total.version
    split = data.open_split("waterbirds", root, "val", 16, tmp_path / "cache", {"correlation": 0.95})
    assert split.shares == ordinary.shares
    for wrong in (95, True, "x"):
        with pytest.raises(UserError, match=f"--options.correlation {wrong}: must be one of 1, 0.95"):
            waterbirds.read(root, "train", correlation=wrong)


def test_waterbirds_mistakes_are_named(birds: Write, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"metadata\.csv: does not exist; unpack"):
        waterbirds.read(tmp_path, "train")
    root = birds([(0, 0, 0), (2, 0, 0)])
    with pytest.raises(UserError, match=r"metadata\.csv line 3: y=2, place=0, split=0, but"):
        waterbirds.read(root, "train")
    with pytest.raises(UserError, match="--options.task bird: must be one of conventional, reversed"):
        waterbirds.read(root, "train", task="bird")
    with pytest.raises(UserError, match="--options.validation True: must be one of seen, all"):
        waterbirds.read(root, "train", validation=True)
    birds([(0, 0, 0)], "1 2 x 4")
    with pytest.raises(UserError, match=r"bounding_boxes\.txt line 1: '1 1 2 x 4', but must be"):
        waterbirds.read(root, "train")
    (root / "CUB_200_2011/bounding_boxes.txt").write_text("5 1 1 1 1")
    with pytest.raises(
        UserError, match=r"bounding_boxes\.txt: has no box for the image 1 \(species/1\.jpg\)"
    ):
        only(waterbirds.read(root, "train"))
    (root / "waterbird_1.0_forest2water2/metadata.csv").write_text("a,b\n")
    with pytest.raises(UserError, match=r"metadata\.csv line 1: the header must be"):
        waterbirds.read(root, "train")


# --- COCO files as they are found ---


@pytest.fixture
def instances(coco: Write) -> Path:
    return coco({"segmentation": SQUARE}) / "annotations/instances_val2014.json"


def test_coco_a_byte_order_mark_moves_nothing(instances: Path) -> None:
    plain = boxes(coco_reader.read(instances.parents[1], "test").read(0))
    instances.write_bytes(b"\xef\xbb\xbf" + instances.read_bytes())
    assert boxes(coco_reader.read(instances.parents[1], "test").read(0)) == plain


def test_coco_nan_in_a_field_without_use_is_read(instances: Path) -> None:
    instances.write_text(instances.read_text().replace('"iscrowd": 0', '"iscrowd": -Infinity, "area": NaN'))
    sample = coco_reader.read(instances.parents[1], "test").read(0)
    assert boxes(sample) == [(0, [1, 2, 4, 6])]
    assert sample.of("masks")[0][1].sum() == 16


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda tables: tables["categories"].append({"id": 1, "name": "dog"}),
            "1 and 3 are both called 'dog'",
        ),
        (lambda tables: tables["categories"].append({"id": 3, "name": "x"}), "two categories with the id 3"),
        (lambda tables: tables["categories"].clear(), "has no categories"),
        (lambda tables: tables["images"].append(tables["images"][0]), "two images with the id 10"),
        (lambda tables: tables["images"][0].update(id=10**30), "is not in COCO's format"),
    ],
)
def test_coco_entries_that_clash_are_named(
    instances: Path, change: Callable[[dict], object], said: str
) -> None:
    tables = json.loads(instances.read_text())
    change(tables)
    instances.write_text(json.dumps(tables))
    with pytest.raises(UserError, match=rf"instances_val2014\.json: .*{said}"):
        coco_reader.read(instances.parents[1], "test")


def test_coco_deep_nesting_is_one_sentence(instances: Path) -> None:
    instances.write_text('{"info": ' + "[" * 20_000 + "]" * 20_000 + "," + instances.read_text()[1:])
    with pytest.raises(UserError, match=r"instances_val2014\.json: is nested too deeply"):
        coco_reader.read(instances.parents[1], "test")


def test_coco_entries_listed_twice_have_a_remark(coco: Write) -> None:
    source = coco_reader.read(coco({"id": 5}, {"id": 5}), "test")
    assert [remark.partition(".json: ")[2] for remark in source.remarks] == [
        "several annotations with the id 5; each counts"
    ]


# --- XML as it is found ---


@pytest.mark.parametrize("encoding", ["gbk", "utf-16", "latin-1", "utf-8"])
def test_voc_xml_is_read_in_the_encoding_that_it_declares(voc: Write, encoding: str) -> None:
    file = voc(HORSE) / "VOCdevkit/VOC2007/Annotations/000001.xml"
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + file.read_text().replace("head", "t\u00eate")
    file.write_bytes(
        text.replace("t\u00eate", "\u9a6c" if encoding == "gbk" else "t\u00eate").encode(encoding)
    )
    assert only(voc_reader.read(file.parents[3], "train")).labels == {12}


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ('<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]>', "declares entities"),
        ('<?xml version="1.0" encoding="klingon"?>', "unknown encoding: klingon"),
        ("<a>", "is not well-formed XML"),
    ],
)
def test_voc_xml_that_cannot_be_read_is_named(voc: Write, head: str, said: str) -> None:
    file = voc(HORSE) / "VOCdevkit/VOC2007/Annotations/000001.xml"
    file.write_text(head + file.read_text())
    with pytest.raises(UserError, match=rf"000001\.xml: .*{said}"):
        only(voc_reader.read(file.parents[3], "train"))


def test_a_split_without_images_is_named(voc: Write) -> None:
    root = voc(HORSE)
    (root / "VOCdevkit/VOC2007/ImageSets/Main/val.txt").write_text("\n")
    with pytest.raises(UserError, match="the split val of voc has no image"):
        data.open_source("voc", root, "val")


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
        ("train/dog/2.png,0,0,1,1", "'train/dog/2.png' is no image of"),
        ("train/dog/1.png,0,0,1", "has 4 cells, but the header has 5"),
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


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("train/dog/1.png", "file,xmin,ymin,xmax,ymax\n{},1,2,3,4\n"),
        ("./train//dog/../dog/1.png", "file,xmin,ymin,xmax,ymax\n{},1,2,3,4\n"),
        ("{root}/train/dog/1.png", "file,xmin,ymin,xmax,ymax\n{},1,2,3,4\n"),
        ("train\\dog\\1.png", "file,xmin,ymin,xmax,ymax\n{},1,2,3,4\n"),
        ("train/dog/1.png", "ymax;xmin;ymin;xmax;file;note\n4;1;2;3;{};hm\n"),
        ("train/dog/1.png", "file\txmin\tymin\txmax\tymax\r\n{}\t1\t2\t3\t4\r\n"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_folder_boxes_are_found_however_the_table_is_written(
    folder: Write, tmp_path: Path, file: str, content: str, encoding: str
) -> None:
    root = folder()
    link = tmp_path.with_name(f"{tmp_path.name}-link")
    link.symlink_to(root)
    text = content.replace("{}", file.replace("{root}", str(link.absolute())))
    (root / "regions.csv").write_bytes(text.encode(encoding))
    for place in (root, link):
        assert boxes(folder_reader.read(place, "train").read(1)) == [(1, [1, 2, 3, 4])]


@pytest.mark.parametrize(
    "file",
    [
        *("/elsewhere/train/dog/1.png", "../x.png", "cat/1.png", "train/dog", "val/dog/1.txt", "", "a\0b"),
        f"val/dog/{'9' * 300}.png",
    ],
)
def test_folder_rows_that_match_no_image_are_named(folder: Write, file: str) -> None:
    root = folder("val/dog/1.png,0,0,1,1", f"{file},0,0,1,1")
    (root / "val/dog/1.txt").write_text("")
    with pytest.raises(UserError, match=r"regions\.csv line 3: .* is no image of"):
        folder_reader.read(root, "train")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"file,xmin,ymin,xmax,ymax\ncaf\xe9.png,1,1,2,2", "line 2: byte 0xe9 is no UTF-8 text"),
        (b'file,xmin,ymin,xmax,ymax\n"train/dog/1.png,1,1,2,2', "line 2: is no row of a CSV file"),
        (b"file,xmin,ymin,xmax,ymax,xmin\n", "line 1: the header must be"),
        (b"", "line 1: the header must be"),
        (
            b"a b," * 200,
            r"line 1: the header must be .*; it is (a b,){7}a  \.\.\. \(740 characters\) \.\.\. b,",
        ),
        (None, "is a folder, but must be a file"),
    ],
)
def test_folder_tables_that_cannot_be_read_are_named(folder: Write, content: bytes | None, said: str) -> None:
    table = folder() / "regions.csv"
    table.unlink()
    table.mkdir() if content is None else table.write_bytes(content)
    with pytest.raises(UserError, match=rf"regions\.csv:? ?{said}"):
        folder_reader.read(table.parent, "train")


def test_folder_what_is_no_image_is_left_out_and_said(folder: Write) -> None:
    root = folder()
    cat = root / "train/cat"
    for litter in ("train/__MACOSX", "train/@eaDir", "train/.git", "train/cat/.thumbs"):
        (root / litter).mkdir()
    for file in ("train/cat/.DS_Store", "train/cat/a.txt", "train/cat/b.HEIC", "train/readme.md"):
        (root / file).write_text("")
    (cat / "deep/er").mkdir(parents=True)
    painted(40, 30).save(cat / "deep/er/2.jfif", format="JPEG")
    painted(40, 30).save(cat / "3.AVIF")
    (cat / "deep/loop").symlink_to(cat)
    (cat / "gone.png").symlink_to("nowhere")
    os.mkfifo(cat / "pipe.jpg")
    source = folder_reader.read(root, "train")
    assert source.classes == ("cat", "dog")
    assert source.names == [
        "train/cat/1.png", "train/cat/3.AVIF", "train/cat/deep/er/2.jfif", "train/dog/1.png",
    ]  # fmt: skip
    assert all(source.read(index).image.size == (40, 30) for index in range(4))
    assert [remark.partition(" (")[0] for remark in source.remarks] == [
        "left out: 5 hidden files and folders, or leftovers of a system",
        "left out: 2 files whose suffix is none of an image",
        "left out: 1 folders that a link leads to a second time",
        "left out: 2 broken links, pipes and devices",
        "left out: 1 files that lie in no class's folder",
        "test: drawn from val, with seed 0",
    ]
    assert "(train/cat/a.txt, train/cat/b.HEIC)" in source.remarks[1]


def test_folder_names_that_are_no_text_are_read(folder: Write, tmp_path: Path) -> None:
    root = folder()
    for split in ("train", "val"):
        (root / split / "cat").rename(root / split / os.fsdecode(b"caf\xe9"))
    split = data.open_split("folder", root, "train", 32, tmp_path / "cache", {})
    assert split.classes == ("caf\udce9", "dog")
    assert len(split.names) == 2


def test_folder_mistakes_are_named(folder: Write, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no images; images must lie in ROOT/"):
        folder_reader.read(tmp_path, "train")
    with pytest.raises(UserError, match=r"none: does not exist; images must lie in ROOT/"):
        folder_reader.read(tmp_path / "none", "train")
    root = folder()
    (root / "val/catt").mkdir()
    with pytest.raises(UserError, match=r"val/catt: the class 'catt' is unknown; did you mean 'cat'"):
        folder_reader.read(root, "val")
    (root / "val/catt").rmdir()
    (root / "train").rename(root / "test")
    with pytest.raises(UserError, match="there are images for test and val only, but some must be for train"):
        folder_reader.read(root, "test")
    (root / "test").rename(root / "train")
    (root / "regions.csv").write_text("file,x,y\n")
    with pytest.raises(UserError, match=r"regions\.csv line 1: the header must be file,xmin"):
        folder_reader.read(root, "train")


# --- by name ---


def test_open_split_says_what_there_is(tmp_path: Path) -> None:
    for arguments, options, said in (
        (
            ("vocc", tmp_path, "train", 64, tmp_path),
            {},
            "--data vocc: is neither a path nor a data set that is known; there are voc, coco, waterbirds",
        ),
        (("voc", tmp_path, "dev", 64, tmp_path), {}, "--split dev: must be one of train, val, test"),
        (("voc", None, "train", 64, tmp_path), {}, "--data voc: needs --root"),
        (
            ("voc", tmp_path, "train", 64, tmp_path),
            {"dificult": True},
            "--options.dificult True: is no option of voc; there are difficult, download",
        ),
        (
            ("folder", tmp_path, "train", 64, tmp_path),
            {"x": 1},
            "is no option of folder; there are validation, test, split_seed",
        ),
        (
            ("voc", tmp_path, "train", 64, tmp_path),
            {"difficult": "no"},
            "--options.difficult no: must be true",
        ),
        (("voc", tmp_path, "train", 4, tmp_path), {}, "--size 4: must be at least 8"),
    ):
        with pytest.raises(UserError, match=said):
            data.open_split(*arguments, options)


def test_naming_the_data_sets_needs_no_torch() -> None:
    code = "import sys, model_guidance.data as d; assert d.DATASETS; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_shapes_need_no_root(tmp_path: Path) -> None:
    split = data.open_split("shapes", None, "train", 32, tmp_path, {"count": 6})
    assert (len(split), split.image(0).shape) == (6, (32, 32, 3))


SEVERAL = {"voc_regions", "yolo_regions", "masks", "numbered_masks", "masks_by_class"}  # read as images are


@pytest.mark.parametrize("mode", [0o000, 0o444])
@pytest.mark.parametrize("name", [each for each in fuzz.LAYOUTS if each not in SEVERAL])
def test_each_folder_and_file_that_may_not_be_read_is_named(name: str, mode: int, tmp_path: Path) -> None:
    layout, root = fuzz.LAYOUTS[name], tmp_path / "data"
    fuzz.write(layout.files(), root)
    others = {"val", "3.jpg", "1.2.5.png", "1.2.7.png"}  # of other splits
    if name in fuzz.OWN:
        found = data.open_source(layout.reader, root / layout.data, "train").others
        others = {Path(each).name for each in found or ()} | {"val", "valid", "validation", "test"}
    of_training = (path for path in root.rglob("*") if not others & set(path.parts))
    for path in (root, *of_training):
        kept = path.stat().st_mode
        path.chmod(0 if path.is_file() else mode)
        with pytest.raises(UserError, match=rf"{path.name}.*(denied|does not exist)"):
            unprivileged(lambda: fuzz.used(layout, root, None))
        path.chmod(kept)


def test_a_folder_that_may_not_be_listed_is_named(tmp_path: Path) -> None:
    fuzz.write(fuzz.folder(), tmp_path)
    (tmp_path / "train" / "cat").chmod(0o111)
    with pytest.raises(UserError, match=r"train/cat: cannot be listed \(Permission denied\)"):
        unprivileged(lambda: data.open_source("folder", tmp_path, "train"))
