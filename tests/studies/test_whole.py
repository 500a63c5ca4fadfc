"""A whole study as a user runs it, and the same command again."""

import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.studies.planned import planned

from model_guidance import cli
from model_guidance.report.read.results import read_results
from model_guidance.studies import STUDIES
from model_guidance.studies.planning import experiments
from model_guidance.studies.planning.experiments import Experiment, Locations
from model_guidance.studies.planning.planned_run import PlannedRun
from model_guidance.training.config import Config

pytestmark = pytest.mark.slow

SMALLER = {"size": 32}  # pixels: the smallest that the data have
WHERE = Locations(machine=SMALLER)


def study(out: Path) -> str:
    """Call the command, with fewer images and epochs than its smallest size, and return what it printed."""
    machine = f"--machine={json.dumps({**SMALLER, 'accelerator': 'cpu', 'cache': str(out / 'cache')})}"
    printed = io.StringIO()
    with redirect_stdout(printed):
        cli.main(["study", "lambda", "--size=tiny", f"--out={out}", "--parallel=2", machine])
    return printed.getvalue()


def written(folder: Path) -> dict[str, Any]:
    """What must not change: when the files of all runs were written, and what they hold."""
    files = [path for path in (folder / "runs").rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def configs(runs: list[PlannedRun]) -> list[Config]:
    return [run.config(Path()) for run in runs]


@pytest.fixture(scope="module", autouse=True)
def fewer_epochs() -> Iterator[None]:
    tiny = experiments._tiny

    def smaller(name: str, locations: Locations, options: Mapping[str, Any]) -> Experiment:
        short = {"epochs": 2, "lr": 1e-3}
        return replace(tiny(name, locations, {**options, "count": 48}), baseline=short, guided=short)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(experiments, "_tiny", smaller)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("studies")
    return out, study(out)


@pytest.fixture(scope="module")
def folder(whole) -> Path:
    return whole[0] / "tiny"


def test_every_run_is_finished(folder):
    runs = planned("lambda", "tiny", WHERE)
    assert all(run.finished(folder / "runs") for run in runs)
    assert {path.name for path in (folder / "runs").iterdir() if path.is_dir()} == {run.key for run in runs}
    assert all((folder / "runs" / f"{run.key}.log").read_text() for run in runs)


def test_the_roles_of_its_runs(folder):
    tested = read_results([folder / "runs"]).tested
    rows = tested[(tested["kind"] == "best") & tested["own"]]
    runs = planned("lambda", "tiny", WHERE)
    counts = rows["role"].value_counts().to_dict()
    assert set(counts) == {"baseline", "baseline, continued", "guided", "random regions"}
    assert sum(counts.values()) == len(runs)
    assert counts["guided"] == sum(config.guided and config.regions == "boxes" for config in configs(runs))
    assert rows["start"].unique().tolist() == ["random weights"]


def test_the_baselines_were_seen_as_the_guided_runs_are(folder):
    tested = read_results([folder / "runs"]).tested
    guided = set(tested.loc[tested["role"] == "guided", "explainer"])
    for role in ("baseline", "baseline, continued"):
        assert guided <= set(tested.loc[tested["role"] == role, "explainer"])


def test_the_page_and_its_tables(whole, folder):
    page = folder / "lambda" / "index.html"
    assert f"report of lambda: {page}" in whole[1]
    text = page.read_text()
    assert STUDIES["lambda"].title in text
    links = re.findall(r'(?:src|href)="(?!#|data:|https?://www\.w3\.org/)([^"]*)', text)
    assert all((page.parent / link).is_file() for link in links), "nothing from outside"
    tables, figures = list((folder / "lambda" / "tables").iterdir()), folder / "lambda" / "figures"
    assert {path.suffix for path in tables} >= {".csv"}
    assert all(path.stat().st_size for path in tables)
    assert any(figures.iterdir())


def test_the_plan_came_first(whole):
    (line,) = (line.split() for line in whole[1].splitlines() if line.strip().startswith("all "))
    assert line[:3] == ["all", str(len(planned("lambda", "tiny", WHERE))), "0"]


def test_the_same_command_does_no_work_twice(whole, folder):
    before, runs = written(folder), str(len(planned("lambda", "tiny", WHERE)))
    assert str(len([name for name in before if name.endswith("result.json")])) == runs
    again = study(whole[0])
    assert written(folder) == before
    (line,) = (line.split() for line in again.splitlines() if line.strip().startswith("all "))
    assert line == ["all", runs, runs, "0", "s"]
