"""Runs on images that are no squares: from the folder of photos to maps over the photos."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.data.samples import painted
from tests.training.helpers import small

from model_guidance.errors import UserError
from model_guidance.finding.inspection import inspect_run
from model_guidance.finding.suggestions import suggest
from model_guidance.report.evidence_kinds import write_inspection
from model_guidance.report.explain import Choice, explained
from model_guidance.report.figures.example_sheet import example_sheet
from model_guidance.report.read.labels import labelled
from model_guidance.report.read.reported import reported
from model_guidance.report.read.results import read_results
from model_guidance.report.suggestions import _suggested
from model_guidance.runs.examples import read_examples
from model_guidance.runs.folder import Run
from model_guidance.runs.setup import split_of
from model_guidance.runs.train import train_run
from model_guidance.training.config import Config

BOXES = {"cat": (4, 10, 14, 30), "dog": (66, 10, 76, 30)}  # at either end of photos of 80 x 40


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lines = ["file,xmin,ymin,xmax,ymax"]
    for split in ("train", "val", "test"):
        for name, box in BOXES.items():
            (tmp_path / "data" / split / name).mkdir(parents=True)
            for i in range(4):
                painted(80, 40, box).save(tmp_path / "data" / split / name / f"{i}.png")
                lines.append(f"{split}/{name}/{i}.png,{','.join(map(str, box))}")
    (tmp_path / "data" / "regions.csv").write_text("\n".join(lines))
    return tmp_path / "data"


def of_folder(root: Path, **changes: object) -> Config:
    own = {"data": "folder", "root": str(root), "options": {}, "annotated": 1.0, "size": "48x32", "epochs": 1}
    return small(
        root.parent / "cache", **{**own, "backbone": "small", "batch": 4, "augment": True, **changes}
    )


@pytest.mark.parametrize("mode", ["stretch", "fit"])
def test_a_run_on_oblong_images_guides_scores_and_draws(root: Path, tmp_path: Path, mode: str) -> None:
    train_run(of_folder(root, resize=mode), tmp_path / "runs" / "run")
    run = Run.open(tmp_path / "runs" / "run")
    assert run.result
    assert run.result.last.scores["pairs"] == 8
    assert (run.config.size, run.config.resize) == ("48x32", mode)
    kept = read_examples(run.folder, run.config.explainer)
    assert kept.maps.shape == kept.masks.shape == (8, 32, 48)
    results = read_results([tmp_path / "runs"])
    sheet = example_sheet(results, reported(labelled(results.tested)), "examples", "title")
    drawn = explained([run], Choice(split="test", count=2))
    drawn += explained([run], Choice(images=[str(root / "test" / "cat" / "0.png")]))
    for row in [*sheet.rows, *drawn]:
        assert row.image.shape == (40, 80, 3)
        high = 32 if mode == "stretch" else 24  # without the padding
        assert row.panels[0].map.shape == (high, 48)
        if row.region is not None:  # over the white box of the photo
            across = Image.fromarray(row.region).resize((80, 40), Image.Resampling.NEAREST)
            assert (np.asarray(across) ^ (row.image[..., 0] > 0)).mean() < 0.03


def test_what_a_crop_removes_is_said_and_maps_lie_where_it_was(root: Path, tmp_path: Path) -> None:
    config = of_folder(root, resize="crop", size=32, lambda_=0.0)
    split = split_of(config, "train")
    assert "nothing of 8 of the boxes, in 8 of 8 images" in split.remarks[0]
    train_run(config, tmp_path / "run")
    (row,) = explained([Run.open(tmp_path / "run")], Choice(images=[str(root / "test" / "cat" / "0.png")]))
    assert row.panels[0].map.shape == (32, 64)
    assert not row.panels[0].map[:, :16].any()
    assert not row.panels[0].map[:, 48:].any()
    assert row.panels[0].map[:, 16:48].any()


def test_runs_that_see_photos_in_other_ways_are_explained_side_by_side(root: Path, tmp_path: Path) -> None:
    runs = []
    for mode, size in (("stretch", 32), ("fit", 32), ("stretch", "48x32")):
        train_run(of_folder(root, resize=mode, size=size), tmp_path / f"{mode}-{size}")
        runs.append(Run.open(tmp_path / f"{mode}-{size}"))
    (row,) = explained(runs, Choice(split="test", count=1))
    assert [panel.map.shape for panel in row.panels] == [(32, 32), (16, 32), (32, 48)]
    assert all("EPG" in panel.caption for panel in row.panels)


def test_features_of_oblong_images_are_trained_on(root: Path, tmp_path: Path) -> None:
    train_run(of_folder(root, frozen="mid1", layer="mid3", resize="fit"), tmp_path / "run")
    assert Run.open(tmp_path / "run").result


def test_composites_of_oblong_images_are_trained_on(root: Path, tmp_path: Path) -> None:
    for filler in ("swap", "crop"):
        train_run(of_folder(root, composites=0.5, filler=filler, resize="fit"), tmp_path / filler)
        assert Run.open(tmp_path / filler).result


@pytest.mark.parametrize("backbone", ["torchvision/vit_b_16", "timm/vit_tiny_patch16_224"])
@pytest.mark.parametrize("frozen", [None, "mid1"])
def test_a_network_of_one_size_says_so_in_a_sentence(
    root: Path, tmp_path: Path, backbone: str, frozen: str | None
) -> None:
    config = of_folder(root, backbone=backbone, frozen=frozen)
    with pytest.raises(UserError, match=r"^--backbone .* --size 48x32.*") as told:
        train_run(config, tmp_path / "run")
    assert "224" in str(told.value)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("backbone", ["torchvision/mobilenet_v3_small", "timm/resnet10t", "bcos_small"])
def test_convolutional_networks_take_any_size(root: Path, tmp_path: Path, backbone: str) -> None:
    train_run(of_folder(root, backbone=backbone, epochs=1, augment=False), tmp_path / "run")
    assert read_examples(tmp_path / "run", Run.open(tmp_path / "run").config.explainer).maps.shape == (
        8,
        32,
        48,
    )


def test_images_to_mark_and_kinds_of_evidence_are_shown_on_whole_photos(root: Path, tmp_path: Path) -> None:
    """A proposed box lies in the photo's own pixels, the map over all of it."""
    train_run(of_folder(root, resize="crop"), tmp_path / "run")
    run = Run.open(tmp_path / "run")
    nothing = tmp_path / "nothing.txt"
    nothing.write_text("")
    for each in _suggested(suggest(run, count=4, marked=nothing)):
        assert (each.task.width, each.task.height) == (80, 40)
        assert [panel.map.shape for panel in each.row.panels] == [(32, 64)] * 2
        if each.task.box:
            x1, _, x2, _ = each.task.box
            assert 10 <= x1 < x2 <= 70  # what the network saw: 60 of 80 columns
    seen = inspect_run(run, "test")
    assert not np.isnan(seen.inside).any() or not seen.observer.split.has("boxes").all()
    assert write_inspection(seen, tmp_path / "inspected")
