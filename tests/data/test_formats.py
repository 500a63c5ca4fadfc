"""Every shape of every format, compared with what its documentation says, pixel by pixel, in float64."""

import json
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as pycoco
from tests.data.fuzz import within

from model_guidance.data import open_source
from model_guidance.data.annotations.kinds import KINDS
from model_guidance.data.formats.known import open_annotations
from model_guidance.data.marks import RADIUS
from model_guidance.data.outlines import clipped
from model_guidance.data.resizing import Resizing
from model_guidance.data.source import Annotation
from model_guidance.errors import UserError

WIDTH, HEIGHT = 90, 60  # a square would hide a mistaken side
X, Y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)  # the centres of the pixels
NEAR = 0.75  # pixels from an outline, on which tools draw as they like
Distance = np.ndarray  # of each pixel to the outline, or less; above 0 inside


def drawn(path: Path) -> list[Annotation]:
    """Return the annotations of the first image of a file, of class 7."""
    image = Image.new("RGB", (WIDTH, HEIGHT))
    found, remarks = open_annotations(path).read(0).drawn(image, {7}, lambda _: [7])
    assert not remarks
    assert {each.label for each in found} == {7}
    return list(found)


def shape(path: Path, kind: str) -> np.ndarray:
    """Return the only shape of a kind."""
    (found,) = [each.shape for each in drawn(path) if each.kind == kind]
    return found


def assert_mask(path: Path, distance: Distance, kind: str = "masks") -> None:
    """Compare a file's mask with a formula, where no outline passes; and its box with the mask."""
    found = shape(path, kind)
    sure = np.abs(distance) > NEAR
    assert sure.mean() > 0.6
    assert 20 < (distance > NEAR).sum() < sure.sum() - 20
    assert np.array_equal(found[sure], distance[sure] > 0)
    if kind == "masks":
        rows, columns = np.nonzero(found)
        edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert shape(path, "boxes").tolist() == edges


def turned(x: float, y: float, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels' places as seen from x, y by one who is turned clockwise by so many degrees."""
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return (X - x) * cosine + (Y - y) * sine, (Y - y) * cosine - (X - x) * sine


def in_rectangle(x: float, y: float, width: float, height: float, angle: float = 0) -> Distance:
    """Of a box that begins at x, y and is turned about this corner."""
    across, down = turned(x, y, angle)
    return np.minimum.reduce([across, width - across, down, height - down])


def in_ellipse(x: float, y: float, a: float, b: float, angle: float = 0) -> Distance:
    across, down = turned(x, y, angle)
    return (1 - np.hypot(across / a, down / b)) * min(a, b)


def in_triangle(*corners: tuple[float, float]) -> Distance:
    """Of corners that go round clockwise on the screen."""
    sides = []
    for (x1, y1), (x2, y2) in zip(corners, (*corners[1:], corners[0]), strict=True):
        sides.append(((x2 - x1) * (Y - y1) - (y2 - y1) * (X - x1)) / np.hypot(x2 - x1, y2 - y1))
    return np.minimum.reduce(sides)


# --- Label Studio: percent of the image, turned in pixels ---


def studio(tmp_path: Path, kind: str, value: dict[str, object], label: str = "a", **more: object) -> Path:
    result = {"type": kind, "original_width": WIDTH, "original_height": HEIGHT, **more}
    result["value"] = {**value, kind: [label]}
    task = {"id": 1, "data": {"image": "1.png"}, "annotations": [{"result": [result]}]}
    (tmp_path / "e.json").write_text(json.dumps([task]))
    return tmp_path / "e.json"


def percent(**pixels: float) -> dict[str, object]:
    sides = {"x": WIDTH, "width": WIDTH, "radiusX": WIDTH, "y": HEIGHT, "height": HEIGHT, "radiusY": HEIGHT}
    return {name: 100 * value / sides[name] for name, value in pixels.items()}


def test_label_studio_box(tmp_path: Path) -> None:
    path = studio(tmp_path, "rectanglelabels", percent(x=9, y=12, width=27, height=30))
    assert shape(path, "boxes") == pytest.approx([9, 12, 36, 42], abs=1e-5)


@pytest.mark.parametrize("angle", [30.0, 90.0, 200.0, -15.5])
def test_label_studio_box_turned_about_its_corner(tmp_path: Path, angle: float) -> None:
    value = percent(x=45, y=30, width=25, height=18) | {"rotation": angle}
    assert_mask(studio(tmp_path, "rectanglelabels", value), in_rectangle(45, 30, 25, 18, angle))


def test_a_turned_box_that_reaches_past_the_image_is_cut_and_not_bent(tmp_path: Path) -> None:
    value = percent(x=60, y=5, width=60, height=20) | {"rotation": 20}
    assert_mask(studio(tmp_path, "rectanglelabels", value), in_rectangle(60, 5, 60, 20, 20))


@pytest.mark.parametrize("angle", [0.0, 40.0, 90.0])
def test_label_studio_ellipse(tmp_path: Path, angle: float) -> None:
    value = percent(x=45, y=30, radiusX=24, radiusY=9) | {"rotation": angle}
    assert_mask(studio(tmp_path, "ellipselabels", value), in_ellipse(45, 30, 24, 9, angle))


def test_label_studio_polygon(tmp_path: Path) -> None:
    corners = [(10.0, 5.0), (80.0, 20.0), (30.0, 55.0)]
    value = {"points": [[100 * x / WIDTH, 100 * y / HEIGHT] for x, y in corners], "closed": True}
    assert_mask(studio(tmp_path, "polygonlabels", value), in_triangle(*corners))


def test_label_studio_point(tmp_path: Path) -> None:
    path = studio(tmp_path, "keypointlabels", percent(x=30, y=20) | {"width": 0.4})
    assert shape(path, "points") == pytest.approx([30, 20, RADIUS * WIDTH], abs=1e-5)


def packed(values: list[int], widths: tuple[int, ...] = (3, 4, 8, 16)) -> list[int]:
    """Pack values as Label Studio does, in runs of equal ones and in runs of others."""
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{width - 1:04b}" for width in widths)
    for value, same in groupby(values):
        count = len(list(same))
        while count:
            size = next((place for place, width in enumerate(widths) if count <= 2**width), len(widths) - 1)
            length = min(count, 2 ** widths[size])
            if length == 1:  # a literal
                bits += f"0{0:02b}{0:0{widths[0]}b}{value:08b}"
            else:
                bits += f"1{size:02b}{length - 1:0{widths[size]}b}{value:08b}"
            count -= length
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


@pytest.mark.parametrize("colour", [(255, 255, 255, 255), (12, 200, 7, 128)])
def test_label_studio_brush(tmp_path: Path, colour: tuple[int, ...]) -> None:
    inside = in_ellipse(40, 25, 20, 11, 30) > 0
    pixels = np.where(inside[..., None], np.array(colour), np.array([*colour[:3], 0]))
    value = {"format": "rle", "rle": packed(pixels.ravel().tolist())}
    assert np.array_equal(shape(studio(tmp_path, "brushlabels", value), "masks"), inside)


def test_a_run_of_several_literals_is_read(tmp_path: Path) -> None:
    pixels = np.zeros((HEIGHT, WIDTH, 4), int)
    pixels[0, :2] = [[1, 2, 3, 4], [5, 6, 7, 8]]
    bits = f"{pixels.size:032b}{7:05b}" + f"{14:04b}" * 4 + "000" + f"{7:015b}"
    bits += "".join(f"{value:08b}" for value in range(1, 9)) + "101" + f"{pixels.size - 9:015b}" + "0" * 8
    bits += "0" * (-len(bits) % 8)
    stream = [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]
    found = shape(studio(tmp_path, "brushlabels", {"format": "rle", "rle": stream}), "masks")
    assert np.argwhere(found).tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize(
    "stream", [None, [], [1, 2], [256], ["a"], packed([0] * 40), packed([0] * (WIDTH * HEIGHT * 4))[:-2]]
)
def test_a_damaged_brush_is_said(tmp_path: Path, stream: object) -> None:
    with pytest.raises(UserError, match="its rle must be a brush stroke on 90 x 60 pixels"):
        drawn(studio(tmp_path, "brushlabels", {"format": "rle", "rle": stream}))


def test_what_marks_no_place_is_left_out_and_said(tmp_path: Path) -> None:
    path = studio(tmp_path, "keypointlabels", percent(x=30, y=20))
    tasks = json.loads(path.read_text())
    tasks[0]["annotations"][0]["result"] += [{"type": "relation"}, {"type": "textarea", "value": {}}]
    path.write_text(json.dumps(tasks))
    assert [each.kind for each in drawn(path)] == ["points"]
    assert "was left out: 1 of type relation, 1 of type textarea" in open_annotations(path).remarks[0]


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([{"image": "1.png", "label": [{"x": 1}]}], 'choose "JSON", not "JSON-MIN"'),
        ([{"data": {"video": 3}, "annotations": []}], "its data name no image"),
    ],
)
def test_other_exports_of_label_studio_are_said(tmp_path: Path, tasks: object, said: str) -> None:
    (tmp_path / "e.json").write_text(json.dumps(tasks))
    with pytest.raises(UserError, match=said):
        open_annotations(tmp_path / "e.json")


def test_an_image_that_was_turned_in_label_studio_is_said(tmp_path: Path) -> None:
    path = studio(tmp_path, "rectanglelabels", percent(x=9, y=12, width=27, height=30), image_rotation=90)
    with pytest.raises(UserError, match="was drawn on the image turned by 90 degrees, not 0"):
        drawn(path)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/data/upload/1/0123abcd-a.png", "/data/upload/1/a.png"),
        ("/data/local-files/?d=cat/my%20photo.png", "cat/my photo.png"),
        ("s3://bucket/cat/a.png", "bucket/cat/a.png"),
        ("https://x.org/cat/a.png?key=1", "x.org/cat/a.png"),
    ],
)
def test_addresses_of_label_studio_name_images(tmp_path: Path, address: str, name: str) -> None:
    path = studio(tmp_path, "keypointlabels", percent(x=30, y=20))
    path.write_text(path.read_text().replace("1.png", address))
    assert open_annotations(path).images == [name]


# --- CVAT: pixels, turned about the centre ---


def cvat(tmp_path: Path, node: str) -> Path:
    (tmp_path / "a.xml").write_text(
        f'<annotations><image name="1.png" width="{WIDTH}" height="{HEIGHT}">{node}</image></annotations>'
    )
    return tmp_path / "a.xml"


def test_cvat_box(tmp_path: Path) -> None:
    path = cvat(tmp_path, '<box label="a" xtl="9.5" ytl="12" xbr="36" ybr="42.25"/>')
    assert shape(path, "boxes").tolist() == [9.5, 12, 36, 42.25]


@pytest.mark.parametrize("angle", [30.0, 90.0, 300.0])
def test_cvat_box_turned_about_its_centre(tmp_path: Path, angle: float) -> None:
    path = cvat(tmp_path, f'<box label="a" xtl="30" ytl="20" xbr="60" ybr="36" rotation="{angle}"/>')
    across, down = turned(45, 28, angle)
    assert_mask(path, np.minimum(15 - np.abs(across), 8 - np.abs(down)))


@pytest.mark.parametrize("angle", [0.0, 40.0])
def test_cvat_ellipse(tmp_path: Path, angle: float) -> None:
    path = cvat(tmp_path, f'<ellipse label="a" cx="45" cy="30" rx="25" ry="10" rotation="{angle}"/>')
    assert_mask(path, in_ellipse(45, 30, 25, 10, angle))


@pytest.mark.parametrize("angle", ["nan", "inf"])
def test_an_angle_of_cvat_that_is_none_is_said(tmp_path: Path, angle: str) -> None:
    path = cvat(tmp_path, f'<ellipse label="a" cx="45" cy="30" rx="25" ry="10" rotation="{angle}"/>')
    with pytest.raises(UserError, match=f"rotation is {angle}, but must be a number of degrees"):
        drawn(path)


def test_cvat_polygon(tmp_path: Path) -> None:
    path = cvat(tmp_path, '<polygon label="a" points="10,5;80.0,20;30,55"/>')
    assert_mask(path, in_triangle((10, 5), (80, 20), (30, 55)))


def test_cvat_mask_runs_go_along_the_rows_and_begin_outside(tmp_path: Path) -> None:
    path = cvat(tmp_path, '<mask label="a" rle="1, 3, 2, 1, 1" left="7" top="9" width="4" height="2"/>')
    wanted = np.zeros((HEIGHT, WIDTH), bool)
    wanted[9, 8:11] = wanted[10, 9] = True
    assert np.array_equal(shape(path, "masks"), wanted)
    assert shape(path, "boxes").tolist() == [8, 9, 11, 11]


def test_several_points_of_cvat_are_one_each(tmp_path: Path) -> None:
    found = drawn(cvat(tmp_path, '<points label="a" points="5.5,6;70,50"/>'))
    assert [each.kind for each in found] == ["points", "points"]
    assert [each.shape.tolist() for each in found] == [[5.5, 6, 4.5], [70, 50, 4.5]]


@pytest.mark.parametrize("tag", ["skeleton", "polyline", "cuboid"])
def test_what_is_no_region_in_cvat_is_said(tmp_path: Path, tag: str) -> None:
    with pytest.raises(UserError, match=f"{tag} 1: is no region; there may be box, polygon, ellipse, mask"):
        drawn(cvat(tmp_path, f'<{tag} label="a" points="1,2;3,4"/>'))


# --- YOLO: shares of the image ---


def yolo(tmp_path: Path, *lines: str) -> Path:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/1.txt").write_text("\n".join(lines))
    (tmp_path / "data.yaml").write_text("names: [a, b, ignore]\n")
    return tmp_path / "labels"


def test_yolo_box_is_its_centre_and_its_sides(tmp_path: Path) -> None:
    assert shape(yolo(tmp_path, "1 0.5 0.4 0.2 0.3"), "boxes") == pytest.approx([36, 15, 54, 33], abs=1e-5)


def test_yolo_polygon_and_turned_box(tmp_path: Path) -> None:
    corners = [(10.0, 5.0), (80.0, 20.0), (30.0, 55.0)]
    shares = " ".join(f"{x / WIDTH} {y / HEIGHT}" for x, y in corners)
    assert_mask(yolo(tmp_path, f"0 {shares}"), in_triangle(*corners))
    angle = np.radians(25)
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    start = np.array([30.0, 10.0])
    box = np.array([start, start + 35 * along, start + 35 * along + 16 * across, start + 16 * across])
    shares = " ".join(map(str, (box / (WIDTH, HEIGHT)).ravel()))
    (tmp_path / "labels/1.txt").write_text(f"0 {shares}")
    assert_mask(tmp_path / "labels", in_rectangle(30, 10, 35, 16, 25))


def test_an_empty_file_of_yolo_marks_nothing(tmp_path: Path) -> None:
    path = yolo(tmp_path)
    found, _ = open_annotations(path).read(0).drawn(Image.new("RGB", (WIDTH, HEIGHT)), {0}, lambda _: [0])
    assert found == ()


def test_poses_of_yolo_are_said(tmp_path: Path) -> None:
    path = yolo(tmp_path, "0 0.5 0.4 0.2 0.3 0.1 0.2 2 0.4 0.3 1")
    (tmp_path / "data.yaml").write_text("names: [a]\nkpt_shape: [2, 3]\n")
    with pytest.raises(UserError, match=r"is of poses \(kpt_shape\)"):
        open_annotations(path)


def _photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 12), (9, 99, 199)).save(path)


@pytest.mark.parametrize("above", ["", "path: ../elsewhere\n"])
def test_folders_of_a_data_yaml_are_where_it_says(tmp_path: Path, above: str) -> None:
    home = tmp_path / ("elsewhere" if above else "set")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/data.yaml").write_text(
        f"{above}train: a/images/x\nval: a/images/y\ntest: ../a/images/z\nnames: [cat, dog]\n"
    )
    for number, split in enumerate("xyz"):
        _photo(home / f"a/images/{split}/{number}.png")
        (home / f"a/labels/{split}").mkdir(parents=True)
        (home / f"a/labels/{split}/{number}.txt").write_text("1 0.5 0.5 0.5 0.5")
    for number, name in enumerate(("train", "val")):
        source = open_source("annotations", tmp_path / "set/data.yaml", name)
        assert [Path(each).name for each in source.names] == [f"{number}.png"]
        assert source.read(0).of("boxes")[0][1].tolist() == [3, 3, 9, 9]
        assert source.classes == ("dog",)
        assert any("1 classes that no image has were left out (cat)" in each for each in source.remarks)


@pytest.mark.parametrize("stated", ["/", "..", "../.."])
def test_a_folder_that_holds_the_data_yaml_is_not_that_of_its_images(tmp_path: Path, stated: str) -> None:
    home = tmp_path / "a/b"
    _photo(home / "images/train/1.png")
    _photo(tmp_path / "none.png")
    (home / "labels/train").mkdir(parents=True)
    (home / "labels/train/1.txt").write_text("0 0.5 0.5 0.5 0.5")
    (home / "data.yaml").write_text(f"train: {stated}\nnames: [cat]\n")
    with within(20):  # the whole disk is not looked through
        source = open_source("annotations", home, "train", validation=0.01, test=0.01)
    assert source.names == ["images/train/1.png"]


def test_a_list_of_images_in_a_data_yaml_is_said(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("train: train.txt\nnames: [cat]\n")
    with pytest.raises(UserError, match=r"train is 'train.txt', but must be one folder of images, no list"):
        open_source("annotations", tmp_path, "train")


# --- COCO, VOC, tables, PNG ---


def coco(tmp_path: Path, segmentation: object, bbox: list[float] | None = None, label: str = "a") -> Path:
    content = {
        "images": [{"id": 1, "file_name": "1.png", "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": 1, "name": label}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": bbox or [1, 2, 3, 4], "iscrowd": 1}
            | ({} if segmentation is None else {"segmentation": segmentation})
        ],
    }
    (tmp_path / "c.json").write_text(json.dumps(content))
    return tmp_path / "c.json"


def test_coco_box(tmp_path: Path) -> None:
    assert shape(coco(tmp_path, None, [9.5, 12, 26.5, 30]), "boxes").tolist() == [9.5, 12, 36, 42]


def test_coco_polygons_are_united(tmp_path: Path) -> None:
    parts = [[10, 5, 40, 5, 40, 25, 10, 25], [60, 30, 85, 30, 85, 55]]
    found = shape(coco(tmp_path, parts), "masks")
    distance = np.maximum(in_rectangle(10, 5, 30, 20), in_triangle((60, 30), (85, 30), (85, 55)))
    sure = np.abs(distance) > NEAR
    assert np.array_equal(found[sure], distance[sure] > 0)


@pytest.mark.parametrize("compressed", [False, True])
def test_coco_run_lengths_go_down_the_columns(tmp_path: Path, compressed: bool) -> None:
    inside = in_ellipse(40, 25, 20, 11, 30) > 0
    flat = inside.T.ravel()
    runs = [len(list(same)) for _, same in groupby(flat.tolist())]
    text = pycoco.encode(np.asfortranarray(inside, np.uint8))["counts"].decode()
    path = coco(tmp_path, {"counts": text if compressed else runs, "size": [HEIGHT, WIDTH]})
    assert np.array_equal(shape(path, "masks"), inside)


def test_key_points_without_a_box_are_said(tmp_path: Path) -> None:
    path = coco(tmp_path, None)
    path.write_text(path.read_text().replace('"bbox": [1, 2, 3, 4]', '"keypoints": [1, 2, 2]'))
    with pytest.raises(UserError, match="annotation 1: is not in COCO's format .*`bbox`"):
        open_annotations(path)


def voc(tmp_path: Path, label: str = "a") -> Path:
    edges = "<xmin>10</xmin><ymin>13</ymin><xmax>36</xmax><ymax>42</ymax>"
    (tmp_path / "1.xml").write_text(
        f"<annotation><object><name>{label}</name><bndbox>{edges}</bndbox></object></annotation>"
    )
    return tmp_path / "1.xml"


def test_the_first_pixel_of_voc_is_1_and_the_last_is_inside(tmp_path: Path) -> None:
    assert shape(voc(tmp_path), "boxes").tolist() == [9, 12, 36, 42]


def table(tmp_path: Path, *rows: str) -> Path:
    (tmp_path / "t.csv").write_text("\n".join(("file,xmin,ymin,xmax,ymax,kind,radius,label", *rows)))
    return tmp_path / "t.csv"


def test_a_point_is_a_disc_of_its_radius(tmp_path: Path) -> None:
    point = shape(table(tmp_path, "1.png,30,20,,,point,12,a"), "points")
    assert point.tolist() == [30, 20, 12]
    side = 45
    row = KINDS["points"].resized(point, Resizing.of(side, "stretch").placement((HEIGHT, WIDTH)))
    assert row is not None
    moved = KINDS["points"].movable(torch.from_numpy(row[None]), (side, side))
    x, y = np.meshgrid(*[(np.arange(side) + 0.5) * whole / side for whole in (WIDTH, HEIGHT)])
    assert np.array_equal(KINDS["points"].masks(moved, (side, side))[0], np.hypot(x - 30, y - 20) <= 12)


# --- what must not be used ---


def _studio_box(tmp_path: Path) -> Path:
    return studio(tmp_path, "rectanglelabels", percent(x=9, y=12, width=27, height=30), "ignore")


def _studio_turned(tmp_path: Path) -> Path:
    value = percent(x=45, y=30, width=25, height=18) | {"rotation": 30}
    return studio(tmp_path, "rectanglelabels", value, "Ignore")


IGNORED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "label studio": (_studio_box, "ignore"),
    "label studio, turned": (_studio_turned, "ignore_masks"),
    "cvat": (lambda path: cvat(path, '<box label="ignore" xtl="1" ytl="2" xbr="9" ybr="9"/>'), "ignore"),
    "cvat, polygon": (
        lambda path: cvat(path, '<polygon label="ignore" points="1,2;9,2;9,9"/>'),
        "ignore_masks",
    ),
    "yolo": (lambda path: yolo(path, "2 0.5 0.4 0.2 0.3"), "ignore"),
    "yolo, polygon": (lambda path: yolo(path, "2 0.1 0.1 0.5 0.1 0.5 0.7"), "ignore_masks"),
    "coco": (lambda path: coco(path, None, label="ignore"), "ignore"),
    "coco, polygon": (lambda path: coco(path, [[1, 2, 9, 2, 9, 9]], label="ignore"), "ignore_masks"),
    "voc": (lambda path: voc(path, "ignore"), "ignore"),
    "table": (lambda path: table(path, "1.png,1,2,9,9,,,ignore"), "ignore"),
    "table, kind": (lambda path: table(path, "1.png,1,2,9,9,ignore,,a"), "ignore"),
}


@pytest.mark.parametrize("name", IGNORED)
def test_what_must_not_be_used_is_one_kind_whatever_the_format(tmp_path: Path, name: str) -> None:
    write, kind = IGNORED[name]
    assert [each.kind for each in drawn(write(tmp_path))] == [kind]


def test_a_turned_box_that_must_not_be_used_is_its_mask(tmp_path: Path) -> None:
    assert_mask(_studio_turned(tmp_path), in_rectangle(45, 30, 25, 18, 30), "ignore_masks")


def test_a_point_cannot_be_ignored(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a point cannot be ignored"):
        drawn(cvat(tmp_path, '<points label="ignore" points="5.5,6"/>'))


@given(
    st.lists(st.tuples(st.integers(-30, 60), st.integers(-30, 50)), min_size=3, max_size=3),
    st.sampled_from([(20, 30), (31, 17)]),
)
def test_a_clipped_triangle_has_the_points_of_both_and_no_others(
    corners: list[tuple[int, int]], size: tuple[int, int]
) -> None:
    cut = np.reshape(clipped([each for corner in corners for each in corner], size), (-1, 2))
    assert (cut >= -1e-6).all()
    assert (cut <= np.array(size) + 1e-6).all()
    rows, columns = np.indices((size[1] + 20, size[0] + 20)) - 9.5
    rows, columns = rows + 0.1137, columns + 0.2719  # on no edge between whole numbers
    in_image = (rows > 0) & (rows < size[1]) & (columns > 0) & (columns < size[0])
    wanted = _inside(np.array(corners), columns, rows) & in_image
    found = _inside(cut, columns, rows) if len(cut) else np.zeros_like(wanted)
    assert np.array_equal(found, wanted)


def _inside(corners: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Count the edges to the right of each place: an odd number means inside."""
    crossings = np.zeros(x.shape, int)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        spans = (y1 <= y) != (y2 <= y)
        at = x1 + (y - y1) * (x2 - x1) / (y2 - y1 if y2 != y1 else 1)
        crossings += spans & (at > x)
    return crossings % 2 == 1


# --- masks ---


@pytest.mark.parametrize("palette", [(0, 0, 0, 255, 255, 255), (255, 255, 255, 0, 0, 0), (9, 0, 0, 0, 0, 0)])
@pytest.mark.parametrize(
    ("suffix", "clear"), [("png", None), ("png", 0), ("png", b"\0\7"), ("gif", None), ("gif", 0)]
)
def test_a_mask_with_a_palette_is_what_is_not_black_in_it(
    tmp_path: Path, palette: tuple[int, ...], suffix: str, clear: object
) -> None:
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[3:9, 5:20] = True
    white = any(palette[3:])  # the second colour is the one that is not black
    image = Image.fromarray((inside if white else ~inside).astype(np.uint8), "P")
    image.putpalette(palette)
    image.save(tmp_path / f"one.{suffix}", **({} if clear is None else {"transparency": clear}))
    np.testing.assert_array_equal(shape(tmp_path, "masks"), inside)


def test_numbers_of_a_palette_are_classes_whatever_their_colour(tmp_path: Path) -> None:
    image = Image.fromarray(np.eye(HEIGHT, WIDTH, dtype=np.uint8), "P")
    image.putpalette((255, 255, 255, 0, 0, 0))
    image.save(tmp_path / "one.png")
    (tmp_path / "classes.txt").write_text("a\n")
    np.testing.assert_array_equal(shape(tmp_path, "masks"), np.eye(HEIGHT, WIDTH, dtype=bool))
