"""Kinds of annotation: each from the table to the mask and the loss; one more from outside of the package."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.data.samples import memory_source, painted
from torch import Tensor

import model_guidance as mg
from model_guidance.data import RegionSettings, SplitDataset, loader, open_source, open_split
from model_guidance.data.annotations.boxes import Boxes
from model_guidance.data.annotations.kinds import KINDS
from model_guidance.data.cache.cached import cached
from model_guidance.data.inspection import inspect
from model_guidance.data.loading import collate
from model_guidance.data.regions import Region, box_mask, dilate_boxes
from model_guidance.data.source import Sample, annotated
from model_guidance.errors import UserError

Write = Callable[..., Path]
HEADER = "file,kind,xmin,ymin,xmax,ymax,radius"


@pytest.fixture
def table(folder: Write) -> Write:
    """Write a folder of 40 x 30 images, with these lines in a table that has kinds."""

    def write(*lines: str) -> Path:
        root = folder()
        (root / "regions.csv").write_text("\n".join((HEADER, *lines)))
        return root

    return write


def regions(root: Path, cache: Path, size: int = 40, **settings: object) -> mg.types.Regions:
    split = open_split("folder", root, "train", size, cache, {})
    return collate([SplitDataset(split, RegionSettings(**settings))[index] for index in range(2)]).regions


def disc(x: float, y: float, across: float, down: float, size: int = 40) -> Tensor:
    centres = torch.arange(size) + 0.5
    return ((centres[None] - x) / across) ** 2 + ((centres[:, None] - y) / down) ** 2 <= 1


def test_a_point_is_a_disc_that_keeps_the_aspect_of_its_image(table: Write, tmp_path: Path) -> None:
    root = table("train/cat/1.png,point,10,15,,,6", "train/dog/1.png,point,39.9,0.2,,,0.1")
    found = regions(root, tmp_path / "cache", kind="points")
    assert torch.equal(found.masks[0], disc(10, 20, 6, 8))  # 40 x 30 pixels become 40 x 40
    assert found.masks[1].nonzero().tolist() == [[0, 39]]
    assert found.valid is None
    coarse = regions(root, tmp_path / "cache", kind="points", dilate=0.25)
    assert torch.equal(coarse.masks[0], disc(10, 20, 9, 12))


def test_what_must_not_be_used_is_taken_away_or_alone_counts(table: Write, tmp_path: Path) -> None:
    root = table(
        "train/cat/1.png,box,0,0,20,15,",
        "train/cat/1.png,ignore,10,0,40,15,",
        "train/dog/1.png,ignore,0,0,10,30,",
    )
    found = regions(root, tmp_path / "cache")
    boxed, tag = (box_mask(torch.tensor([box]), (40, 40)) for box in ([0.0, 0, 10, 20], [0.0, 0, 10, 40]))
    assert torch.equal(found.masks[0], boxed)
    assert torch.equal(found.masks[1], ~tag)
    assert found.valid[0].all()
    assert torch.equal(found.valid[1], tag)
    assert torch.equal(regions(root, tmp_path / "cache", kind="random").masks[0].sum(), torch.tensor(400))
    alone = regions(root, tmp_path / "cache", kind="ignore")
    assert torch.equal(alone.masks[1], ~tag)


def test_an_image_that_is_all_to_be_ignored_has_no_region(table: Write, tmp_path: Path) -> None:
    root = table("train/cat/1.png,ignore,0,0,40,30,", "train/dog/1.png,,0,0,5,5,")
    assert len(regions(root, tmp_path / "cache")) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("train/dog/1.png,circle,1,1,2,2,", "kind is 'circle', but must be box, ignore or point"),
        ("train/dog/1.png,point,1,1,2,2,", "radius='', but each must be a number"),
        ("train/dog/1.png,point,1,1,,,0", r"\[1, 1\] of radius 0 must have a radius above 0"),
        ("train/dog/1.png,point,41,1,,,2", r"\[41, 1\] of radius 2 must lie in the image of 40 x 30"),
        ("train/dog/1.png,point,nan,1,,,2", "must lie in the image"),
        ("train/dog/1.png,ignore,5,1,2,2,", "must have xmin <= xmax"),
    ],
)
def test_wrong_rows_are_named(table: Write, line: str, said: str) -> None:
    with pytest.raises(UserError, match=rf"regions\.csv line 2.*{said}"):
        open_source("folder", table(line), "train").read(1)


def test_kinds_are_counted(table: Write) -> None:
    root = table("train/cat/1.png,point,1,1,,,2", "train/dog/1.png,box,1,1,2,2,")
    found = inspect(open_source("folder", root, "train"))
    assert found.objects == {"points": {"cat": 1}, "boxes": {"dog": 1}}
    assert found.annotated == [0, 1]


@pytest.mark.parametrize("kind", ["boxes", "points", "masks", "ignore"])
def test_every_kind_moves_with_the_image(tmp_path: Path, kind: str) -> None:
    """A white object is annotated; after each crop and flip the region lies on what is white."""
    size = 48
    pixels = (
        disc(20, 26, 9, 9, size)
        if kind == "points"
        else box_mask(torch.tensor([[9.0, 9, 30, 36]]), (size, size))
    )
    shape = {
        "masks": pixels.numpy(),
        "points": np.array([20, 26, 9], np.float32),
    }.get(kind, np.array([9, 9, 30, 36], np.float32))
    photo = np.repeat(255 * pixels.numpy().astype(np.uint8)[..., None], 3, axis=2)
    sample = Sample(Image.fromarray(photo), frozenset({0}), annotated(kind, [(0, shape)]))
    split = cached(memory_source([sample]), size, tmp_path, kind)
    dataset = SplitDataset(split, RegionSettings(kind), augment=True)
    for epoch in range(12):
        item = dataset[epoch, 0]
        (region,) = item.regions
        mask = region.valid if kind == "ignore" else region.mask
        assert ((item.image[0] > 127) ^ mask).sum() <= 2 * 4 * 27  # the outline's pixels, at most


class Ring(Boxes):
    """The border of a box: a kind from outside of the package."""

    def masks(self, moved: Tensor, size: tuple[int, int]) -> Tensor:
        inner = dilate_boxes(moved.as_subclass(Tensor), -0.25, size)
        return super().masks(moved, size) & ~box_mask(inner, size)


def test_a_kind_from_outside_is_read_stored_and_trained_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "rings", Ring())
    samples = [
        Sample(painted(40, 40, (8, 8, 32, 32)), frozenset({i % 2}), annotated("rings", [(i % 2, box)]))
        for i, box in enumerate(np.array([[8, 8, 32, 32]] * 4, np.float32))
    ]
    split = cached(memory_source(samples, exclusive=True), 40, tmp_path, "rings")
    assert split.has("rings").all()
    (batch,) = loader(SplitDataset(split, RegionSettings("rings")), 4)
    assert batch.regions.masks.sum(dim=(1, 2)).tolist() == [24 * 24 - 12 * 12] * 4
    guidance = mg.Guidance(mg.models.build("small", 2))
    _, localization = guidance(batch.images / 255, batch.labels, batch.regions)
    localization.backward()
    assert all(
        parameter.grad.isfinite().all() for parameter in guidance.parameters() if parameter.grad is not None
    )


def test_without_evidence_only_the_excluded_pixels_count() -> None:
    mask = torch.tensor([[True, False], [False, False]])
    assert mg.data.regions.without([], [Region(1, mask)])[0].valid is mask
