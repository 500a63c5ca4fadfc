"""The same photos, with boxes for some, written in every layout and format that people keep them in."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow
import yaml
from PIL import Image
from pyarrow import parquet

CLASSES = ("landbird", "waterbird")
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Photo:
    """A file, its name (unique), its split and class, and perhaps a box in whole pixels."""

    file: Path
    split: str
    label: str
    box: Box | None

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def place(self) -> str:
        return f"{self.split}/{self.label}/{self.name}"

    @property
    def size(self) -> tuple[int, int]:
        with Image.open(self.file) as image:
            return image.size


Written = tuple[Path, Path | None]  # what goes to --data and to --annotations
Writer = Callable[[Path, Sequence[Photo]], Written]


def _copy(photo: Photo, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(photo.file, to)


def _class_folders(root: Path, photos: Sequence[Photo]) -> Path:
    for photo in photos:
        _copy(photo, root / "photos" / photo.place)
    return root / "photos"


def _marked(photos: Sequence[Photo]) -> list[tuple[Photo, Box]]:
    return [(photo, photo.box) for photo in photos if photo.box]


def _csv(file: Path, header: str, rows: Sequence[str]) -> Path:
    file.write_text("\n".join((header, *rows)) + "\n")
    return file


def class_folders(root: Path, photos: Sequence[Photo]) -> Written:
    """Class folders below the splits, with regions.csv."""
    home = _class_folders(root, photos)
    rows = [f"{photo.place},{','.join(map(str, box))}" for photo, box in _marked(photos)]
    _csv(home / "regions.csv", "file,xmin,ymin,xmax,ymax", rows)
    return home, None


def region_table(root: Path, photos: Sequence[Photo]) -> Written:
    """TensorFlow's table of boxes, with the class in each row."""
    rows = [f"{photo.name},{','.join(map(str, box))},{photo.label}" for photo, box in _marked(photos)]
    return _class_folders(root, photos), _csv(root / "boxes.csv", "filename,xmin,ymin,xmax,ymax,class", rows)


def label_table(root: Path, photos: Sequence[Photo]) -> Written:
    """A table of labels, and another one of regions without classes."""
    for photo in photos:
        _copy(photo, root / "all" / photo.name)
    rows = [f"all/{photo.name},{photo.label},{photo.split}" for photo in photos]
    _csv(root / "labels.csv", "image,label,split", rows)
    marks = [f"{photo.name},{','.join(map(str, box))}" for photo, box in _marked(photos)]
    return root, _csv(root / "regions.csv", "file,xmin,ymin,xmax,ymax", marks)


def columns(root: Path, photos: Sequence[Photo]) -> Written:
    """A column of 0 and 1 for each class."""
    _, marks = label_table(root, photos)
    rows = [f"all/{p.name},{','.join(str(int(p.label == c)) for c in CLASSES)},{p.split}" for p in photos]
    _csv(root / "labels.csv", f"path,{','.join(CLASSES)},split", rows)
    return root / "labels.csv", marks


def parquet_tables(root: Path, photos: Sequence[Photo]) -> Written:
    """Parquet, with lists of classes."""
    label_table(root, photos)
    table = {"file": [f"all/{photo.name}" for photo in photos], "split": [photo.split for photo in photos]}
    parquet.write_table(pyarrow.table(table | {"label": [[p.label] for p in photos]}), root / "l.parquet")
    marks = {"file": [photo.name for photo, _ in _marked(photos)]}
    marks |= {e: [b[i] for _, b in _marked(photos)] for i, e in enumerate(("xmin", "ymin", "xmax", "ymax"))}
    parquet.write_table(pyarrow.table(marks), root / "regions.parquet")
    return root / "l.parquet", root / "regions.parquet"


def imagefolder(root: Path, photos: Sequence[Photo]) -> Written:
    """Hugging Face's imagefolder with objects."""
    for split, name in (("train", "train"), ("val", "validation"), ("test", "test")):
        lines = []
        for photo in (each for each in photos if each.split == split):
            _copy(photo, root / name / photo.name)
            line: dict[str, object] = {"file_name": photo.name, "label": photo.label}
            if photo.box:
                x1, y1, x2, y2 = photo.box
                line["objects"] = {"bbox": [[x1, y1, x2 - x1, y2 - y1]], "categories": [photo.label]}
            lines.append(json.dumps(line))
        (root / name / "metadata.jsonl").write_text("\n".join(lines))
    return root, None


def _coco(photos: Sequence[Photo]) -> bytes:
    images = [{"id": i, "file_name": p.name, **_sides(p)} for i, p in enumerate(photos)]
    annotations = [
        {"id": i, "image_id": i, "category_id": CLASSES.index(p.label) + 1, "bbox": _xywh(p.box)}
        for i, p in enumerate(photos)
        if p.box
    ]
    categories = [{"id": i, "name": name} for i, name in enumerate(CLASSES, start=1)]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories}).encode()


def _sides(photo: Photo) -> dict[str, int]:
    return dict(zip(("width", "height"), photo.size, strict=True))


def _xywh(box: Box) -> list[int]:
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]]


def coco(root: Path, photos: Sequence[Photo]) -> Written:
    """COCO's JSON, of all images."""
    (root / "export.json").write_bytes(_coco(photos))
    return _class_folders(root, photos), root / "export.json"


def _voc(photo: Photo, box: Box) -> bytes:
    tree = ElementTree.Element("annotation")
    for name, value in (("filename", photo.name), ("size", None)):
        ElementTree.SubElement(tree, name).text = value
    for side, value in _sides(photo).items():
        ElementTree.SubElement(tree[1], side).text = str(value)
    found = ElementTree.SubElement(tree, "object")
    ElementTree.SubElement(found, "name").text = photo.label
    edges = ElementTree.SubElement(found, "bndbox")
    one_based = (box[0] + 1, box[1] + 1, box[2], box[3])
    for name, value in zip(("xmin", "ymin", "xmax", "ymax"), one_based, strict=True):
        ElementTree.SubElement(edges, name).text = str(value)
    return ElementTree.tostring(tree)


def voc(root: Path, photos: Sequence[Photo]) -> Written:
    """Pascal VOC's XML, a file for each image with a box."""
    (root / "xml").mkdir()
    for photo, box in _marked(photos):
        (root / "xml" / f"{photo.file.stem}.xml").write_bytes(_voc(photo, box))
    return _class_folders(root, photos), root / "xml"


def _yolo(photo: Photo, box: Box) -> str:
    width, height = photo.size
    x1, y1, x2, y2 = box
    shares = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height)
    return f"{CLASSES.index(photo.label)} {' '.join(map(repr, shares))}\n"


def yolo(root: Path, photos: Sequence[Photo]) -> Written:
    """YOLO's texts, with the classes in data.yaml."""
    (root / "labels").mkdir()
    (root / "labels" / "data.yaml").write_text(yaml.safe_dump({"names": list(CLASSES)}))
    for photo, box in _marked(photos):
        (root / "labels" / f"{photo.file.stem}.txt").write_text(_yolo(photo, box))
    return _class_folders(root, photos), root / "labels"


def label_studio(root: Path, photos: Sequence[Photo]) -> Written:
    """Label Studio's JSON, of uploaded files."""
    tasks = []
    for number, photo in enumerate(photos):
        width, height = photo.size
        results = []
        if photo.box:
            x, y, across, down = _xywh(photo.box)
            value = {"x": 100 * x / width, "y": 100 * y / height, "rotation": 0}
            value |= {"width": 100 * across / width, "height": 100 * down / height}
            kind = {"type": "rectanglelabels", "original_width": width, "original_height": height, "id": "a"}
            results = [{**kind, "value": {**value, "rectanglelabels": [photo.label]}}]
        data = {"image": f"/data/upload/1/0123abcd-{photo.name}"}
        tasks.append({"id": number, "data": data, "annotations": [{"result": results}]})
    (root / "tasks.json").write_text(json.dumps(tasks))
    return _class_folders(root, photos), root / "tasks.json"


def cvat(root: Path, photos: Sequence[Photo]) -> Written:
    """CVAT's XML for images."""
    tree = ElementTree.Element("annotations")
    labels = ElementTree.SubElement(ElementTree.SubElement(tree, "meta"), "labels")
    for name in CLASSES:
        ElementTree.SubElement(ElementTree.SubElement(labels, "label"), "name").text = name
    for photo in photos:
        sides = {side: str(value) for side, value in _sides(photo).items()}
        image = ElementTree.SubElement(tree, "image", name=photo.place, **sides)
        if photo.box:
            edges = zip(("xtl", "ytl", "xbr", "ybr"), map(str, photo.box), strict=True)
            ElementTree.SubElement(image, "box", label=photo.label, **dict(edges))
    (root / "annotations.xml").write_bytes(ElementTree.tostring(tree))
    return _class_folders(root, photos), root / "annotations.xml"


def masks(root: Path, photos: Sequence[Photo]) -> Written:
    """A mask for each image, white on black."""
    (root / "masks").mkdir()
    for photo, (x1, y1, x2, y2) in _marked(photos):
        pixels = np.zeros(photo.size[::-1], np.uint8)
        pixels[y1:y2, x1:x2] = 255
        Image.fromarray(pixels).save(root / "masks" / f"{photo.file.stem}.png")
    return _class_folders(root, photos), root / "masks"


WRITERS: dict[str, Writer] = {
    each.__name__: each
    for each in (
        class_folders,
        region_table,
        label_table,
        columns,
        parquet_tables,
        imagefolder,
        coco,
        voc,
        yolo,
        label_studio,
        cvat,
        masks,
    )
}
