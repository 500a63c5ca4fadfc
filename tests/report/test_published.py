"""Published figures stand beside runs that are the same in everything that was published."""

import pandas as pd
import pytest

from model_guidance.report.read.published import published, published_for, published_pair

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


def test_all_values_are_percentages_and_each_is_said_once():
    table = published()
    assert table["value"].between(0, 100).all()
    assert not table.drop(columns="value").duplicated().any()


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
    ],
)
def test_nothing_is_compared_that_differs(change):
    assert published_for(pd.Series(VOC | change)).empty
    assert published_pair(pd.Series(VOC | change)) is None
