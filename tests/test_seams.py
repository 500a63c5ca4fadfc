"""One of each that can be added, taken from CONTRIBUTING.md, added from outside and used by the commands."""

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

import model_guidance as mg
from model_guidance import cli
from model_guidance.attribution import capture
from model_guidance.autodiff.adjoints import ADJOINTS
from model_guidance.data.annotations.kinds import KINDS
from model_guidance.metrics.catalogue import SCORES
from model_guidance.runs.folder import Run

PAGE = Path(__file__).parent.parent / "CONTRIBUTING.md"
OWN = ["--data=additions.read", "--root=.", "--regions=diamonds"]
OWN += ["--method=additions.sensitivity", "--loss=additions.outside_share"]
SMALL = ["--size=32", "--backbone=small", "--epochs=1", "--batch=12", "--workers=0", "--accelerator=cpu"]


@pytest.fixture(scope="module")
def additions(tmp_path_factory) -> Iterator[ModuleType]:
    """The blocks of the page as one module in the working folder; what it registers is taken out again."""
    folder = tmp_path_factory.mktemp("seams")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (folder / "additions.py").write_text("\n\n".join(blocks))
    catalogues = (KINDS, SCORES, ADJOINTS)
    before = [dict(each) for each in catalogues]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.chdir(folder)
        yield importlib.import_module("additions")
    sys.modules.pop("additions")
    for catalogue, own in zip(catalogues, before, strict=True):
        catalogue.clear()
        catalogue.update(own)


@pytest.fixture(scope="module")
def run(additions, tmp_path_factory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    cli.main(["train", f"--out={out}", f"--cache={out.parent / 'cache'}", "--lambda=0.5", *OWN, *SMALL])
    return Run.open(out)


def test_every_seam_is_shown():
    headings = re.findall(r"^## (An? .*)$", PAGE.read_text(), re.MULTILINE)
    rows = re.findall(r"^\| (an? [^|]*?) \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(each.lower() for each in headings) == sorted(rows)


def test_a_loss_an_attribution_a_format_a_metric_and_a_kind_are_trained_with(run):
    assert list(run.classes) == ["left", "right"]
    assert (run.config.loss, run.config.method) == ("additions.outside_share", "additions.sensitivity")
    assert run.result
    evaluation = run.result.last
    assert 0 <= evaluation.scores["peak"] <= 1
    assert all("peak" in scores for scores in evaluation.classes.values())


@pytest.mark.slow
def test_the_metric_is_evaluated_and_reported(run, capsys, tmp_path):
    cli.main(["evaluate", str(run.folder), "--checkpoint=last"])
    assert "pointing game" in capsys.readouterr().out
    cli.main(["report", str(run.folder), f"--out={tmp_path}"])
    assert "pointing game" in (tmp_path / "index.html").read_text()


def test_the_regions_are_of_the_kind(additions):
    moved = torch.tensor([[4.0, 10.0, 12.0, 20.0]])
    (mask,) = KINDS["diamonds"].masks(moved, (32, 32))
    assert mask[15, 8]
    assert not mask[10, 4]
    assert int(mask.sum()) == pytest.approx(40, abs=8)  # half of the box


def test_the_loss_is_a_share(additions):
    maps = torch.tensor([[[1.0, -3.0], [0.0, 0.0]]])
    masks = torch.tensor([[[True, False], [False, False]]])
    assert float(additions.outside_share(maps, masks)) == 0.75
    assert float(additions.peak(maps, masks)) == 1


class Flat(nn.Module):
    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.flatten(features, 1)


def test_the_adjoint_makes_the_way_back_ordinary(additions):
    torch.manual_seed(0)
    ends = [nn.Conv2d(4, 5, 3), nn.Softplus(), nn.AdaptiveAvgPool2d(1), Flat(), nn.Linear(5, 2)]
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softplus(), *ends).double()
    images = torch.rand(2, 3, 12, 12, dtype=torch.float64)
    by_tape = mg.attribute(model, images, [0, 1], method="ixg", layer="0")
    assert capture(model, images, "ixg", "0").captured.by_adjoints
    features = model[0](images)
    logits = model[1:](features)[torch.arange(2), torch.arange(2)]
    gradients = torch.autograd.grad(logits.sum(), features)[0]
    expected = (gradients * features).sum(dim=1, keepdim=True)
    scaled = nn.functional.interpolate(expected, (12, 12), mode="bilinear", align_corners=False)
    torch.testing.assert_close(by_tape, scaled.squeeze(1).detach())
