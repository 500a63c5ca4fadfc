"""Published figures stand beside runs that are the same in everything that was published."""

import pandas as pd
import pytest
from tests.report.folders import compared, write_run

from model_guidance.report.read.published import (
    published,
    published_for,
    published_groups,
    published_pair,
    rivals,
)
from model_guidance.report.tables.groups import group_table

VOC = {
    "data": "voc",
    "options": {},
    "backbone": "bcos_resnet50",
    "explainer": "bcos@input",
    "localization loss": "energy",
    "role": "guided",
    "annotated": 1.0,
    "dilate": 0.0,
    "start": "imagenet",
}
WATERBIRDS = VOC | {"data": "waterbirds", "annotated": 0.01}


@pytest.mark.parametrize("read", [published, rivals])
def test_all_values_are_percentages_and_each_is_said_once(read):
    table = read()
    assert table["value"].between(0, 100).all()
    assert not table.drop(columns="value").duplicated().any()
    assert table["source"].str.len().gt(0).all()


def test_pairs_of_each_source():
    assert published_pair(pd.Series(VOC)) == (
        "EPG 71.7 @ F1 79.4 (paper); EPG 63.4 @ F1 80.4 (reproduction); "
        "EPG 76.1 @ F1 75.2 (reproduction, highest EPG)"
    )
    assert published_pair(pd.Series(VOC | {"role": "baseline"})) == "EPG 47 @ F1 80.2 (reproduction)"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "worst group 56.1 @ accuracy 71.2 (paper)"),
        ({"task": "reversed"}, "worst group 62.8 @ accuracy 83.6 (paper)"),
    ],
)
def test_waterbirds_by_task(options, expected):
    assert published_pair(pd.Series(WATERBIRDS | {"options": options})) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"data": "coco", "backbone": "resnet18"},
        {"explainer": "bcos@mid2"},
        {"localization loss": "ppce"},
        {"annotated": 0.1},
        {"dilate": 0.25},
        {"role": "random regions"},
        {"role": "ceiling"},
        {"start": "random weights"},
        {"data": "waterbirds", "annotated": 0.01, "options": {"correlation": 0.95}},
    ],
)
def test_nothing_is_compared_that_differs(change):
    assert published_for(pd.Series(VOC | change)).empty
    assert published_pair(pd.Series(VOC | change)) is None


def worst(**change):
    found = published_groups(pd.Series(WATERBIRDS | change))
    return dict(zip(found["configuration"], found["worst_group"], strict=True)) if len(found) else {}


def test_other_networks_and_methods_are_known_for_the_same_release():
    of_100, of_95 = worst(), worst(options={"correlation": 0.95})
    assert of_100["GALS: attention of CLIP instead of boxes (README of spetryk/GALS)"] == 57.0
    assert of_95["GALS: attention of CLIP instead of boxes (README of spetryk/GALS)"] == 79.9
    assert any("paper" in name for name in of_100)
    assert not any("paper" in name for name in of_95)
    assert all("paper" in name for name in worst(options={"task": "reversed"}))
    rows = published_groups(pd.Series(WATERBIRDS)).set_index(["backbone", "attribution", "configuration"])
    best = rows.loc[("resnet50", "ixg@final", "Energy, 1 % of the boxes (paper)")]
    assert best[["worst_group", "accuracy"]].tolist() == [60.7, 78.1]


@pytest.mark.parametrize("change", [{"data": "voc"}, {"data": "folder"}, {"start": "random weights"}])
def test_nothing_is_known_of_other_data_or_of_random_weights(change):
    assert worst(**change) == {}


@pytest.mark.parametrize(("weights", "known"), [("imagenet", True), (None, False)])
def test_published_rows_stand_below_ours_in_the_table_of_groups(tmp_path, weights, known):
    row = {"accuracy": 0.7, "worst_group": 0.4, "epg": 0.3, "groups": {"a": {"accuracy": 0.4}}}
    write_run(tmp_path / "base", [row], data="waterbirds", weights=weights)
    table = group_table(*compared(tmp_path))
    ours, theirs = table.text.iloc[:2], table.text.iloc[2:]
    assert ours[["configuration", "epoch", "runs", "worst"]].to_numpy().tolist() == [
        ["baseline", "best", "1", "40.0"],
        ["baseline", "last", "1", "40.0"],
    ]
    assert bool(len(theirs)) == ("Published figures" in table.caption) == known
    if known:
        assert set(theirs["runs"]) == set(theirs["a"]) == {"–"}
        assert ["baseline (paper)", "53.7", "70.8"] in theirs[
            ["configuration", "worst", "overall"]
        ].to_numpy().tolist()
        table.write(tmp_path)
        assert "spetryk/GALS" in (tmp_path / "groups.tex").read_text()


@pytest.mark.parametrize("backbone", ["timm/tf_efficientnet_lite0", "resnet50"])
def test_the_table_says_that_no_published_network_was_trained(backbone, tmp_path):
    row = {"accuracy": 0.7, "worst_group": 0.3, "groups": {"a": {"accuracy": 0.3, "images": 4.0}}}
    write_run(tmp_path / "base", [row], data="waterbirds", backbone=backbone, weights="lite0.safetensors")
    table = group_table(*compared(tmp_path))
    assert any("(paper)" in each for each in table.text["configuration"])
    assert ("None of them is of a network that was trained here" in table.caption) == ("lite0" in backbone)
