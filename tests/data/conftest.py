"""Small data sets in every layout, with one painted box each."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.data.samples import painted

XML = """<annotation><size><width>{width}</width><height>{height}</height></size>{objects}</annotation>"""
OBJECT = """<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{0}</xmin>
<ymin>{1}</ymin><xmax>{2}</xmax><ymax>{3}</ymax></bndbox><part><name>head</name><bndbox><xmin>1</xmin></bndbox></part></object>"""


@pytest.fixture
def voc(tmp_path: Path) -> Callable[..., Path]:
    """Write a VOC folder with one image of 40 x 30 and the given (name, difficult, 1-based box) objects."""

    def write(*objects: tuple[str, int, Sequence[object]], split: str = "train") -> Path:
        home = tmp_path / "VOCdevkit" / "VOC2007"
        for folder in ("ImageSets/Main", "JPEGImages", "Annotations", "SegmentationClass"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        (home / f"ImageSets/Main/{split}.txt").write_text("000001\n")
        nodes = "".join(OBJECT.format(*box, name=name, difficult=flag) for name, flag, box in objects)
        (home / "Annotations/000001.xml").write_text(XML.format(width=40, height=30, objects=nodes))
        painted(40, 30).save(home / "JPEGImages/000001.jpg")
        return tmp_path

    return write


@pytest.fixture
def coco(tmp_path: Path) -> Callable[..., Path]:
    """Write a COCO folder with the images 1 to 10, of 40 x 30, and the given annotations of image 1."""

    def write(*annotations: dict[str, object], year: str = "val2014") -> Path:
        (tmp_path / year).mkdir(exist_ok=True)
        (tmp_path / "annotations").mkdir(exist_ok=True)
        images = [{"id": i, "file_name": f"{i}.png", "width": 40, "height": 30} for i in range(10, 0, -1)]
        for image in images:
            painted(40, 30).save(tmp_path / year / str(image["file_name"]))
        full = [
            {"id": 7, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4], "iscrowd": 0} | a
            for a in annotations
        ]
        categories = [{"id": 9, "name": "tree"}, {"id": 3, "name": "dog"}]
        content = {"images": images, "annotations": full, "categories": categories}
        (tmp_path / f"annotations/instances_{year}.json").write_text(json.dumps(content))
        return tmp_path

    return write


@pytest.fixture
def birds(tmp_path: Path) -> Callable[..., Path]:
    """Write a Waterbirds folder: (y, place, split) and a box x y w h for each image of 40 x 30."""

    def write(
        rows: Sequence[tuple[object, object, object]], box: str = "1 2 3 4", release: str = "1.0"
    ) -> Path:
        images, cub = tmp_path / f"waterbird_{release}_forest2water2", tmp_path / "CUB_200_2011"
        (images / "species").mkdir(parents=True, exist_ok=True)
        cub.mkdir(exist_ok=True)
        table = ["img_id,img_filename,y,split,place,place_filename"]
        for number, (y, place, split) in enumerate(rows, start=1):
            painted(40, 30).save(images / f"species/{number}.jpg")
            table.append(f"{number},species/{number}.jpg,{y},{split},{place},/x.jpg")
        (images / "metadata.csv").write_text("\n".join(table))
        (cub / "bounding_boxes.txt").write_text("".join(f"{n} {box}\n" for n in range(1, len(rows) + 1)))
        return tmp_path

    return write


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Write ROOT/{train,val}/{cat,dog}/1.png of 40 x 30 and the given lines of regions.csv."""

    def write(*lines: str) -> Path:
        for name in ("train/cat", "train/dog", "val/cat", "val/dog"):
            (tmp_path / name).mkdir(parents=True, exist_ok=True)
            painted(40, 30).save(tmp_path / name / "1.png")
        (tmp_path / "regions.csv").write_text("\n".join(("file,xmin,ymin,xmax,ymax", *lines)))
        return tmp_path

    return write
