"""The loss of the logits: each kind beside torch's own, class weights beside sums that are written out."""

from dataclasses import replace
from math import exp, log
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from tests.report.folders import write_run
from tests.training.helpers import small, trained
from tests.training.test_weighting import batch_of

from model_guidance.attribution import attribute
from model_guidance.commands.earlier_run import defaults
from model_guidance.errors import UserError
from model_guidance.export.description import Description, decision
from model_guidance.export.weights import safetensors, timm, torchvision
from model_guidance.files import write
from model_guidance.finding.criteria.doubt import doubt
from model_guidance.finding.observations import Observations
from model_guidance.models import build
from model_guidance.runs.folder import CONFIG, Run
from model_guidance.runs.load import load
from model_guidance.runs.predict import Asked, predictions
from model_guidance.runs.setup import split_of
from model_guidance.runs.train import train_run
from model_guidance.training.classification import (
    ClassificationLoss,
    check_classification,
    probabilities_of,
)
from model_guidance.training.trainer import _classification

COUNTS = (1, 2, 7)
EXCLUSIVE = torch.eye(3, dtype=torch.float64)[[0] + [1] * 2 + [2] * 7]
SEVERAL = (torch.rand(10, 3, generator=torch.Generator().manual_seed(1)) > 0.6).double()
LOGITS = 3 * torch.randn(10, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
UNIFORM = torch.full((2, 3), 1 / 3, dtype=torch.float64)


def test_binary_cross_entropy_is_torchs_to_the_last_bit():
    logits, labels = LOGITS.float(), SEVERAL.float()
    assert torch.equal(
        ClassificationLoss().mean(logits, labels), F.binary_cross_entropy_with_logits(logits, labels)
    )


def test_cross_entropy_is_that_of_class_numbers():
    expected = F.cross_entropy(LOGITS, EXCLUSIVE.argmax(dim=1))
    found = ClassificationLoss("ce").mean(LOGITS, EXCLUSIVE)
    assert float(found) == pytest.approx(float(expected), rel=1e-12)


def test_balanced_cross_entropy_is_the_mean_over_the_classes_of_their_mean_loss():
    classes = EXCLUSIVE.argmax(dim=1).tolist()
    rows = zip(LOGITS.tolist(), classes, strict=True)
    each = [-log(exp(row[c]) / sum(map(exp, row))) for row, c in rows]
    slow = sum(10 / (3 * COUNTS[c]) * loss for c, loss in zip(classes, each, strict=True)) / 10
    means = [np.mean([loss for loss, c in zip(each, classes, strict=True) if c == of]) for of in range(3)]
    assert slow == pytest.approx(np.mean(means), rel=1e-12)
    assert float(_balanced("ce", EXCLUSIVE).mean(LOGITS, EXCLUSIVE)) == pytest.approx(slow, rel=1e-12)


@pytest.mark.parametrize("labels", [EXCLUSIVE, SEVERAL], ids=["exclusive", "several"])
def test_balanced_binary_cross_entropy_counts_each_class_and_each_answer_the_same(labels):
    slow = 0.0
    for row, wanted in zip(LOGITS.tolist(), labels.tolist(), strict=True):
        for c, (logit, y) in enumerate(zip(row, wanted, strict=True)):
            probability, positives = 1 / (1 + exp(-logit)), float(labels[:, c].sum())
            if y:
                slow -= 10 / (2 * positives) * log(probability)
            else:
                slow -= 10 / (2 * (10 - positives)) * log(1 - probability)
    loss = _balanced("bce", labels)
    assert float(loss.mean(LOGITS, labels)) == pytest.approx(slow / 30, rel=1e-12)
    ratio = F.binary_cross_entropy_with_logits(  # torch's own, each class of it by the same total
        LOGITS, labels, reduction="none", pos_weight=(10 - labels.sum(dim=0)) / labels.sum(dim=0)
    )
    of_torch = (ratio * 10 / (2 * (10 - labels.sum(dim=0)))).mean()
    assert float(of_torch) == pytest.approx(slow / 30, rel=1e-12)


@pytest.mark.parametrize("kind", ["ce", "bce"])
def test_weights_of_training_have_a_mean_of_one_and_a_target_without_a_class_keeps_its_minimum(kind):
    loss, plain = _balanced(kind, EXCLUSIVE), ClassificationLoss(kind)
    flat = torch.zeros(10, 3, dtype=torch.float64)  # every image has the same loss there
    assert float(loss.mean(flat, EXCLUSIVE)) == pytest.approx(float(plain.mean(flat, EXCLUSIVE)), rel=1e-12)
    at_target = torch.full((2, 3), 0.0 if kind == "ce" else log(0.5), dtype=torch.float64)
    at_target.requires_grad_()
    (slope,) = torch.autograd.grad(loss.mean(at_target, UNIFORM), at_target)
    assert float(slope.abs().max()) < 1e-15


def test_a_class_that_nobody_has_takes_no_part():
    labels = torch.eye(3, dtype=torch.float64)[[0, 0, 0, 2]]
    loss = _balanced("ce", labels)(LOGITS[:4], labels) / ClassificationLoss("ce")(LOGITS[:4], labels)
    assert loss.tolist() == pytest.approx([4 / 6] * 3 + [2])
    assert _balanced("bce", labels)(LOGITS[:4], labels).isfinite().all()


@pytest.mark.parametrize("kind", ["ce", "bce"])
def test_factors_of_images_and_composites_multiply_it(kind):
    labels = torch.cat([EXCLUSIVE[:4], UNIFORM])
    batch = batch_of([0, 1, 2, 3], torch.tensor([0.25] * 4 + [0.5] * 2, dtype=torch.float64), beside=2)
    batch, loss = replace(batch, labels=labels), _balanced(kind, EXCLUSIVE)
    each = loss(LOGITS[:6], labels)
    found = _classification(LOGITS[:6], batch, lambda losses, _: 2 * torch.ones_like(losses), loss)
    assert float(found) == pytest.approx(float(2 * (each[:4].mean() + 0.5 * each[4:].sum())), rel=1e-12)


def test_probabilities_are_those_of_the_loss():
    assert torch.equal(probabilities_of(LOGITS, "ce"), LOGITS.softmax(dim=1))
    assert torch.equal(probabilities_of(LOGITS, "bce"), LOGITS.sigmoid())


SETTINGS = {"backbone": "small", "epochs": 1, "lambda_": 0.5, "classification": "ce"}


def test_a_run_learns_by_it_scores_it_and_shows_softmax(tmp_path: Path):
    config = small(tmp_path / "cache", **SETTINGS, composites=0.5, replaced="both", weighting="groups")
    result = train_run(replace(config, class_weights="balanced"), tmp_path / "run")
    assert result.last.scores["ce"] > 0
    assert "bce" not in result.last.scores
    run = Run.open(tmp_path / "run")
    split = split_of(config, "test")
    Image.fromarray(split.image(0)).save(tmp_path / "one.png")
    (said,) = predictions(run, [tmp_path / "one.png"], Asked(accelerator="cpu"))
    assert sum(said.scores) == pytest.approx(1, abs=1e-6)
    assert said.predicted == [int(np.argmax(said.scores))]
    assert sum(sum(row.values()) for row in result.last.confusion.values()) == len(split)


def test_the_loss_and_the_class_weights_change_the_weights(tmp_path: Path):
    cache, settings = tmp_path / "cache", {**SETTINGS, "lambda_": 0.0, "options": {"count": 47}}  # 24 and 23
    ways = ({"classification": "bce"}, {}, {"class_weights": "balanced"})
    heads = [
        trained(small(cache, **settings | way), tmp_path / str(place))["network.fc.weight"]
        for place, way in enumerate(ways)
    ]
    assert not torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[1], heads[2])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"options": {"count": 48, "labels": "multi"}},
            "^--classification ce: an image of these data may",
        ),
        ({"classification": "softmax"}, "^--classification softmax: choose one of bce, ce, binary"),
        (
            {"classification": "binary", "options": {"count": 48, "labels": "multi"}},
            "^--classification binary: an image of these data may",
        ),
        ({"class_weights": "even"}, "^--class_weights even: choose one of equal, balanced"),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, settings, message):
    with pytest.raises(UserError, match=message):
        train_run(small(tmp_path / "cache", **SETTINGS | settings), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def _balanced(kind: str, labels: torch.Tensor) -> ClassificationLoss:
    return ClassificationLoss(kind, labels.mean(dim=0))


def test_from_a_run_goes_on_by_its_loss(tmp_path: Path):
    config = small(tmp_path, classification="ce", class_weights="balanced")
    write(tmp_path / "run" / CONFIG, config.yaml().encode())
    found = defaults(["--from", str(tmp_path / "run")])
    assert (found["classification"], found["class_weights"]) == ("ce", "balanced")


def test_what_is_said_of_a_network_follows_its_loss(tmp_path: Path):
    accuracy = {"accuracy": 0.7, "epg": 0.3, "iou": 0.1}
    runs = {
        kind: Run.open(write_run(tmp_path / kind, [accuracy], classification=kind)) for kind in ("bce", "ce")
    }
    assert "sigmoid(logit)" in decision(runs["bce"])
    assert "softmax(logits)" in decision(runs["ce"])


def test_doubt_is_of_the_probabilities_that_the_network_learned():
    arrays = [np.arange(2), LOGITS[:2].numpy(), np.array([0, 2]), *[np.zeros((2, 1, 1))] * 2, np.ones((2, 1))]
    for kind, expected in (("ce", LOGITS.softmax(dim=1)), ("bce", LOGITS.sigmoid())):
        seen = Observations(*arrays, classification=kind)
        wanted = [1 - float(expected[0, 0]), 1 - float(expected[1, 2])]
        assert doubt(seen, seen).tolist() == pytest.approx(wanted)
        assert doubt(seen[1:], seen).tolist() == pytest.approx(wanted[1:])


@pytest.mark.parametrize("backbone", ["small", "bcos_small", "xdnn_small"])
def test_one_logit_is_torchs_binary_loss_and_its_map_is_minus_that_of_the_other_class(backbone: str):
    torch.manual_seed(0)
    model = build(backbone, 2, one_logit=True).eval()
    images, second = torch.rand(4, 3, 32, 32), torch.tensor([0.0, 1, 1, 0])
    logits = model(images)
    assert logits.shape == (4, 2)
    labels = F.one_hot(second.long(), 2).float()
    expected = F.binary_cross_entropy_with_logits(model.network(model.encode(images)).flatten(), second)
    found = ClassificationLoss("binary").mean(logits, labels)
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-6)
    of = [attribute(model, images, [label] * 4, layer="mid2").detach() for label in (0, 1)]
    assert of[1].abs().max() > 0
    torch.testing.assert_close(of[0], -of[1])


def test_a_run_with_one_logit(tmp_path: Path):
    config = small(tmp_path / "cache", **SETTINGS | {"classification": "binary"}, composites=0.5)
    result = train_run(config, tmp_path / "run")
    assert result.last.scores["bce"] > 0
    model = load(tmp_path / "run")
    (head,) = [each for name, each in model.state_dict().items() if name == f"{model.head}.weight"]
    assert len(head) == 1
    image = torch.rand(1, 3, 32, 32)
    what = Description(Run.open(tmp_path / "run"), "best", model)
    with torch.no_grad():
        assert torch.equal(safetensors(what, tmp_path)(image), model(image))
    for library in (torchvision, timm):
        with pytest.raises(UserError, match="--format (torchvision|timm): "):
            library(what, tmp_path)
    assert float(probabilities_of(model(image), "binary").sum().detach()) == pytest.approx(1)


def test_one_logit_is_of_two_classes():
    check_classification("binary", True, 2)
    with pytest.raises(UserError, match="^--classification binary: the data have 3 classes, exactly two"):
        check_classification("binary", True, 3)
    with pytest.raises(UserError, match="^--classification ce: the data have 1 classes"):
        check_classification("ce", True, 1)
