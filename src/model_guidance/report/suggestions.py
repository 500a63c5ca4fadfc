"""Suggested images as files: a page and a sheet to look at, a table, and tasks for two annotation tools."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from model_guidance.data import photos
from model_guidance.files import check_output_folder, write
from model_guidance.finding.labeling_tasks import Task, cvat, label_studio, label_studio_interface
from model_guidance.finding.strongest_box import strongest_box
from model_guidance.finding.suggestions import Suggestions
from model_guidance.report.escape import printable
from model_guidance.report.figures.drawing import encoded
from model_guidance.report.figures.heatmaps import Panel, Row, heatmap_sheets
from model_guidance.report.rendering import render
from model_guidance.report.tables.rows import as_csv
from model_guidance.runs.setup import source_of

WRITTEN = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
QUALITY, DIGITS = 95, 3


@dataclass(frozen=True)
class _Suggested:
    """One image, as it is shown and as it is to be marked."""

    name: str
    picture: Image.Image
    task: Task
    row: Row
    cells: dict[str, str]


def write_suggestions(found: Suggestions, by: str, out: Path) -> list[Path]:
    """Write what a person needs to mark the images; return the files, the page first.

    `index.html` and `suggestions.png` show image, maps, label and score; `suggestions.csv` has all values;
    `images.txt` names the images, for `--annotated_images`; `images/` holds them as they were read;
    `label_studio.json` (with `label_studio.xml`, its interface) and `cvat.xml` have a box around each map's
    strongest energy.
    """
    check_output_folder(out)
    run, shown = found.observer.run, list(_suggested(found))
    for each in shown:
        kind = WRITTEN[Path(each.task.file).suffix.lower()]
        write(out / "images" / each.task.file, photos.encoded(each.picture, kind, QUALITY))
    tasks, columns = [each.task for each in shown], _columns(found)
    sheets = heatmap_sheets([each.row for each in shown], columns)
    page = render(
        "suggestions.html",
        shown=shown,
        columns=columns,
        by=by,
        found=found,
        run=run.folder.name,
        criteria=list(found.criteria),
    )
    files = {
        "index.html": page.encode(),
        **{f"suggestions{_place(at)}.png": encoded(sheet, "png") for at, sheet in enumerate(sheets)},
        "suggestions.csv": as_csv([each.cells for each in shown]),
        "images.txt": "\n".join([*found.names, ""]).encode("utf-8", "surrogateescape"),
        "label_studio.json": label_studio([_below(each) for each in tasks], run.folder.name),
        "label_studio.xml": label_studio_interface(run.classes),
        "cvat.xml": cvat(tasks, run.classes, run.folder.name),
    }
    for name, content in files.items():
        write(out / name, content)
    return [out / name for name in files]


def _place(at: int) -> str:
    return f"-{at + 1}" if at else ""


def _below(task: Task) -> Task:
    return Task(f"images/{task.file}", task.width, task.height, task.label, task.box)


def _columns(found: Suggestions) -> list[str]:
    """Return in what the two attributions differ: their methods, or else their layers."""
    config = found.observer.run.config
    first, second = (each.explainer.split("@") for each in (config, found.observer.second))
    differ = 0 if first[0] != second[0] else 1
    return [first[differ], second[differ]]


def _suggested(found: Suggestions) -> Iterator[_Suggested]:
    observer, images = found.observer, found.images
    source = source_of(observer.run.config, observer.name)
    maps = [observer.maps(images.index.tolist(), images.classes.tolist(), second) for second in (False, True)]
    for place, (own, second) in enumerate(zip(*maps, strict=True)):
        picture = source.read(int(images.index[place])).image.convert("RGB")
        over = observer.run.config.resizing.placement((picture.height, picture.width))
        yield _one(found, place, picture, (over.back(own), over.back(second)))


def _one(found: Suggestions, place: int, picture: Image.Image, maps: Sequence[np.ndarray]) -> _Suggested:
    observer, classes = found.observer, found.observer.run.classes
    name, label = found.names[place], int(found.images.classes[place])
    probabilities = found.images.probabilities[place]
    said = int(probabilities.argmax())
    values = {each: column[place] for each, column in found.criteria.items()}
    has = [classes[each] for each in np.flatnonzero(observer.split.labels[found.images.index[place]])]
    cells = {"image": name, "label": "; ".join(has), "explained": classes[label]}
    cells |= {"prediction": classes[said], "probability": _number(probabilities[said])}
    cells |= {key: _number(value) for key, value in {"score": found.score[place], **values}.items()}
    right = bool(observer.split.labels[found.images.index[place], said])
    answer = f"{classes[said]} {100 * probabilities[said]:.0f} %"
    captions = (f"{'✓' if right else '✗'} {answer}", f"score {_number(found.score[place])}")
    panels = [Panel(each, text, right) for each, text in zip(maps, captions, strict=True)]
    row = Row(np.asarray(picture), f"{place + 1}: {name}\n{', '.join(has)}", None, panels)
    return _Suggested(
        name,
        picture,
        _task(name, int(found.images.index[place]), picture, classes[label], maps[0]),
        row,
        cells,
    )


def _task(name: str, index: int, picture: Image.Image, label: str, raw: np.ndarray) -> Task:
    (width, height), box = picture.size, strongest_box(raw)
    x1, y1, x2, y2 = box or (0, 0, 0, 0)
    edges = (x1 * width, y1 * height, x2 * width, y2 * height)
    return Task(_file(name, index), width, height, label, edges if box else None)


def _file(name: str, index: int) -> str:
    """Return the name under which an image is written: its own, unless that leads elsewhere or is odd."""
    safe = "/".join(each for each in re.split(r"[/\\]", printable(name)) if each not in ("", ".", ".."))
    safe = re.sub(r'[:*?"<>|\\]', "_", safe)
    suffix = "" if Path(safe).suffix.lower() in WRITTEN else ".png"
    return f"{safe}{suffix}" if safe == name else f"{index}-{safe.replace('/', '-')}{suffix}"


def _number(value: float) -> str:
    return f"{value:.{DIGITS}f}"
