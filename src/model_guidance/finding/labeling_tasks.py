"""Images as tasks of Label Studio (JSON) and CVAT (XML 1.1 for images), with a box to be corrected."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

LOCAL = "/data/local-files/?d="  # where Label Studio serves the files below its document root
BOX, IMAGE = "label", "image"  # names of the parts of Label Studio's labelling interface


@dataclass(frozen=True)
class Task:
    """An image to mark: its `file`, its size in pixels, its class, and x1, y1, x2, y2 of a box, if any."""

    file: str
    width: int
    height: int
    label: str
    box: tuple[float, float, float, float] | None = None


def label_studio(tasks: Sequence[Task], model: str) -> bytes:
    """Return the tasks as JSON to import, boxes as predictions of `model`; edges are percent of the image."""
    found = [
        {
            "data": {IMAGE: LOCAL + quote(task.file), "file": task.file, "class": task.label},
            "predictions": [{"model_version": model, "result": [_result(task)]}] if task.box else [],
        }
        for task in tasks
    ]
    return json.dumps(found, indent=1, ensure_ascii=False).encode()


def label_studio_interface(classes: Sequence[str]) -> bytes:
    """Return the labelling interface of the project into which the tasks are imported."""
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Image", name=IMAGE, value=f"${IMAGE}")
    labels = ElementTree.SubElement(view, "RectangleLabels", name=BOX, toName=IMAGE)
    for name in classes:
        ElementTree.SubElement(labels, "Label", value=name)
    return _xml(view)


def cvat(tasks: Sequence[Task], classes: Sequence[str], name: str) -> bytes:
    """Return the boxes as annotations to upload to a task with the same images, in "CVAT 1.1"."""
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    task = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task")
    for key, value in {"name": name, "size": str(len(tasks)), "mode": "annotation"}.items():
        ElementTree.SubElement(task, key).text = value
    labels = ElementTree.SubElement(task, "labels")
    for known in classes:
        ElementTree.SubElement(ElementTree.SubElement(labels, "label"), "name").text = known
    for number, each in enumerate(tasks):
        size = {"width": str(each.width), "height": str(each.height)}
        image = ElementTree.SubElement(root, "image", {"id": str(number), "name": each.file, **size})
        if each.box:
            edges = dict(zip(("xtl", "ytl", "xbr", "ybr"), map("{:.2f}".format, each.box), strict=True))
            facts = {"label": each.label, "source": "auto", "occluded": "0", **edges, "z_order": "0"}
            ElementTree.SubElement(image, "box", facts)
    return _xml(root)


def _result(task: Task) -> dict[str, Any]:
    x1, y1, x2, y2 = task.box or (0, 0, 0, 0)
    across, down = 100 / task.width, 100 / task.height
    edges = {"x": x1 * across, "y": y1 * down, "width": (x2 - x1) * across, "height": (y2 - y1) * down}
    return {
        "id": "box",
        "type": "rectanglelabels",
        "from_name": BOX,
        "to_name": IMAGE,
        "original_width": task.width,
        "original_height": task.height,
        "image_rotation": 0,
        "value": {**edges, "rotation": 0, "rectanglelabels": [task.label]},
    }


def _xml(root: ElementTree.Element) -> bytes:
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
