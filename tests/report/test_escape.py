"""Names that mean something to whatever shows them: shown as they are."""

import io
import warnings

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.figure import Figure
from rich.console import Console

from model_guidance.report import escape
from model_guidance.report.figures.heatmaps import CELL, TEXT, Panel, Row
from model_guidance.report.figures.lettering import width

NAMES = [
    "cat",
    "n/a [/]",
    "car [red]",
    "ends with \\",
    "[bold]a\\[b]",
    "$5 and $x^2$",
    "a$b",
    "{0} %s & 100 % #1 _x_ ~ ^",
    "a | b",
    "<b>*bold*</b>",
    "Ärger",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_terminal_shows_it_as_it_is(name):
    console = Console(file=io.StringIO(), width=80)
    console.print(escape.terminal(name))
    assert console.file.getvalue() == f"{name}\n"


@pytest.mark.parametrize("name", [*NAMES, "two\n$lines$"])
def test_a_figure_shows_it_as_it_is(name):
    figure = Figure()
    text = figure.text(0, 0, name)
    escape.figure(figure)
    figure.draw_without_rendering()
    shown, is_math = text._preprocess_math(text.get_text())
    assert (shown, bool(is_math)) == (name, False)


@pytest.mark.parametrize(
    ("name", "shown"), [("a\udcffb", r"a\xffb"), ("\ud800", r"\ud800"), ("a\0b\x1b[1m", r"a\x00b\x1b[1m")]
)
def test_what_cannot_be_shown_has_its_code(name, shown):
    assert escape.printable(name) == shown
    figure = Figure()
    text = figure.text(0, 0, name)
    escape.figure(figure)
    assert text.get_text().encode("utf-8") == shown.encode()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("猫 cat", r"\u732b cat"),
        ("🐦bird", r"\U0001f426bird"),
        ("הנ été قطة", "הנ été قطة"),
        ("e\u0301", "e\u0301"),
    ],
)
@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_no_sign_is_hidden_where_the_font_has_none_for_it(name, shown, weight, monkeypatch):
    monkeypatch.setitem(rcParams, "font.family", ["DejaVu Sans"])
    known = "قطة" not in name or weight == "normal"  # the bold font has no Arabic
    figure = Figure()
    text = figure.text(0, 0, name, fontweight=weight)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        escape.figure(figure)
        figure.savefig(io.BytesIO(), format="png")
    if known:
        assert text.get_text() == escape.drawable(name, weight=weight) == shown


def test_a_caption_of_codes_is_cut_as_well():
    pixels, map_ = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8))
    row = Row(pixels, "猫" * 30, None, [Panel(map_, "हिन्दी " * 9)])
    assert all(width(caption, TEXT) <= CELL for caption in row.captions())
    assert row.captions()[0].startswith(r"\u732b\u732b")


@pytest.mark.parametrize("name", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1", "--1"])
def test_no_cell_is_a_formula(name):
    assert not escape.spreadsheet(name).startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("name", ["-1", "+2.5", "-0.5e-3", "1", ".5", "cat", "a=b", "5 - 3"])
def test_numbers_and_other_names_stay(name):
    assert escape.spreadsheet(name) == name


def test_latex_and_markdown():
    assert escape.latex(r"5 % of $x_1 & \y{}") == r"5 \% of \$x\_1 \& \textbackslash{}y\{\}"
    assert escape.latex("±") == r"${}\pm{}$"
    assert escape.latex("[2pt] *") == "{[}2pt] {*}"  # \\[2pt] at the end of the row before it
    assert escape.markdown("a | <b>") == r"a \| \<b\>"
