"""The report: tables and figures as files, and one self-contained page that shows them all."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from markupsafe import Markup

from model_guidance.errors import UserError
from model_guidance.files import write
from model_guidance.report.disagreement import RULE
from model_guidance.report.read.comparable import incomparable, sections
from model_guidance.report.read.results import read_results
from model_guidance.report.rendering import embedded, render
from model_guidance.report.section import Section, make_section
from model_guidance.report.tables.settings import versions


def write_report(
    folders: Sequence[Path],
    out: Path,
    title: str,
    findings: Sequence[Mapping[str, str]] = (),
    lead: str = "",
) -> Path:
    """Compare the runs in and below `folders`; write and return `out/index.html`.

    Writes `out/tables` and `out/figures` as well. `lead` stands below the title. `findings` is shown as a
    table; its columns are finding, paper, measured and verdict. Prints which runs were left out, and which
    cannot be compared. Raises `UserError` if a run cannot be read, or a file not be written.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: this is a file, choose another --out")
    results = read_results(folders)
    notes = [*results.warnings, *filter(None, [incomparable(results)])]
    for note in notes:
        print(note)
    parts = [make_section(results, name, runs) for name, runs in sections(results).items()]
    if len(parts) > 1:
        parts = [_named(part, f"{place}-") for place, part in enumerate(parts, 1)]
    for part in parts:
        _write_files(part, out)
    page = render(
        "report.html",
        title=title,
        lead=lead,
        notes=notes,
        findings=findings,
        sections=parts,
        made_with=versions(results),
        svg=lambda drawing: Markup(drawing.svg),
        embedded=embedded,
        rule=RULE,
    )
    write(out / "index.html", page.encode())
    return out / "index.html"


def _named(part: Section, prefix: str) -> Section:
    """Return the section with names of files that no other section has."""
    drawings = {
        panel: [replace(each, name=prefix + each.name) for each in drawn]
        for panel, drawn in part.drawings.items()
    }
    tables, classes = (
        [replace(each, name=prefix + each.name) for each in group] for group in (part.tables, part.classes)
    )
    runs = replace(part.runs, name=prefix + part.runs.name)
    sheets = [replace(each, name=prefix + each.name) for each in part.sheets]
    return replace(part, drawings=drawings, tables=tables, classes=classes, runs=runs, sheets=sheets)


def _write_files(part: Section, out: Path) -> None:
    for table in part.all_tables:
        table.write(out / "tables")
    for drawn in part.drawings.values():
        for drawing in drawn:
            drawing.write(out / "figures")
    for sheet in part.sheets:
        write(out / "figures" / f"{sheet.name}.png", sheet.png)
