"""`model-guidance explain`: a picture of the maps of one or more runs."""

from collections.abc import Sequence
from pathlib import Path

from model_guidance.files import check_output, write
from model_guidance.report.explain import Choice, explained
from model_guidance.report.figures.drawing import FORMATS, encoded
from model_guidance.report.figures.heatmaps import heatmap_sheets
from model_guidance.runs.folder import Run

SUFFIXES = {f".{name}": name for name in FORMATS} | {".jpeg": "jpg"}


def explain(runs: Sequence[Path], out: Path, choice: Choice) -> list[Path]:
    """Draw a column per run to the picture `out`, further pages to NAME-2, NAME-3, ...; return the files.

    Raises `UserError` as `explained` does, and for an `out` that cannot be written before anything is
    computed.
    """
    check_output(out, suffixes=SUFFIXES)
    suffix = SUFFIXES[out.suffix.lower()]
    rows = explained([Run.open(run) for run in runs], choice)
    pages = heatmap_sheets(rows, [run.resolve().name for run in runs])
    files = [out, *(out.with_stem(f"{out.stem}-{place}") for place in range(2, len(pages) + 1))]
    for file, page in zip(files, pages, strict=True):
        write(file, encoded(page, suffix))
    return files
