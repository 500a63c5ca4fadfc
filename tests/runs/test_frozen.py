"""Runs on kept features: what the whole network learns with its first layers frozen, in less time."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.training.helpers import interrupt, small
from torch.nn.functional import binary_cross_entropy_with_logits

from model_guidance.data import SplitDataset, loader
from model_guidance.data.cache.features import SPARE
from model_guidance.errors import UserError
from model_guidance.guidance import Guidance
from model_guidance.metrics.evaluate import altered_pixels, chosen_of
from model_guidance.metrics.reliance import sample
from model_guidance.models import AfterLayer, build
from model_guidance.models.layers import find_layer
from model_guidance.runs.devices import fabric_of
from model_guidance.runs.evaluate import evaluate_run, score_run
from model_guidance.runs.evidence import read_evidence
from model_guidance.runs.folder import Run
from model_guidance.runs.frozen import CONDITIONS, FrozenPart, after_frozen
from model_guidance.runs.setup import split_of, training_loader
from model_guidance.runs.train import train_run
from model_guidance.training.config import Config
from model_guidance.types import unit_range

FROZEN = {"frozen": "mid1", "feature_precision": "32"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def run(cache, tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "frozen"
    train_run(small(cache, **FROZEN), folder)
    return Run.open(folder)


def by_hand(config: Config) -> dict[str, torch.Tensor]:
    """Train the whole network on images, its first layers frozen, with nothing kept."""
    torch.manual_seed(config.seed)
    model, image = build(config.backbone, 2), torch.rand(1, 3, config.size, config.size)
    frozen = AfterLayer(model, find_layer(model, config.frozen, image), image)
    guidance = Guidance(model, config.own_method, config.layer, config.loss)
    optimizer = torch.optim.Adam(guidance.parameters(), lr=config.lr)
    batches = training_loader(config, split_of(config, "train"), fabric_of(config), normalises=False)
    for epoch in range(1, config.epochs + 1):
        torch.manual_seed(config.seed * 1_000_003 + epoch)
        batches.sampler.set_epoch(epoch)
        guidance.train()
        frozen.train()
        for batch in batches:
            logits, localization = guidance(unit_range(batch.images), batch.labels, batch.regions)
            each = binary_cross_entropy_with_logits(logits, batch.labels, reduction="none").mean(dim=1)
            counts = torch.full_like(each, 1 / len(each)) if batch.weights is None else batch.weights
            loss = (counts * each).sum() + config.lambda_ * localization
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return dict(model.state_dict())


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"augment": True, "views": 2},
        {"backbone": "resnet18", "layer": "mid3"},
        {"composites": 0.5, "annotated_batch": 4},
    ],
)
def test_it_ends_in_the_weights_of_the_whole_network_trained_with_those_layers_frozen(
    changes, cache, tmp_path
):
    config = small(cache, **FROZEN, **changes)
    train_run(config, tmp_path / "run")
    expected, found = by_hand(config), load_file(tmp_path / "run" / "last.safetensors")
    initial = build(config.backbone, 2).state_dict()
    assert found.keys() == expected.keys() == initial.keys()
    for name, value in expected.items():
        assert torch.allclose(found[name], value, rtol=1e-4, atol=1e-5), name


@pytest.mark.slow
def test_the_whole_network_scores_what_its_part_scored_on_features(run):
    for name in ("best", "last"):
        found, expected = evaluate_run(run, name, "test", None, None), getattr(run.result, name)
        assert found.scores == pytest.approx(expected.scores, abs=1e-4)
        assert found.groups == expected.groups
        assert found.reliance.outside == pytest.approx(expected.reliance.outside)
        assert found.reliance.inside == pytest.approx(expected.reliance.inside)


@pytest.mark.slow
def test_the_last_layers_were_trained_and_no_other(run):
    torch.manual_seed(0)
    before, after = build("bcos_small", 2).state_dict(), load_file(run.folder / "last.safetensors")
    changed = {name.split(".")[1] for name in after if not torch.equal(before[name], after[name])}
    assert changed == {"layer2", "layer3", "layer4", "fc"}


@pytest.mark.slow
def test_a_further_round_computes_no_features_of_the_data(run, cache, tmp_path, monkeypatch):
    images, features = [], AfterLayer.features

    def counted(self, given):
        images.append(len(given))
        return features(self, given)

    monkeypatch.setattr(AfterLayer, "features", counted)
    train_run(
        small(cache, **FROZEN, lambda_=5.0, loss="l1", weights=str(run.folder / "last.safetensors")),
        tmp_path / "run",
    )
    assert max(images) <= 2  # of the trial step, and of the example that tells the shape


@pytest.mark.slow
def test_half_precision_is_near(run, cache, tmp_path):
    result = train_run(small(cache, frozen="mid1"), tmp_path / "run")
    assert result.last.scores["bce"] == pytest.approx(run.result.last.scores["bce"], rel=1e-2)


@pytest.mark.slow
def test_interrupted_it_ends_in_the_same_bits(run, cache, tmp_path):
    interrupt(small(cache, **FROZEN), tmp_path / "run", step=5)
    train_run(small(cache, **FROZEN), tmp_path / "run")
    assert (tmp_path / "run" / "last.safetensors").read_bytes() == (
        run.folder / "last.safetensors"
    ).read_bytes()
    assert Run.open(tmp_path / "run").result == run.result


@pytest.mark.parametrize("count", [1000, 5])
def test_one_of_two_processes_keeps_the_features_of_all_replaced_images(count, tmp_path, capsys):
    config = small(tmp_path, **FROZEN, reliance_images=count)
    split = split_of(config, "test")
    dataset = SplitDataset(split)
    part = FrozenPart(after_frozen(build(config.backbone, 2), config), config, "run")
    shard, whole = (loader(dataset, 16, True, shard=each, evaluation=True) for each in ((1, 2), (0, 1)))
    wanted = {"test": part.views(dataset, "test"), "replaced": part.replaced(shard, "test")}
    kept = part.kept(wanted)
    altered, some = part.altered(shard, kept["replaced"][0]), sample(dataset.annotated, count)
    for batch in whole:
        stand_in = replace(batch, images=torch.zeros(len(batch.labels)), of_features=True)
        chosen = chosen_of(batch, some)
        if chosen.any():
            for side, filler in CONDITIONS:
                found = altered(stand_in, chosen, side, filler)
                expected = part.after.features(altered_pixels(batch, chosen, side, filler))
                assert torch.allclose(found, expected, atol=1e-5)
    assert len(kept["test"][0]) == len(split)
    assert len(kept["replaced"][0]) == 6 * min(count, len(split))
    said = capsys.readouterr().err
    assert f"features of {len(split) + len(kept['replaced'][0])} images at network.layer1 took" in said
    part.kept(wanted)
    assert "features at network.layer1 are there already" in capsys.readouterr().err


def test_other_regions_are_other_replaced_pixels_of_the_same_images(tmp_path):
    config, file = small(tmp_path, **FROZEN, annotations=str(tmp_path / "boxes.csv")), tmp_path / "boxes.csv"
    part = FrozenPart(after_frozen(build(config.backbone, 2), config), config, "run")
    images, replaced = [], []
    for box in ("2,2,20,20", "8,8,26,26", "2,2,20,20"):
        file.write_text(f"file,xmin,ymin,xmax,ymax\ntest-00003,{box}\ntest-00005,0,0,9,9\n")
        os.utime(file, ns=(len(images), len(images)))  # however short it was between two changes
        batches = loader(SplitDataset(split_of(config, "test")), 16, True, evaluation=True)
        images += [each.home for each in part.views(batches.dataset, "test")]
        replaced += [each.home for each in part.replaced(batches, "test")]
    assert images[0] == images[1] == images[2]
    assert replaced[0] == replaced[2] != replaced[1]


@pytest.mark.slow
def test_a_sample_with_replaced_pixels_is_the_same_on_features_and_on_images(cache, tmp_path):
    config = small(cache, **FROZEN, reliance_images=9, epochs=1)
    train_run(config, tmp_path / "run")
    run = Run.open(tmp_path / "run")
    expected, found = score_run(run, "last", "test", None, None), read_evidence(run.folder)
    assert run.result.last.reliance.images == expected.evaluation.reliance.images == 9
    for name, rows in expected.evidence.right.items():
        assert np.array_equal(found.right[name], rows, equal_nan=True)


def test_all_features_together_must_fit_the_disk_before_a_folder_exists(cache, tmp_path, monkeypatch):
    config = small(cache, frozen="mid1", augment=True, views=3, composites=0.5, seed=7)
    rows = 48 * 3 + 24 * 3 + 48 + 48 + 6 * 48
    after = after_frozen(build(config.backbone, 2), config)
    needed = rows * after.features(after.image).numel() * 2
    usage = shutil.disk_usage(tmp_path)._replace(free=SPARE + needed - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=rf"--cache .*: the features need {needed / 1e9:.2f} GB, .* are free"):
        train_run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=SPARE + needed))
    train_run(config, tmp_path / "run")


@pytest.mark.parametrize("network", ["looks", "copies"])
def test_features_are_those_of_the_network_whatever_the_memory_layout(network, tmp_path):
    """A network that looks at its values as they lie in memory cannot be run with channels last."""
    model = build("small", 2)
    if network == "looks":
        model.network.layer1.register_forward_hook(lambda _, __, out: out.view(len(out), -1).view(out.shape))
    config = small(tmp_path, backbone="small", frozen="mid2")
    part = FrozenPart(after_frozen(model, config), config, "run", quiet=True)
    dataset = SplitDataset(split_of(config, "val"))
    found = part.kept({"val": part.views(dataset, "val")})["val"][0]
    for index in (0, 11):
        expected = part.after.features(unit_range(dataset[index].image[None]))[0]
        assert torch.allclose(torch.from_numpy(found[index]).float(), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"frozen": "mid3"}, "layer 'mid2' comes before the frozen layer 'network.layer3'"),
        ({"frozen": "mid1", "layer": "input"}, "layer 'input' comes before the frozen layer"),
        ({"frozen": "mid9"}, "there is no layer 'mid9'"),
        ({"frozen": "mid1", "views": 3}, "--views 3: the images are not augmented"),
        ({"views": 3}, "--views 3: there are no kept features without --frozen"),
        ({"frozen": "mid1", "augment": True, "views": 1}, "--views 1: a number from 2"),
        ({"feature_precision": "32"}, "--feature_precision 32: there are no kept features"),
        ({"frozen": "mid1", "feature_precision": "8"}, "--feature_precision 8: choose 16 or 32"),
        ({"frozen": "mid1", "compile": True}, "--frozen excludes --compile"),
        ({"annotated_batch": 4, "lambda_": 0.0}, "--annotated_batch 4: nothing is guided without --lambda"),
        ({"frozen": "mid1", "checkpoint": True}, "--frozen excludes --compile and --checkpoint"),
    ],
)
def test_what_cannot_be_is_said_before_a_folder_exists(settings, words, cache, tmp_path):
    with pytest.raises(UserError, match=words):
        train_run(small(cache, **settings), tmp_path / "run")
    assert not (tmp_path / "run").exists()
