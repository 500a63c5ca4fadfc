"""What the gallery says of its images, and in which order, against what the network itself says."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from model_guidance.annotate.orders import ORDERS
from model_guidance.annotate.session import Session
from model_guidance.data import SplitDataset
from model_guidance.data.annotations.settings import RegionSettings
from model_guidance.finding.clusters import clusters
from model_guidance.finding.observations import Observer, present
from model_guidance.finding.reliance import lost_without_outside
from model_guidance.runs.checkpoints import load_model
from model_guidance.runs.folder import Run
from model_guidance.runs.setup import split_of
from model_guidance.runs.train import train_run


def shown(session: Session, **asked: str) -> dict[str, Any]:
    """Return the whole gallery once the images have been looked at."""
    for _ in range(300):
        found = session.gallery(asked, 0, 1000)
        if found["ready"]:
            return found
        time.sleep(0.1)
    raise AssertionError("the images are looked at for ever")


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_has_every_image_once(session: Session, order: str) -> None:
    found = shown(session, split="test", order=order)
    assert found["message"] == ""
    assert sorted(each["index"] for each in found["images"]) == [*range(24)]


def test_without_a_region_no_image_can_need_its_background(session: Session) -> None:
    assert "no image of train has a region" in shown(session, split="train", order="reliance")["message"]


def test_what_is_lost_without_the_background(finished: Run) -> None:
    """Image by image: the mean colour of the whole image, as a plain loop puts it there."""
    seen = Observer.of(finished, "test", "last").observe(present)
    found = lost_without_outside(finished, "test", seen, "last")
    dataset = SplitDataset(split_of(finished.config, "test"), RegionSettings("boxes"))
    model = load_model(finished, "last").eval()
    for index in (0, 7, 23):
        item, label = dataset[index], seen.classes[index]
        image = torch.as_tensor(item.image).float()[None] / 255
        inside = torch.stack([region.mask for region in item.regions]).any(dim=0)
        altered = torch.where(inside, image, image.mean(dim=(2, 3), keepdim=True))
        before, after = (float(model(each).sigmoid()[0, label].detach()) for each in (image, altered))
        assert 0 < inside.sum() < inside.numel()
        assert found[index] == pytest.approx(before - after, abs=1e-5)


def test_kinds_of_evidence_follow_each_other(session: Session, finished: Run) -> None:
    seen = Observer.of(finished, "test", "last").observe(present)
    kinds = [set(each.members.tolist()) for each in clusters(seen)]
    order = [each["index"] for each in shown(session, split="test", order="kind")["images"]]
    for kind in kinds:
        assert kind == set(order[: len(kind)])
        order = order[len(kind) :]


def test_two_models_answer_beside_each_other(finished: Run, tmp_path: Path) -> None:
    """The second one is a round that has turned all answers round."""
    out = tmp_path / "rounds"
    train_run(replace(finished.config, epochs=2, lr=1e-2), out / "round-1")
    session = Session(finished, out, out / "marks.json")
    for model, beside in (("run", "round-1"), ("round-1", "run")):
        pairs = shown(session, split="test", model=model, beside=beside)["images"]
        alone = shown(session, split="test", model=beside)["images"]
        for pair, single in zip(pairs, alone, strict=True):
            assert pair["beside"] == {name: single[name] for name in ("prediction", "score", "right")}
            assert single["beside"] is None
