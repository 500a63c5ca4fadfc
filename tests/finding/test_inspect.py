"""`inspect`: kinds of evidence that are there are found, and none where there are none."""

import csv
from pathlib import Path

import numpy as np
import pytest
from tests.finding.test_criteria import at, observed
from tests.training.helpers import small

from model_guidance import cli
from model_guidance.errors import UserError
from model_guidance.finding.clusters import clusters, whereabouts
from model_guidance.finding.inspection import _cells, inspect_run
from model_guidance.finding.observations import GRID
from model_guidance.runs.folder import Run
from model_guidance.runs.train import train_run


def test_two_kinds_of_evidence_come_apart_in_the_class_that_has_them():
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], [40, 20, 30])  # the third is another class, all of one kind
    features = np.eye(3)[kind] + 0.02 * rng.normal(size=(90, 3))
    energy = np.stack([at(*((2, 2), (12, 12), (7, 7))[each]) for each in kind])
    features[60:] = np.eye(3)[2]
    found = clusters(observed(features, classes=(kind == 2).astype(int), energy=energy))
    assert [each.label for each in found] == [0, 0, 1]
    assert [sorted(each.members) for each in found] == [[*range(40)], [*range(40, 60)], [*range(60, 90)]]
    assert found[0].silhouette > 0.8
    assert np.isnan(found[2].silhouette)


def test_a_kind_of_one_image_in_thousands_is_a_kind(monkeypatch):
    """Whether the sample of which the silhouette is taken has that image or not."""
    monkeypatch.setattr("model_guidance.finding.clusters.SAMPLE", 20)
    features = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    features[7] += 300
    for seed in range(4):
        assert [7] in [each.members.tolist() for each in clusters(observed(features), seed)]


def test_where_evidence_lies():
    even = np.full((GRID, GRID), 1 / GRID**2)
    (x, across, y, down), middle = whereabouts(np.stack([at(3, 12), even]))
    assert (x, across, y, down) == pytest.approx((12.5 / GRID, 0, 3.5 / GRID, 0))
    assert middle == pytest.approx([0.5, np.sqrt(1 / 12)] * 2, abs=0.01)


@pytest.mark.parametrize("size", [16, 32, 40, 9])
def test_a_mask_covers_its_share_of_the_cells(size: int):
    mask = np.zeros((size, size), bool)
    assert _cells(mask).sum() == 0
    assert _cells(~mask).max() == 1
    mask[: size // 2] = True
    if size % 2 == 0:
        assert _cells(mask).mean() == pytest.approx(0.5)


@pytest.fixture(scope="module", params=[None, "mid1"])
def run(request, tmp_path_factory) -> Run:
    home = tmp_path_factory.mktemp("inspect")
    settings = {"backbone": "small", "epochs": 2, "lambda_": 0.0, "annotated": 1.0, "frozen": request.param}
    train_run(small(home / "cache", **settings), home / "run")
    return Run.open(home / "run")


def test_the_kinds_hold_every_image_once(run: Run):
    found = inspect_run(run, "test")
    members = np.concatenate([each.cluster.members for each in found.kinds])
    assert sorted(members) == [*range(48)]
    assert (found.inside >= 0).all()
    assert (found.inside <= 1 + 1e-6).all()
    for label in np.unique(found.seen.classes):
        own = [each for each in found.kinds if each.cluster.label == label]
        assert sum(each.share for each in own) == pytest.approx(1)
    for each in found.kinds:
        rows = found.seen.index[each.cluster.members]
        truth = found.observer.split.labels[rows].argmax(axis=1)
        assert each.accuracy == pytest.approx((truth == each.cluster.label).mean())
        assert sum(each.groups.values()) == pytest.approx(1)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_cannot_be_is_said_before_the_maps_are_made(run: Run, seed: int, monkeypatch):
    monkeypatch.setattr("model_guidance.finding.inspection.Observer.of", lambda *_: pytest.fail("too late"))
    with pytest.raises(UserError, match=f"--seed {seed}: a number from 0 to 4294967295 is needed"):
        inspect_run(run, seed=seed)


def test_another_layer_is_looked_through(run: Run):
    energies = [
        inspect_run(run, "test", layer=layer).seen.energy for layer in (None, run.config.layer, "mid1")
    ]
    assert (energies[0] == energies[1]).all()
    assert (energies[0] != energies[2]).any()
    with pytest.raises(UserError, match="mid9"):
        inspect_run(run, "test", layer="mid9")
    if run.config.frozen:
        with pytest.raises(UserError, match="input"):
            inspect_run(run, "test", layer="input")


def test_the_page_the_picture_and_the_table(run: Run, tmp_path: Path, capsys):
    cli.main(["inspect", str(run.folder), f"--out={tmp_path / 'out'}"])
    assert capsys.readouterr().out.split() == [
        str(tmp_path / "out" / name) for name in ("index.html", "kinds.png", "kinds.csv")
    ]
    rows = list(csv.DictReader((tmp_path / "out" / "kinds.csv").open()))
    page = (tmp_path / "out" / "index.html").read_text()
    assert sum(int(row["images"]) for row in rows) == 48
    assert all(row["kind"] in page for row in rows)
    with pytest.raises(SystemExit):
        cli.main(["inspect", str(run.folder), "--checkpoint=first"])
    assert "no checkpoint 'first'" in capsys.readouterr().err


def test_a_report_shows_it_of_the_baseline_and_the_best_guided_model(tmp_path: Path):
    settings = {"backbone": "small", "epochs": 1, "frozen": "mid1"}
    for weight in (0.0, 1.0):
        train_run(small(tmp_path / "cache", **settings, lambda_=weight), tmp_path / f"runs/{weight}")
    asked = ["report", str(tmp_path / "runs"), f"--out={tmp_path / 'out'}"]
    cli.main(asked)
    assert "What they look at" not in (tmp_path / "out/index.html").read_text()
    cli.main([*asked, "--inspect=test"])
    page = (tmp_path / "out/index.html").read_text()
    assert page.count('href="#section-1-kinds"') == page.count('id="section-1-kinds"') == 1
    for model in ("baseline", "guided"):
        name = f"kinds-small-ixg-mid2-{model}"
        assert (tmp_path / f"out/figures/{name}.png").exists()
        rows = list(csv.DictReader((tmp_path / f"out/tables/{name}.csv").open()))
        assert sum(int(row["images"]) for row in rows) == 48
        assert all(f"<h4>{row['kind']}</h4>" in page for row in rows)


def test_a_report_cannot_look_at_a_split_that_is_not_there(run: Run, tmp_path: Path, capsys):
    with pytest.raises(SystemExit):
        cli.main(["report", str(run.folder), f"--out={tmp_path / 'out'}", "--inspect=tset"])
    assert "--inspect tset: must be one of train, val, test" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
