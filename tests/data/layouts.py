"""Small sound data sets in every layout that people keep their own photos in, as files by their path."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow
from PIL import Image
from pyarrow import parquet

SIDE = 12  # pixels of an image
FOLDER = None
Files = dict[str, bytes | str | None]  # by the path: content, the target of a link, or FOLDER


@dataclass(frozen=True)
class Layout:
    """Files, which reader takes them and where they lie below the root; perhaps with regions over them.

    `kinds` are those of the annotations in the training images.
    """

    files: Callable[[], Files]
    reader: str
    kinds: frozenset[str]
    data: str = ""
    annotations: str | None = None


def picture(suffix: str = "png", mode: str = "RGB", seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    return saved(Image.fromarray(pixels).convert(mode), {"jpg": "JPEG", "png": "PNG"}[suffix])


def saved(image: Image.Image, form: str, **settings: object) -> bytes:
    content = io.BytesIO()
    image.save(content, form, **settings)
    return content.getvalue()


def _lines(*rows: str) -> bytes:
    return "\n".join(rows).encode()


def _parquet(**columns: Sequence[object]) -> bytes:
    content = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), content)
    return content.getvalue()


NUMBERS = range(1, 7)


def _flat(above: str = "") -> Files:
    return {f"{above}{n}.png": picture() for n in NUMBERS}


def class_folders() -> Files:
    files: Files = {f"{name}/{n}{name}.png": picture() for name in ("cat", "dog") for n in range(1, 5)}
    boxes = [f"{place},1,2,9,12,{kind}" for place, kind in zip(files, ["box", "ignore"] * 4, strict=True)]
    return files | {"regions.csv": _lines("file,xmin,ymin,xmax,ymax,kind", *boxes)}


def label_table() -> Files:
    rows = ["1.png,cat,train,a", "2.png,dog,train,b", '3.png,"cat|dog",val,a', "4.png,cat;dog,val,b"]
    rows += ["5.png,\"['cat', 'dog']\",test,a", "6.png,,test,"]
    return _flat() | {"labels.csv": _lines("filename,label,split,place", *rows)}


def columns() -> Files:
    rows = [f"{n}.png,{n % 2},{n // 2 % 2}" for n in NUMBERS]
    return _flat() | {"labels.csv": _lines("path,cat,dog", *rows)}


def lists() -> Files:
    classes = [["cat"], ["dog"], ["cat", "dog"]] * 2
    table = _parquet(file=[f"{n}.png" for n in NUMBERS], label=classes, split=["train", "val", "test"] * 2)
    return _flat() | {"labels.parquet": table}


def imagefolder() -> Files:
    files, number = Files(), 0
    for split in ("train", "validation", "test"):
        lines = []
        for name in ("cat", "dog"):
            number += 1
            files[f"{split}/{name}/{number}.png"] = picture()
            objects = {"bbox": [[1, 2, 8, 9.5], [3, 3, 1, 1]], "categories": [name, "ignore"]}
            line = {"file_name": f"{name}/{number}.png", "objects": objects}
            lines.append(json.dumps(line | ({"label": name} if number % 2 else {})))
        files[f"{split}/metadata.jsonl"] = _lines(*lines)
    return files


def imagefolder_table() -> Files:
    return _flat() | {"metadata.csv": _lines("file_name,label", *(f"{n}.png,{'cd'[n % 2]}" for n in NUMBERS))}


def _coco(numbers: Sequence[int], prefix: str = "") -> bytes:
    images = [
        {"id": n, "file_name": f"{prefix}{n}.png", "width": SIDE, "height": SIDE} | {"license": 1}
        for n in numbers
    ]
    shapes = [
        {"segmentation": [[1, 1, 9, 1, 9, 9.5], [2, 2, 3, 2, 3, 4]]},
        {"segmentation": {"counts": [20, 30, SIDE * SIDE - 50], "size": [SIDE, SIDE]}, "iscrowd": 1},
        {"segmentation": {"counts": "d0l3", "size": [SIDE, SIDE]}},
        {"segmentation": []},
        {},
        {"segmentation": None},
    ]
    objects = [
        {"id": place, "image_id": numbers[place % len(numbers)], "category_id": 3 + place % 2}
        | {"bbox": [1, 2, 8, 7.5], "area": 60}
        | shape
        for place, shape in enumerate(shapes)
    ]
    objects += [
        {"id": 10 + n, "image_id": n, "category_id": 5, "bbox": [1, 1, 8, 8.5]} | shapes[0] for n in numbers
    ]
    names = [{"id": n, "name": name} for n, name in ((3, "cat"), (4, "dog"), (5, "ignore"))]
    return json.dumps({"images": images, "annotations": objects, "categories": names}).encode()


def coco_export() -> Files:
    return _flat("images/") | {"export.json": _coco(NUMBERS)}


def roboflow() -> Files:
    files = Files()
    for split, numbers in (("train", (1, 2, 3)), ("valid", (4, 5)), ("test", (6,))):
        files |= {f"{split}/{n}.png": picture() for n in numbers}
        files[f"{split}/_annotations.coco.json"] = _coco(numbers)
    return files


def _voc(number: int) -> bytes:
    node = (
        "<object><name>{}</name><bndbox><xmin>2</xmin><ymin>3.5</ymin><xmax>9</xmax><ymax>12</ymax></bndbox>"
        "</object>"
    )
    objects = node.format(("cat", "dog")[number % 2]) + node.format("ignore")
    return (
        f"<annotation><filename>{number}.png</filename><size><width>{SIDE}</width><height>{SIDE}</height>"
        f"<depth>3</depth></size>{objects}</annotation>"
    ).encode()


def voc_export() -> Files:
    return _flat() | {f"{n}.xml": _voc(n) for n in NUMBERS}


def _yolo(number: int) -> bytes:
    own = number % 2
    return _lines(
        f"{own} 0.5 0.5 0.25 0.5", f"{own} 0.1 0.1 0.9 0.1 0.9 0.9 0.4 0.9", "2 0.25 0.25 0.125 0.125"
    )


YAML = b"path: .\ntrain: images/train\nval: images/val\nnames:\n  0: cat\n  1: dog\n  2: ignore\n"


def yolo_export() -> Files:
    files: Files = {"data.yaml": YAML}
    for n in NUMBERS:
        split = ("train", "val", "test")[n % 3]
        files |= {f"images/{split}/{n}.png": picture(), f"labels/{split}/{n}.txt": _yolo(n)}
    return files


def _label_studio(prefix: str = "/data/upload/1/0123abcd-") -> bytes:
    values = {
        "rectanglelabels": {"x": 10, "y": 20.5, "width": 30, "height": 40, "rotation": 0},
        "polygonlabels": {"points": [[10, 10], [90, 10], [90, 80.5]], "closed": True},
        "ellipselabels": {"x": 50, "y": 50, "radiusX": 20, "radiusY": 10, "rotation": 30},
        "keypointlabels": {"x": 50, "y": 50, "width": 0.5},
        "brushlabels": {"format": "rle", "rle": [0, 0, 2, 64, 38, 95, 255, 255, 128]},
    }
    values["turned"] = {"type": "rectanglelabels", **values["rectanglelabels"], "rotation": 20}
    del values["brushlabels"]
    tasks = []
    for n in NUMBERS:
        results = []
        for place, (name, value) in enumerate(values.items()):
            kind = value.get("type", name)
            label = "ignore" if place == 5 or (place == 1 and n == 1) else ("cat", "dog")[n % 2]
            shape = {key: each for key, each in value.items() if key != "type"} | {kind: [label]}
            sides = {"original_width": SIDE, "original_height": SIDE, "image_rotation": 0}
            results.append({"id": f"r{place}", "type": kind, **sides, "value": shape, "from_name": "l"})
        results.append({"id": "c", "type": "choices", "value": {"choices": [("cat", "dog")[n % 2]]}})
        annotations = [{"id": 7, "was_cancelled": False, "result": results}]
        tasks.append({"id": n, "data": {"image": f"{prefix}{n}.png"}, "annotations": annotations})
    return json.dumps(tasks).encode()


def label_studio_export() -> Files:
    return _flat("images/") | {"export.json": _label_studio()}


def _cvat(prefix: str = "") -> bytes:
    shapes = """
        <box label="{0}" xtl="1" ytl="2" xbr="9" ybr="10.5" occluded="0"/>
        <box label="{0}" xtl="3" ytl="4" xbr="9" ybr="8" rotation="30"/>
        <polygon label="{0}" points="1,1;9,1;9,9.5"/><polygon label="ignore" points="1,1;4,1;4,9.5"/>
        <ellipse label="{0}" cx="6" cy="6" rx="3" ry="2" rotation="45"/>
        <mask label="{0}" rle="2, 3, 7" left="2" top="3" width="4" height="3"/>
        <points label="{0}" points="5.5,6"><attribute name="a">b</attribute></points><tag label="{0}"/>"""
    images = "".join(
        f'<image id="{n}" name="{prefix}{n}.png" width="{SIDE}" height="{SIDE}">'
        f"{shapes.format(('cat', 'dog')[n % 2])}</image>"
        for n in NUMBERS
    )
    labels = "".join(f"<label><name>{name}</name></label>" for name in ("cat", "dog", "ignore"))
    meta = f"<meta><task><labels>{labels}</labels></task></meta>"
    return f"<annotations><version>1.1</version>{meta}{images}</annotations>".encode()


def cvat_export() -> Files:
    return _flat() | {"annotations.xml": _cvat()}


ROWS = [
    f"{n}.png,{box},{('cat', 'dog')[n % 2]}" for n in NUMBERS for box in ("1,2,9,12,box,", "4,6,,,point,2")
]
HEADER = "filename,xmin,ymin,xmax,ymax,kind,radius,class"


def table_export() -> Files:
    return _flat() | {"boxes.csv": _lines(HEADER, *ROWS, "1.png,0,0,3,3,ignore,,")}


# --- the same regions, over photos in folders of their classes ---


def _over(**files: bytes) -> Files:
    photos: Files = {}
    for n in NUMBERS:
        split = ("train", "val", "test")[(n - 1) // 2]
        photos[f"photos/{split}/{('cat', 'dog')[n % 2]}/{n}.png"] = picture()
    return photos | {f"regions/{name}": content for name, content in files.items()}


def _value(values: dict[tuple[int, int], int], mode: str) -> bytes:
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    for (start, end), value in values.items():
        pixels[start:end, start:end] = value
    return saved(Image.fromarray(pixels).convert(mode), "PNG")


def _masks() -> Files:
    return _over(**{f"{n}.png": _value({(2, 9): 255}, "L") for n in NUMBERS})


def _numbered() -> Files:
    masks = {f"{n}.png": _value({(0, 4): 1 + n % 2, (5, 8): 3, (9, 11): 255}, "P") for n in NUMBERS}
    return _over(**masks, **{"classes.txt": b"cat\ndog\nignore\n"})


def _by_class() -> Files:
    masks = {f"{('cat', 'dog')[n % 2]}/{n}.png": _value({(2, 9): 1}, "L") for n in NUMBERS}
    return _over(**masks, **{"ignore/1.png": _value({(2, 4): 1}, "L")})


def _region_parquet() -> Files:
    edges = {name: [value] * 6 for name, value in (("xmin", 1), ("ymin", 2.5), ("xmax", 9), ("ymax", 12))}
    table = _parquet(file=[f"{n}.png" for n in NUMBERS], kind=["box", "ignore"] * 3, **edges)
    return _over(**{"boxes.parquet": table})


MARKED = frozenset({"boxes", "masks"})
SHAPED = frozenset({*MARKED, "points", "ignore_masks"})
IGNORED = frozenset({*MARKED, "ignore"})
SPLITTING = {
    "coco_export": Layout(coco_export, "annotations", MARKED | {"ignore_masks"}),
    "roboflow": Layout(roboflow, "annotations", MARKED | {"ignore_masks"}),
    "voc_export": Layout(voc_export, "annotations", frozenset({"boxes", "ignore"})),
    "yolo_export": Layout(yolo_export, "annotations", IGNORED),
    "label_studio_export": Layout(label_studio_export, "annotations", SHAPED),
    "cvat_export": Layout(cvat_export, "annotations", SHAPED),
    "table_export": Layout(
        table_export, "annotations", frozenset({"boxes", "points", "ignore"}), "boxes.csv"
    ),
}
PHOTOS = {
    "class_folders": Layout(class_folders, "folder", frozenset({"boxes", "ignore"})),
    "label_table": Layout(label_table, "table", frozenset()),
    "columns": Layout(columns, "table", frozenset(), "labels.csv"),
    "lists": Layout(lists, "table", frozenset(), "labels.parquet"),
    "imagefolder": Layout(imagefolder, "imagefolder", frozenset({"boxes", "ignore"})),
    "imagefolder_table": Layout(imagefolder_table, "imagefolder", frozenset()),
}


def _laid(files: Callable[[], Files], kinds: frozenset[str], name: str = "") -> Layout:
    return Layout(files, "folder", kinds, "photos", f"regions/{name}".rstrip("/"))


def _texts(suffix: str, content: Callable[[int], bytes], **more: bytes) -> Files:
    return _over(**{f"{n}.{suffix}": content(n) for n in NUMBERS}, **more)


REGIONS = {
    "coco_regions": _laid(lambda: _over(**{"a.json": _coco(NUMBERS)}), MARKED | {"ignore_masks"}, "a.json"),
    "voc_regions": _laid(lambda: _texts("xml", _voc), frozenset({"boxes", "ignore"})),
    "yolo_regions": _laid(lambda: _texts("txt", _yolo, **{"data.yaml": YAML}), IGNORED),
    "label_studio_regions": _laid(lambda: _over(**{"a.json": _label_studio()}), SHAPED, "a.json"),
    "cvat_regions": _laid(lambda: _over(**{"a.xml": _cvat("photos/")}), SHAPED, "a.xml"),
    "masks": _laid(_masks, MARKED),
    "numbered_masks": _laid(_numbered, MARKED | {"ignore_masks"}),
    "masks_by_class": _laid(_by_class, MARKED | {"ignore_masks"}),
    "table_regions": _laid(
        lambda: _over(**{"a.csv": _lines(HEADER, *ROWS, "1.png,0,0,3,3,ignore,,")}),
        frozenset({"boxes", "points", "ignore"}),
        "a.csv",
    ),
    "parquet_regions": _laid(_region_parquet, frozenset({"boxes", "ignore"}), "boxes.parquet"),
}
OWN = PHOTOS | SPLITTING | REGIONS
