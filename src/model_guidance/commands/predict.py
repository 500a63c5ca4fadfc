"""`model-guidance predict`: what a run says of photos, as a table and, if asked for, as overlays."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from model_guidance.commands.parser import Parser
from model_guidance.errors import UserError, listed
from model_guidance.files import check_output, is_file, written
from model_guidance.runs.folder import Run

if TYPE_CHECKING:
    from model_guidance.report.predictions import Lines, Overlays
    from model_guidance.runs.predict import Asked, Prediction, Unread

FORMATS = ("csv", "jsonl")
UNREAD, REMARKS = "unread", "remarks"


def parser(_: Sequence[str]) -> Parser:
    """Return the options of `predict`."""
    parser = Parser(
        description="Predict the classes of photos with a finished run. An image that cannot be read is "
        "named; the others are predicted all the same, and the exit status is 2."
    )
    parser.add_argument("run", type=str, help="the run's folder")
    parser.add_argument(
        "images", type=str, nargs="+", help="files, folders, or patterns such as 'a/**/*.jpg'"
    )
    parser.add_argument("--format", type=str, help="csv or jsonl; by default what --out ends in, or csv")
    parser.add_argument("--out", type=str, help="file to write; by default the lines are printed")
    parser.add_argument(
        "--overlays", type=str, help="folder for the maps over their images, and pages of them"
    )
    parser.add_argument("--class", type=str, help="class to explain; by default the predicted ones")
    parser.add_argument("--checkpoint", type=str, default="best", help="best, last or front/epoch-NNN")
    parser.add_argument("--method", type=str, help="another attribution method than the run's")
    parser.add_argument("--layer", type=str, help="another layer than the run's")
    parser.add_argument("--accelerator", type=str, default="auto", help="cpu, cuda, mps or auto")
    parser.add_argument("--evaluation_batch", type=int, help="images at once; by default as in the run")
    parser.add_argument("--workers", type=int, help="processes that read images; by default as in the run")
    parser.add_argument("--overwrite", action="store_true", help="replace what lies in --out and --overlays")
    return parser


def run(given: dict[str, Any]) -> None:
    """Predict, image by image; at the end say how many could not be read."""
    from model_guidance.data.readers.named import named_images
    from model_guidance.progress import say
    from model_guidance.report.predictions import Overlays
    from model_guidance.runs.predict import predictions

    opened, out = Run.open(Path(given["run"])), Path(given["out"]) if given["out"] else None
    folder = Path(given["overlays"]) if given["overlays"] else None
    kind = _format(given["format"], out)
    _check_outputs(out, folder, given["overwrite"])
    asked = _asked(opened, given)
    images, remarks = named_images(given["images"])
    for remark in remarks:
        say(remark)
    found = predictions(opened, images, asked)
    title = f"{opened.folder.resolve().name}: predictions"
    turned = opened.config.orientation
    overlays = Overlays(folder, opened.classes, images, title, turned) if folder else None
    unread = _write(found, len(images), opened.classes, kind, out, overlays)
    if unread:
        raise UserError(f"{unread} of {len(images)} images, named above, could not be read; the rest is done")


def _format(named: str | None, out: Path | None) -> str:
    kind = named or ("jsonl" if out is not None and out.suffix.lower() in (".jsonl", ".json") else "csv")
    if kind not in FORMATS:
        raise UserError(f"--format {kind}: choose one of {listed(FORMATS, kind)}")
    return kind


def _check_outputs(out: Path | None, overlays: Path | None, overwrite: bool) -> None:
    from model_guidance.report.predictions import check_overlays

    if out is not None:
        check_output(out)
        if is_file(out) and not overwrite:
            raise UserError(f"--out {out}: is there already: name another file, or add --overwrite")
    if overlays is not None:
        check_overlays(overlays, overwrite)


def _asked(opened: Run, given: dict[str, Any]) -> "Asked":
    """Return what is asked for; `UserError` for an unfinished run, an unknown class, or an idle option."""
    from model_guidance.runs.predict import Asked

    _ = opened.finished
    for name in ("class", "method", "layer"):
        if given[name] is not None and not given["overlays"]:
            raise UserError(f"--{name} {given[name]}: nothing is explained without --overlays FOLDER")
    name = given["class"]
    if name is not None and name not in opened.classes:
        raise UserError(f"--class {name}: the run knows only {listed(opened.classes, name)}")
    same = ("checkpoint", "method", "layer", "accelerator", "evaluation_batch", "workers")
    index = None if name is None else opened.classes.index(name)
    return Asked(maps=bool(given["overlays"]), class_index=index, **{key: given[key] for key in same})


def _write(
    found: "Iterable[Prediction | Unread]",
    count: int,
    classes: Sequence[str],
    kind: str,
    out: Path | None,
    overlays: "Overlays | None",
) -> int:
    """Write what is found as it comes; return how many images could not be read."""
    from model_guidance.progress import say, steps
    from model_guidance.runs.predict import Unread

    said: Counter[str] = Counter()
    if overlays:
        overlays.clear()
    with _opened(out) as file, steps("predict", count) as bar:
        lines = _lines(kind, file, classes, bool(overlays))
        for each in found:
            drawn = overlays.add(each) if overlays else {}
            if not isinstance(each, Unread):
                lines.add(each, drawn)
            _tell(each, said)
            bar.advance()
    if said[REMARKS] > 1:
        say(f"{said[REMARKS] - 1} more images were read with such a remark")
    return said[UNREAD]


def _tell(each: "Prediction | Unread", said: "Counter[str]") -> None:
    """Say why an image could not be read, and of the first odd one how it was read."""
    from model_guidance.progress import say
    from model_guidance.runs.predict import Unread

    kind, lines = (UNREAD, (each.reason,)) if isinstance(each, Unread) else (REMARKS, each.remarks)
    for line in lines if kind == UNREAD or not said[REMARKS] else ():
        say(line)
    said[kind] += bool(lines)


def _lines(kind: str, file: TextIO, classes: Sequence[str], overlays: bool) -> "Lines":
    from model_guidance.report.predictions import Csv, JsonLines

    return Csv(file, classes, overlays) if kind == "csv" else JsonLines(file, classes)


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        sys.stdout.flush()
    else:
        with written(out) as file:
            yield file
