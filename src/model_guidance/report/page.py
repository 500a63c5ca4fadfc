"""The report: tables and figures as files, and one self-contained page that shows them all."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from markupsafe import Markup

from model_guidance.files import check_output_folder, write
from model_guidance.report.disagreement import RULE
from model_guidance.report.read.comparable import incomparable, sections
from model_guidance.report.read.results import read_results
from model_guidance.report.rendering import render
from model_guidance.report.section import Section, make_section
from model_guidance.report.tables.settings import versions


@dataclass(frozen=True)
class Report:
    """The page, warnings about runs that were left out or cannot be compared, and the sections' verdicts."""

    page: Path
    warnings: Sequence[str]
    verdicts: Sequence[str]


def write_report(
    folders: Sequence[Path],
    out: Path,
    title: str,
    findings: Sequence[Mapping[str, str]] = (),
    lead: str = "",
    verdicts: Sequence[str] = (),
    inspect: str | None = None,
) -> Report:
    """Compare the runs in and below `folders`; write `out/index.html`.

    Writes `out/tables` and `out/figures` as well. Below the title stand the `verdicts`, one sentence each,
    and the `lead`. `findings` is shown as a table; its columns are finding, paper, measured and verdict.
    `inspect` is a split on whose images the page shows what the models look at; without it none is read.
    Raises `UserError` if a run cannot be read, or a file not be written; an earlier page stays then.
    """
    check_output_folder(out)
    results = read_results(folders)
    warnings = [*results.warnings, *filter(None, [incomparable(results)])]
    parts = [make_section(results, name, runs, inspect) for name, runs in sections(results).items()]
    if len(parts) > 1:
        parts = [_named(part, place) for place, part in enumerate(parts, 1)]
    for part in parts:
        _write_files(part, out)
    judged = [
        said if len(parts) == 1 else f"{part.title}: {said}" for part in parts for said in part.verdicts
    ]
    page = render(
        "report.html",
        title=title,
        lead=lead,
        warnings=warnings,
        findings=findings,
        verdicts=[*verdicts, *_counted(findings), *judged],
        sections=parts,
        made_with=versions(results),
        svg=lambda drawing: Markup(drawing.svg),
        rule=RULE,
    )
    write(out / "index.html", page.encode())
    return Report(out / "index.html", warnings, judged)


def _counted(findings: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Yield one sentence that counts the verdicts of the findings."""
    if findings:
        verdicts = Counter(row["verdict"] for row in findings)
        counts = ", ".join(f"{verdict}: {count}" for verdict, count in verdicts.most_common())
        yield f"The paper's findings, {len(findings)} of them: {counts}."


def _named(part: Section, place: int) -> Section:
    """Return the section with names of files, and an anchor, that no other section has."""
    prefix = f"{place}-"
    drawings = {
        panel: [replace(each, name=prefix + each.name) for each in drawn]
        for panel, drawn in part.drawings.items()
    }
    tables, classes = (
        [replace(each, name=prefix + each.name) for each in group] for group in (part.tables, part.classes)
    )
    runs = replace(part.runs, name=prefix + part.runs.name)
    sheets = [replace(each, name=prefix + each.name) for each in part.sheets]
    kinds = [replace(each, table=replace(each.table, name=prefix + each.table.name)) for each in part.kinds]
    named = replace(part, drawings=drawings, tables=tables, classes=classes, runs=runs, sheets=sheets)
    return replace(named, kinds=kinds, anchor=f"section-{place}")


def _write_files(part: Section, out: Path) -> None:
    for table in part.all_tables:
        table.write(out / "tables")
    for drawn in part.drawings.values():
        for drawing in drawn:
            drawing.write(out / "figures")
    for sheet in part.sheets:
        sheet.write(out / "figures")
    for kinds in part.kinds:
        kinds.write(out)
