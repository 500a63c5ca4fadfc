"""`model-guidance explain`: a picture of the maps of one or more runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_guidance.commands.parser import Parser
from model_guidance.files import check_output, write
from model_guidance.runs.folder import Run

if TYPE_CHECKING:
    from model_guidance.report.explain import Choice


def parser(_: Sequence[str]) -> Parser:
    """Return the options of `explain`."""
    parser = Parser(description="Draw the heat maps of one or more runs for the same images.")
    parser.add_argument("runs", type=str, nargs="+", help="run folders, one column each")
    parser.add_argument("--images", type=str, nargs="+", default=[], help="image files; else of the data set")
    parser.add_argument("--split", type=str, default="test", help="split the images are drawn from")
    parser.add_argument("--count", type=int, default=8, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--class", type=str, help="class to explain; by default a true one, or the predicted")
    parser.add_argument("--checkpoint", type=str, default="best", help="best, last or front/epoch-NNN")
    parser.add_argument("--method", type=str, help="another attribution method than the runs'")
    parser.add_argument("--layer", type=str, help="another layer than the runs'")
    parser.add_argument("--out", type=str, default="explain.png", help="the picture to write")
    return parser


def run(given: dict[str, Any]) -> None:
    """Draw, and print the files."""
    from model_guidance.report.explain import Choice

    runs, out = [Path(folder) for folder in given.pop("runs")], Path(given.pop("out"))
    for file in explain(runs, out, Choice(class_name=given.pop("class"), **given)):
        print(file)


def explain(runs: Sequence[Path], out: Path, choice: "Choice") -> list[Path]:
    """Draw a column per run to the picture `out`, further pages to NAME-2, NAME-3, ...; return the files.

    Raises `UserError` as `explained` does, and for an `out` that cannot be written before anything is
    computed.
    """
    from model_guidance.report.explain import explained
    from model_guidance.report.figures.drawing import FORMATS, encoded
    from model_guidance.report.figures.heatmaps import heatmap_sheets

    suffixes = {f".{name}": name for name in FORMATS} | {".jpeg": "jpg"}
    check_output(out, suffixes=suffixes)
    rows = explained([Run.open(run) for run in runs], choice)
    pages = heatmap_sheets(rows, [run.resolve().name for run in runs])
    files = [out, *(out.with_stem(f"{out.stem}-{place}") for place in range(2, len(pages) + 1))]
    for file, page in zip(files, pages, strict=True):
        write(file, encoded(page, suffixes[out.suffix.lower()]))
    return files
