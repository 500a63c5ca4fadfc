"""Figures: no two configurations look the same, marks keep off the frame, panels of papers in one figure."""

import shutil
from itertools import pairwise

import pytest
from matplotlib.colors import to_rgb
from tests.report.folders import compared, scores, write_run

from model_guidance.report.figures.bars import bar_drawing
from model_guidance.report.figures.drawing import encoded
from model_guidance.report.figures.front_markers import UNGUIDED
from model_guidance.report.figures.learning_curves import curve_drawing
from model_guidance.report.figures.panels import _method, section_drawings
from model_guidance.report.figures.style import COLOURS, canvas, legend, spread_out, styles
from model_guidance.report.read.labels import labelled
from model_guidance.report.read.results import read_results
from model_guidance.report.read.roles import GUIDED, ROLES
from model_guidance.report.read.score import Spread

NAMES = [f"{loss}, boxes{coarse}" for loss in ("Energy", "L1") for coarse in ("", " +10 %", " +50 %")]


def test_a_loss_has_a_colour_and_a_variant_a_mark_a_line_and_a_shade():
    found = styles(NAMES)
    assert len({(each["color"], each["marker"], str(each["ls"])) for each in found.values()}) == len(NAMES)
    assert len({each["color"] for each in found.values()}) == len(NAMES)
    assert found["Energy, boxes"]["color"] == COLOURS[0].lower()
    for loss in ("Energy", "L1"):
        shades = [to_rgb(found[name]["color"]) for name in NAMES if name.startswith(loss)]
        assert sorted(shades) == shades  # lighter and lighter
        assert max(range(3), key=shades[0].__getitem__) == max(range(3), key=shades[2].__getitem__)
    assert found["Energy, boxes +10 %"]["marker"] == found["L1, boxes +10 %"]["marker"]


def test_variants_of_one_loss_have_colours():
    assert {each["color"] for each in styles(NAMES[:3]).values()} == {each.lower() for each in COLOURS[:3]}


def test_marks_keep_off_the_frame_and_one_value_gets_a_range():
    _, [[axes]] = canvas()
    axes.plot([50, 50.1], [10, 80], "o")
    spread_out(axes)
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    assert right - left == pytest.approx(4)
    assert left + 1 < 50 < 50.1 < right - 1
    assert low < 10 - 0.05 * 70
    assert high > 80 + 0.05 * 70


def test_scores_of_two_kinds_have_panels_of_their_own():
    series = {"Energy": [Spread(50, 2, 3), None], "L1": [Spread(40, 1, 3), Spread(30, 1, 3)]}
    figure = bar_drawing("bars", "Bars", ["1 %", "10 %"], {"EPG": series, "F1": series}).figure
    assert [axes.get_ylabel() for axes in figure.axes] == ["EPG, %", "F1, %"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["Energy", "L1"]


def test_long_names_below_the_bars_do_not_run_into_each_other():
    names = ["landbird on water", "patch of its class", "patch of another class", "worst"]
    figure = bar_drawing("bars", "Bars", names, {"accuracy": {"Energy": [Spread(50, 2, 3)] * 4}}).figure
    encoded(figure, "png")
    labels = figure.axes[0].get_xticklabels()
    assert labels[0].get_text() == "landbird\non water"
    boxes = [label.get_window_extent() for label in labels]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


@pytest.mark.parametrize("series", [1, 15, 40])
@pytest.mark.parametrize(
    "label", ["L1", "Energy + composites, 1 % of the random regions, weight 4", "W" * 120]
)
def test_a_legend_fits_whatever_stands_in_it(label, series):
    """Its marks too; and the axes keep the room that they were given."""
    figure, [[axes]] = canvas()
    figure.set_dpi(120)  # that of a file: texts are measured as they were drawn last
    for place in range(series):
        axes.plot([place], [place], "o", label=f"{place} {label}")
    legend(figure)
    encoded(figure, "png")
    (drawn,) = figure.legends
    whole = figure.bbox
    for artist in (*drawn.get_texts(), *drawn.legend_handles):
        box = artist.get_window_extent()
        assert whole.x0 <= box.x0
        assert box.x1 <= whole.x1
        assert whole.y0 <= box.y0
    assert len(drawn.get_texts()) == series
    assert drawn.get_window_extent().y1 < axes.get_tightbbox().y0
    assert axes.get_window_extent().height > 2.2 * figure.dpi
    assert (len({round(text.get_window_extent().x0) for text in drawn.get_texts()}) > 1) == (
        label == "L1" and series > 1
    )


def test_bars_of_many_series_all_look_different():
    series = {f"{place}": [Spread(50, 2, 3)] for place in range(20)}
    figure = bar_drawing("bars", "Bars", ["1 %"], {"EPG": series}).figure
    looks = {(bar.get_facecolor(), bar.get_hatch()) for bar in figure.axes[0].patches}
    assert len(looks) == 20


def grouped(first: float, second: float) -> dict[str, object]:
    groups = {"on land": {"accuracy": first, "images": 4.0}, "on water": {"accuracy": second, "images": 4.0}}
    return {"accuracy": (first + second) / 2, "worst_group": min(first, second), "epg": 0.5, "groups": groups}


@pytest.fixture
def birds(tmp_path):
    """A short and a long baseline, and 16 configurations; all but one cost too much."""
    for seed in (0, 1):
        write_run(tmp_path / f"base{seed}", [grouped(0.9, 0.3 + 0.1 * seed)] * 3, seed=seed)
    write_run(tmp_path / "long", [grouped(0.99, 0.2)] * 9)
    for place in range(16):
        share = {"annotated": (1 + place // 2) / 10, "regions": ("boxes", "random")[place % 2]}
        write_run(tmp_path / f"guided{place}", [grouped(0.5, 0.95)] * 3, lambda_=1.0, **share)
    return tmp_path


def groups_of(folder):
    tested, models = compared(folder)
    drawings = section_drawings(tested, tested.iloc[:0], models)
    return {each.name: each for drawn in drawings.values() for each in drawn}


def test_every_configuration_has_its_groups_and_its_control_stands_beside_it(birds):
    drawing = groups_of(birds)["groups-resnet50-ixg-final"]
    axes = drawing.figure.axes
    assert [each.get_title() for each in axes] == ["on land", "on water", "worst group", "overall"]
    names = [text.get_text().replace("\n", " ") for text in axes[0].get_yticklabels()]
    assert names[:4] == [
        "baseline, 3 epochs", "baseline, 9 epochs", "Energy, 10 % of the boxes",
        "Energy, 10 % of the random regions",
    ]  # fmt: skip
    assert len(names) == 18
    assert drawing.broad
    dots = [line for line in axes[1].lines if line.get_marker() not in ("None", "|", None, "")]
    assert [float(line.get_xdata()[0]) for line in dots] == pytest.approx([35, 20, *[95] * 16])
    looks = {(line.get_marker(), line.get_color()) for line in dots}
    assert len(looks) == 18
    (dashed,) = [line for line in axes[1].lines if line.get_linestyle() == "--"]
    assert dashed.get_xdata()[0] == pytest.approx(35)  # that with as many epochs
    drawing.figure.set_dpi(120)  # as in a file
    encoded(drawing.figure, "png")
    boxes = [label.get_window_extent() for label in axes[0].get_yticklabels()]
    assert all(upper.y0 > lower.y1 for upper, lower in pairwise(boxes))
    assert min(box.x0 for box in boxes) >= 0


def test_a_panel_without_a_baseline_has_the_groups_of_another_panels(birds):
    write_run(birds / "input", [grouped(0.6, 0.6)], lambda_=1.0, layer="input")
    axes = groups_of(birds)["groups-resnet50-ixg-input"].figure.axes[0]
    names = [text.get_text().replace("\n", " ") for text in axes.get_yticklabels()]
    assert names == ["baseline, 3 epochs", "baseline, 9 epochs", "Energy, boxes"]


def test_two_baselines_have_marks_of_their_own(birds):
    figure = groups_of(birds)["front-epg-accuracy-resnet50-ixg-final"].figure
    marks = {line.get_label(): (line.get_marker(), line.get_color()) for line in figure.axes[0].lines}
    assert marks["baseline, 3 epochs"] != marks["baseline, 9 epochs"]


@pytest.fixture
def layers(tmp_path):
    for backbone in ("resnet50", "bcos_resnet50"):
        rows = [scores(0.7, 0.3)]
        write_run(tmp_path / f"{backbone}-baseline", rows * 9, backbone=backbone)
        for layer in ("input", "final"):
            rows = [scores(0.7, 0.4), scores(0.6, 0.6)]
            write_run(tmp_path / f"{backbone}-{layer}", rows, backbone=backbone, layer=layer, lambda_=1.0)
    return tmp_path


def test_all_panels_are_one_figure_with_shared_axes_and_one_legend(layers):
    tested, models = compared(layers)
    drawings = section_drawings(tested, tested.iloc[:0], models)
    grid = {drawing.name: drawing for drawing in drawings[""]}["fronts-epg-f1"]
    first, second, below, last = grid.figure.axes
    assert [axes.get_title() for axes in grid.figure.axes] == ["input", "final", "", ""]
    assert [[text.get_text() for text in axes.texts] for axes in grid.figure.axes] == [
        ["bcos_resnet50, B-cos"], [], ["resnet50, IxG"], []
    ]  # fmt: skip
    assert [axes.get_ylabel() for axes in (first, second, below)] == ["EPG on test, %", "", "EPG on test, %"]
    assert [axes.get_xlabel() for axes in (first, below, last)] == ["", "F1 on test, %", "F1 on test, %"]
    assert first.get_ylim() == second.get_ylim()
    assert first.get_xlim() == below.get_xlim()
    assert len(grid.figure.legends) == 1
    labels = [text.get_text() for text in grid.figure.legends[0].get_texts()]
    assert len(labels) == len(set(labels))
    assert encoded(grid.figure, "pdf").startswith(b"%PDF")
    assert set(drawings) == {"", "bcos_resnet50, bcos@input", "bcos_resnet50, bcos@final",
                             "resnet50, ixg@input", "resnet50, ixg@final"}  # fmt: skip


def test_no_panel_of_a_grid_hides_the_marks_of_another_that_shares_its_axes(tmp_path):
    for layer, iou in (("input", 0.27), ("final", 0.53)):
        for loss, lambda_ in (("energy", 0.0), ("energy", 1.0)):
            row = scores(0.7, 0.3) | {"iou": iou + 0.01 * lambda_}
            write_run(tmp_path / f"{layer}{lambda_}", [row], loss=loss, lambda_=lambda_, layer=layer)
    tested, models = compared(tmp_path)
    drawings = section_drawings(tested, tested.iloc[:0], models)
    grid = {drawing.name: drawing for drawing in drawings[""]}["fronts-iou-f1"]
    for axes, iou in zip(grid.figure.axes, (28, 54), strict=True):
        (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
        assert left < 70 < right
        assert low < iou < high


@pytest.mark.parametrize(
    ("explainer", "said"),
    [
        ("intgrad@input", "IntGrad"),
        ("ixg@input", "IxG"),
        ("additions.sensitivity@final", "additions.sensitivity"),
    ],
)
def test_a_row_names_the_method_as_papers_do(explainer, said):
    assert _method(explainer) == said


def test_a_panel_that_is_not_there_leaves_the_names_to_the_next(layers):
    for name in ("bcos_resnet50-input", "resnet50-final"):
        shutil.rmtree(layers / name)
    tested, models = compared(layers)
    grid = {each.name: each for each in section_drawings(tested, tested.iloc[:0], models)[""]}[
        "fronts-epg-f1"
    ]
    seen = [axes for axes in grid.figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in seen] == ["input", "final"]
    assert [axes.get_xlabel() for axes in seen] == ["F1 on test, %"] * 2
    assert [axes.get_ylabel() for axes in seen] == ["EPG on test, %"] * 2


def test_a_baseline_that_was_trained_for_longer_is_a_level(layers):
    epochs = labelled(read_results([layers]).epochs)
    here = epochs[epochs["run"].isin(["resnet50-baseline", "resnet50-final"])]
    figure = curve_drawing("epochs", here, styles(["Energy"])).figure
    for axes in figure.axes:
        assert axes.get_xlim()[1] < 3
        level, guided = axes.lines[:2]
        assert len(set(level.get_ydata())) == 1
        assert list(guided.get_xdata()) == [1, 2]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["Energy", "not guided (level: epoch 9)"]


def test_every_role_has_a_mark():
    assert set(UNGUIDED) | set(GUIDED) == set(ROLES)
