"""`mg.load` and `mg.show` with runs of every kind: one logit, several labels, frozen layers, tokens."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.asserts import assert_same
from tests.training.helpers import small

import model_guidance as mg
from model_guidance.report import show as module

KINDS = {
    "no square": {"size": "48x32", "resize": "crop", "backbone": "small"},
    "several labels": {"options": {"count": 12, "labels": "multi"}, "backbone": "small"},
    "frozen": {"frozen": "mid2", "layer": "mid3", "backbone": "small"},
    "a layer of its own": {"layer": "network.layer2", "backbone": "bcos_small"},
    "one logit": {
        "data": "tests.report.test_show.one_class",
        "options": {},
        "root": ".",
        "backbone": "small",
    },
}


def one_class(root, split, count=12):
    """Draw figures of a single class, which every other image has."""
    source = mg.data.open_source("shapes", None, split, count=count)

    def sample(index):
        found = source.read(index)
        return mg.data.Sample(found.image, frozenset({0}) if index % 2 else frozenset())

    return mg.data.Source(("figure",), source.names, sample, files=(), version="one", exclusive=False)


@pytest.fixture(scope="module", params=KINDS)
def run(request, tmp_path_factory) -> mg.Run:
    folder = tmp_path_factory.mktemp("show")
    settings = {
        "options": {"count": 12},
        "epochs": 1,
        "lambda_": 0.0,
        "annotated": 1.0,
        **KINDS[request.param],
    }
    config = small(folder / "cache", **settings)
    mg.train_run(config, folder / "run")
    return mg.Run.open(folder / "run")


def test_a_loaded_run_predicts_and_draws_the_map_that_it_was_trained_with(run, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(module, "heatmap_sheets", lambda rows, _: drawn.extend(rows) or [None])
    model = mg.load(run.folder)
    assert not model.training
    assert list(model.classes) == run.classes
    pixels = np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)
    photo, path = Image.fromarray(pixels), tmp_path / "photo.png"
    photo.save(path)
    resizing = run.config.resizing
    seen = np.array(resizing.pixels(photo))
    tensor = torch.from_numpy(seen).permute(2, 0, 1) / 255
    for given in (photo, path, str(path), tensor):
        mg.show(model, given)
    label = int(model(tensor[None]).argmax())
    expected = mg.attribute(
        model, tensor[None], [label], run.config.own_method, run.config.layer, layout=run.config.layout
    )
    covering = torch.from_numpy(resizing.placement((60, 90)).back(expected[0].numpy()))
    for row, wanted in zip(drawn, [covering] * 3 + [expected[0]], strict=True):
        assert_same(torch.from_numpy(row.panels[0].map), wanted)
        assert row.panels[0].caption.startswith(f"{run.classes[label]}: ")
    assert [row.image.shape for row in drawn] == [(60, 90, 3)] * 3 + [(*resizing.size, 3)]


def test_a_notebook_draws_what_is_returned():
    torch.manual_seed(0)
    figure = mg.show(mg.models.build("small", 2), torch.rand(3, 32, 48))
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_the_model_is_left_in_its_mode_and_with_its_statistics():
    torch.manual_seed(0)
    model = mg.models.build("resnet18", 2).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    mg.show(model, torch.rand(3, 64, 64), layer="mid2")
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_what_is_no_image_is_said(tmp_path: Path):
    model = mg.models.build("small", 2)
    with pytest.raises(mg.UserError, match=r"image: list found, a tensor \[3, height, width\], a PIL image"):
        mg.show(model, [[0.5]])
    (tmp_path / "torn.png").write_bytes(b"\x89PNG")
    with pytest.raises(mg.UserError, match=r"torn\.png: no complete, readable image"):
        mg.show(model, tmp_path / "torn.png")
