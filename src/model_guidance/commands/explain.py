"""`model-guidance explain`: a picture of the maps of one or more runs."""

import os
from collections.abc import Sequence
from pathlib import Path

from model_guidance.errors import UserError
from model_guidance.files import write
from model_guidance.report.explain import Choice, explained
from model_guidance.report.figures.drawing import FORMATS, encoded
from model_guidance.report.figures.heatmaps import heatmap_sheets
from model_guidance.runs.folder import Run


def explain(runs: Sequence[Path], out: Path, choice: Choice) -> list[Path]:
    """Draw a column per run to the picture `out`, further pages to NAME-2, NAME-3, ...; return the files.

    Raises `UserError` as `explained` does, and for an `out` that cannot be written before anything is
    computed.
    """
    suffix = _format(out)
    rows = explained([Run.open(run) for run in runs], choice)
    pages = heatmap_sheets(rows, [run.resolve().name for run in runs])
    files = [out, *(out.with_stem(f"{out.stem}-{place}") for place in range(2, len(pages) + 1))]
    for file, page in zip(files, pages, strict=True):
        write(file, encoded(page, suffix))
    return files


def _format(out: Path) -> str:
    suffix = out.suffix.lower().removeprefix(".").replace("jpeg", "jpg")
    if suffix not in FORMATS:
        raise UserError(f"--out {out}: a picture's name ends in .{', .'.join(FORMATS)}")
    if out.is_dir():
        raise UserError(f"--out {out}: this is a folder, name a file in it")
    there = next(folder for folder in out.absolute().parents if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UserError(f"--out {out}: nothing can be written in {there}, name another place")
    return suffix
