"""One section of the report: everything about runs that may be compared with each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from model_guidance.report.disagreement import disagreements
from model_guidance.report.figures.example_sheet import ExampleSheet, example_sheet
from model_guidance.report.figures.panels import Drawings, panel_name, section_drawings
from model_guidance.report.limitations import limitations, summary
from model_guidance.report.read.comparable import of_section
from model_guidance.report.read.labels import labelled
from model_guidance.report.read.reported import by_configuration, panels, reported
from model_guidance.report.read.results import Results
from model_guidance.report.tables.classes import class_table
from model_guidance.report.tables.confusion import confusion_table
from model_guidance.report.tables.controls import controls, last_epochs
from model_guidance.report.tables.groups import group_table
from model_guidance.report.tables.needs import needs_table
from model_guidance.report.tables.overview import overview
from model_guidance.report.tables.settings import common_settings, run_table
from model_guidance.report.tables.table import WrittenTable
from model_guidance.report.tables.verdicts import verdict_table
from model_guidance.report.verdict import told, verdicts
from model_guidance.runs.examples import flips, read_examples

if TYPE_CHECKING:
    from model_guidance.report.evidence_kinds import EvidenceKinds

INSPECTED = 2  # models of a panel: the baseline, and the guided one with the highest EPG


@dataclass(frozen=True)
class Section:
    """What the page shows of one section; `flips` are lines by run."""

    title: str
    summary: str
    limitations: Sequence[str]
    drawings: Drawings
    tables: Sequence[WrittenTable]
    classes: Sequence[WrittenTable]
    runs: WrittenTable
    disagreements: Sequence[str]
    flips: dict[str, Sequence[str]]
    sheets: Sequence[ExampleSheet]
    common: dict[str, str]
    verdicts: Sequence[str]
    kinds: Sequence["EvidenceKinds"]
    anchor: str = "section-1"

    @property
    def contents(self) -> dict[str, str]:
        """The headings of the section, by their anchors on the page."""
        named = {table.name: table.title for table in self.tables}
        shown = dict(list(named.items())[:1])
        shown |= {"figures": "What can be reached"} if self.drawings else {}
        shown |= named | {"disagreement": "Where map and behaviour disagree"}
        shown |= {"maps": "Heat maps"} if self.sheets else {}
        shown |= {"kinds": "What they look at"} if self.kinds else {}
        shown |= {"details": "Classes, settings and runs"}
        return {f"{self.anchor}-{name}": title for name, title in shown.items()}

    @property
    def all_tables(self) -> Sequence[WrittenTable]:
        """All tables that are written to files."""
        return [*self.tables, *self.classes, self.runs]


def make_section(results: Results, title: str, names: list[str], inspect: str | None = None) -> Section:
    """Compare the runs `names`, which share data, size and classes; `inspect` is a split to look at."""
    tested = labelled(of_section(results.tested, names))
    epochs = labelled(of_section(results.epochs, names))
    models = reported(tested)
    last = last_epochs(tested, models)
    labels: dict[str, str] = dict(tested[["run", "configuration"]].itertuples(index=False))
    judged = verdicts(results, tested, last)
    tables = [
        overview(models),
        verdict_table(judged),
        needs_table(results, last),
        group_table(tested, models),
        controls(last),
    ]
    return Section(
        title,
        summary(tested),
        list(limitations(tested, models)),
        section_drawings(tested, epochs, models),
        [table for table in tables if table is not None],
        list(_classes(last)),
        run_table(results, names, labels),
        disagreements(last),
        dict(_flips(results, models)),
        list(_sheets(results, models)),
        common_settings(results, names),
        told(judged),
        list(_kinds(results, models, inspect)) if inspect else [],
    )


def _classes(last: pd.DataFrame) -> Iterator[WrittenTable]:
    for backbone, explainer in panels(last):
        table = class_table(last, backbone, explainer, panel_name(backbone, explainer))
        confusions = confusion_table(last, backbone, explainer, panel_name(backbone, explainer))
        yield from filter(None, (table, confusions))


def _flips(results: Results, models: pd.DataFrame) -> Iterator[tuple[str, list[str]]]:
    guided = models[models["role"] == "guided"].drop_duplicates(["run", "explainer"])
    for name, explainer in guided[["run", "explainer"]].itertuples(index=False):
        run = results.runs[name]
        examples = read_examples(run.folder, explainer)
        found = flips(examples, run.classes) if examples is not None else []
        if found:
            yield name, found


def _sheets(results: Results, models: pd.DataFrame) -> Iterator[ExampleSheet]:
    for (backbone, explainer), rows in models.groupby(["backbone", "explainer"], sort=False):
        name = f"examples-{panel_name(str(backbone), str(explainer))}"
        sheet = example_sheet(results, rows, name, f"{backbone}, {explainer}")
        if sheet is not None:
            yield sheet


def _kinds(results: Results, models: pd.DataFrame, split: str) -> Iterator["EvidenceKinds"]:
    from model_guidance.report.evidence_kinds import evidence_kinds  # noqa: PLC0415  (scikit-learn, an extra)

    own = models[models["own"]]
    for (backbone, explainer), rows in own.groupby(["backbone", "explainer"], sort=False):
        panel = panel_name(str(backbone), str(explainer))
        for label, found in list(by_configuration(rows).items())[:INSPECTED]:
            run = results.runs[found["run"].iloc[0]]
            name = f"kinds-{panel}-{'baseline' if label == 'baseline' else 'guided'}"
            yield evidence_kinds(run, split, name, f"{label}: {backbone}, {explainer}")
