"""Tables as files: aligned and bold for LaTeX, no formulas for spreadsheets, no broken rows in Markdown."""

import csv

import pandas as pd
import pytest
from tests.report.folders import compared, write_comparison

from model_guidance.report.read.score import Spread
from model_guidance.report.tables.overview import overview
from model_guidance.report.tables.table import WrittenTable

CELLS = pd.DataFrame(
    {
        "configuration": ["=1+1", "a | b", "x_1 & 5 %"],
        "=EPG": [Spread(71.24, 0.41, 2), Spread(8.0, 12.34, 3), None],
        "Δ EPG": [None, Spread(-2.0, 0.5, 2, True), Spread(35.0, 1.0, 2, True)],
        "seeds": [2, "1 of 3", 2],
    }
)


@pytest.fixture
def files(tmp_path) -> dict[str, str]:
    table = WrittenTable("t", "Title", "More than 5 % of λ | =2", CELLS, [(0, "=EPG")])
    table.write(tmp_path)
    return {path.suffix: path.read_text() for path in tmp_path.iterdir()}


def test_csv(files):
    rows = list(csv.reader(files[".csv"].splitlines()))
    assert rows[0] == [
        "configuration",
        *(f"'=EPG {part}" for part in ("mean", "deviation", "count")),
        *(f"Δ EPG {part}" for part in ("mean", "deviation", "count")),
        "seeds",
    ]
    assert [row[0] for row in rows[1:]] == ["'=1+1", "a | b", "x_1 & 5 %"]
    assert float(rows[2][4]) == -2.0, "a negative number is no formula"


def test_markdown(files):
    lines = [line for line in files[".md"].splitlines() if line.startswith("|")]
    assert {line.replace(r"\|", "").count("|") for line in lines} == {5}
    assert r"a \| b" in files[".md"]


def test_latex(files):
    text = files[".tex"]
    assert (
        r"\begin{tabular}{l S[table-format=2.1(3)] S[retain-explicit-plus, table-format=+2.1(2)] l}" in text
    )
    assert r"{configuration} & {=EPG} & {$\Delta$ EPG} & {seeds} \\" in text
    assert r"=1+1 & \bfseries 71.2 +- 0.4 & {--} & 2 \\" in text
    assert r"a | b & 8.0 +- 12.3 & -2.0 +- 0.5 & 1 of 3 \\" in text
    assert r"x\_1 \& 5 \% & {--} & +35.0 +- 1.0 & 2 \\" in text
    assert r"\caption{More than 5 \% of $\lambda$ | =2}" in text
    assert r"\label{tab:t}" in text
    for rule in ("toprule", "midrule", "bottomrule"):
        assert text.count(f"\\{rule}") == 1


def test_latex_says_once_what_rows_have_in_common(tmp_path):
    names = {
        "backbone": ["a_b", "a_b", "c"],
        "attribution": ["ixg@final"] * 3,
        "configuration": ["x", "y", "z"],
    }
    cells = pd.DataFrame({**names, "EPG": [Spread(50.0, 1.0, 2)] * 3})
    WrittenTable("t", "T", "C", cells, [(2, "EPG")]).write(tmp_path)
    lines = (tmp_path / "t.tex").read_text().splitlines()
    start = lines.index(r"\midrule")
    assert lines[start - 1 : start + 7] == [
        r"{configuration} & {EPG} \\",
        r"\midrule",
        r"\multicolumn{2}{l}{\textit{a\_b}} \\",
        r"x & 50.0 +- 1.0 \\",
        r"y & 50.0 +- 1.0 \\",
        r"\multicolumn{2}{l}{\textit{c}} \\",
        r"z & \bfseries 50.0 +- 1.0 \\",
        r"\bottomrule",
    ]


def test_the_best_of_each_score_is_bold_and_ceilings_do_not_compete(tmp_path):
    table = overview(compared(write_comparison(tmp_path))[1])
    names = table.cells["configuration"]
    assert {(names[row], column) for row, column in table.best} == {
        ("baseline", "F1"),
        ("baseline", "mAP"),
        ("Energy", "EPG"),
        ("Energy", "IoU"),
    }
