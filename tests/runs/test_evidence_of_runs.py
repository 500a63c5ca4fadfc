"""The verdict on runs: from what they kept, or scored again; each mistake is one sentence."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.evidence import evidence
from tests.report.folders import scores, write_run
from tests.training.helpers import small

from model_guidance.cli import main
from model_guidance.errors import UserError
from model_guidance.runs.devices import fabric_of
from model_guidance.runs.evidence import (
    evidence_of_run,
    judge,
    judge_beyond,
    kept_evidence,
    other_evidence,
    read_evidence,
    write_evidence,
)
from model_guidance.runs.folder import EVIDENCE, OTHER_EVIDENCE, Run, own_files
from model_guidance.runs.second_attribution import add_attribution
from model_guidance.runs.train import train_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    cache = folder / "cache"
    train_run(small(cache, lambda_=0.0, epochs=2), folder / "base")
    start = str(folder / "base" / "best.safetensors")
    train_run(small(cache, weights=start, epochs=1), folder / "guided")
    train_run(small(cache, weights=start, epochs=1, layer="mid1"), folder / "other layer")
    train_run(small(cache, weights=start, epochs=1, regions="random"), folder / "random")
    return folder


def test_the_same_evidence_is_the_same_bytes(tmp_path):
    """A run that goes on ends in the same bits: the order in a file must not be one of chance."""
    found = replace(evidence(images=4), images="a", regions="b")
    written = set()
    for _ in range(16):
        write_evidence(tmp_path, found)
        written.add((tmp_path / EVIDENCE).read_bytes())
    assert len(written) == 1
    assert (read_evidence(tmp_path).images, read_evidence(tmp_path).regions) == ("a", "b")


def test_what_is_kept_is_what_was_scored(runs):
    for name in ("base", "guided"):
        run, kept = Run.open(runs / name), read_evidence(runs / name)
        last = run.result.last
        assert kept.score() == pytest.approx(last.scores["accuracy"])
        assert np.nanmean(kept.epg) == pytest.approx(last.scores["epg"], abs=1e-6)
        assert kept.score("outside: swap") == pytest.approx(last.reliance.outside["swap"])
        assert kept.score("inside: mean") == pytest.approx(last.reliance.inside["mean"])


def test_scored_again_it_is_the_same(runs):
    run = Run.open(runs / "guided")
    kept = (runs / "guided" / EVIDENCE).read_bytes()
    found = read_evidence(runs / "guided")
    (runs / "guided" / EVIDENCE).unlink()
    again = evidence_of_run(run, run)
    assert (runs / "guided" / EVIDENCE).is_file(), "and it is kept"
    (runs / "guided" / EVIDENCE).write_bytes(kept)
    assert np.array_equal(again.index, found.index)
    assert again.right.keys() == found.right.keys()
    assert all(np.array_equal(again.right[name], found.right[name], equal_nan=True) for name in found.right)
    assert np.allclose(again.epg, found.epg, equal_nan=True)


def test_the_baseline_is_the_run_that_it_started_from(runs, capsys):
    run, base = Run.open(runs / "guided"), Run.open(runs / "base")
    assert judge(run).sentence == judge(run, base).sentence
    main(["verdict", str(runs / "guided")])
    shown = capsys.readouterr().out
    assert "worst group" in shown
    assert "95 % interval" in shown.splitlines()[-1]


def test_maps_of_both_are_of_the_layer_that_was_guided(runs):
    run, base = Run.open(runs / "other layer"), Run.open(runs / "base")
    before, _, _ = judge(run).figures["EPG"]
    assert before == pytest.approx(np.nanmean(evidence_of_run(base, run).epg))
    assert before != pytest.approx(np.nanmean(read_evidence(base.folder).epg))


def test_evidence_under_other_maps_is_scored_once(runs, monkeypatch):
    run, base = Run.open(runs / "other layer"), Run.open(runs / "base")
    first = judge(run).sentence
    assert runs / "base" / other_evidence(run.config.explainer) in own_files(base.folder)
    monkeypatch.setattr("model_guidance.runs.evaluate.score_run", lambda *_: pytest.fail("scored again"))
    assert judge(run).sentence == first


def test_evidence_that_cannot_be_kept_is_judged_all_the_same(runs, monkeypatch, capsys):
    run, base = Run.open(runs / "other layer"), Run.open(runs / "base")
    (base.folder / other_evidence(run.config.explainer)).unlink(missing_ok=True)

    def full(*_):
        raise UserError("the disk is full")

    monkeypatch.setattr("model_guidance.runs.evidence.write_evidence", full)
    assert judge(run).figures["EPG"][0] > 0
    assert "the evidence is not kept: the disk is full" in capsys.readouterr().err


def test_another_attribution_keeps_evidence_as_well(runs):
    """What a study scores its baseline under is what its guided runs are judged beside."""
    base = Run.open(runs / "base")
    name = other_evidence(base.config.explained_by(base.config.own_method, "mid1").explainer)
    (base.folder / name).unlink(missing_ok=True)
    add_attribution(base, base.config.own_method, "mid1", fabric_of(base.config))
    kept, own = read_evidence(base.folder, name), read_evidence(base.folder)
    (base.folder / name).unlink()
    again = evidence_of_run(base, Run.open(runs / "other layer"))
    assert kept.right.keys() == own.right.keys()
    assert all(np.array_equal(kept.right[each], again.right[each], equal_nan=True) for each in kept.right)
    assert np.allclose(kept.epg, again.epg, equal_nan=True)
    assert np.array_equal(kept.area, again.area, equal_nan=True)
    assert not np.allclose(kept.epg, own.epg, equal_nan=True)


def test_beside_a_control(runs, capsys):
    main(["verdict", str(runs / "guided"), "--control", str(runs / "random")])
    *_, verdict, beside = capsys.readouterr().out.splitlines()
    assert "gap left" in verdict
    assert beside.startswith("Beyond random regions: worst group ")
    run = Run.open(runs / "guided")
    with pytest.raises(UserError, match="--control .*base: this run was not guided: give one with --regions"):
        judge_beyond(run, Run.open(runs / "base"))
    with pytest.raises(UserError, match="--control .*other layer: this run was guided by boxes"):
        judge_beyond(run, Run.open(runs / "other layer"))


def test_the_baseline_is_measured_on_the_regions_of_the_run(runs, tmp_path, capsys):
    """As where it was trained before any regions were drawn, or where these have changed since."""
    for name in ("base", "guided"):
        shutil.copytree(runs / name, tmp_path / name)
    kept = (tmp_path / "base" / EVIDENCE).read_bytes()
    (tmp_path / "guided" / EVIDENCE).unlink()
    rows = [f"test-{index:05d},0,0,16,{32 if index else 16}" for index in range(48)]
    (tmp_path / "boxes.csv").write_text("\n".join(["file,xmin,ymin,xmax,ymax", *rows]))
    run, base = Run.open(tmp_path / "guided"), Run.open(tmp_path / "base")
    run = replace(run, config=replace(run.config, annotations=str(tmp_path / "boxes.csv")))
    found = judge(run, base)
    assert found.area == pytest.approx((47 * 0.5 + 0.25) / 48)
    assert (
        f"{base.folder}: is scored again, with the regions that {run.folder} has" in capsys.readouterr().err
    )
    assert judge(run, base).sentence == found.sentence
    assert "scored again" not in capsys.readouterr().err
    assert (base.folder / EVIDENCE).read_bytes() == kept, "its own stays"
    assert judge(Run.open(runs / "guided"), base).area == judge(Run.open(runs / "guided")).area


def test_evidence_of_an_earlier_version_is_read_and_counts_where_its_regions_are_as_large(runs, tmp_path):
    shutil.copytree(runs / "base", tmp_path / "base")
    run, base = Run.open(runs / "guided"), Run.open(tmp_path / "base")
    old = replace(read_evidence(base.folder), images="", regions="")
    write_evidence(base.folder, old)
    assert read_evidence(base.folder).regions == ""
    assert judge(run, base).sentence == judge(run).sentence
    assert len(kept_evidence(base, base.config.explainer)) == 1, "nothing was scored again"
    write_evidence(base.folder, replace(old, area=old.area / 2))
    assert judge(run, base).sentence == judge(run).sentence
    assert len(kept_evidence(base, base.config.explainer)) == 2


def test_only_what_is_lacking_is_scored_beside_evidence_of_an_earlier_version(runs, tmp_path, capsys):
    """As of a run that was guided at another layer than its baseline was explained at."""
    shutil.copytree(runs / "other layer", tmp_path / "guided")
    shutil.copytree(runs / "base", tmp_path / "base")
    run, base = Run.open(tmp_path / "guided"), Run.open(tmp_path / "base")
    (base.folder / other_evidence(run.config.explainer)).unlink(missing_ok=True)
    write_evidence(run.folder, replace(read_evidence(run.folder), images="", regions=""))
    assert judge(run, base).sentence == judge(Run.open(runs / "other layer")).sentence
    assert "scored again" not in capsys.readouterr().err
    assert len(kept_evidence(run, run.config.explainer)) == 1


def test_what_a_layer_of_a_like_name_kept_is_not_this_ones(tmp_path):
    run = write_run(tmp_path, [scores(0.6, 0.3)], layer="block")
    for name in ("ixg@block-1", f"ixg@block-{'0' * 32}"):
        write_evidence(run, evidence(images=4), f"{OTHER_EVIDENCE}/{name}.safetensors")
    assert len(kept_evidence(Run.open(run), "ixg@block")) == 1


def test_mistakes(runs, tmp_path):
    with pytest.raises(UserError, match="started from no run, .* --baseline RUN"):
        judge(Run.open(runs / "base"))
    train_run(small(tmp_path / "cache", options={"count": 24}, epochs=1), tmp_path / "few")
    with pytest.raises(UserError, match="not tested on the same images"):
        judge(Run.open(runs / "guided"), Run.open(tmp_path / "few"))
    train_run(small(tmp_path / "cache", options={"count": 48, "seed": 5}, epochs=1), tmp_path / "seed")
    with pytest.raises(UserError, match="not tested on the same images"):
        judge(Run.open(runs / "guided"), Run.open(tmp_path / "seed"))
    few = small(tmp_path / "cache", options={"count": 24}, epochs=1, regions="random")
    train_run(few, tmp_path / "few random")
    with pytest.raises(UserError, match="not tested on the same images"):
        judge_beyond(Run.open(runs / "guided"), Run.open(tmp_path / "few random"))
    (tmp_path / "few" / EVIDENCE).write_bytes(b"cut")
    with pytest.raises(UserError, match=f"{EVIDENCE}: this is damaged"):
        judge(Run.open(tmp_path / "few"), Run.open(runs / "base"))
