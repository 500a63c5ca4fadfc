"""The command `study`: plans, mistakes in one sentence, and the options that it passes on."""

import contextlib
from pathlib import Path

import pytest
from tests.permissions import unprivileged

from model_guidance import cli
from model_guidance.commands import study as command
from model_guidance.commands.study import StudyOptions, study
from model_guidance.errors import UserError
from model_guidance.runs import setup
from model_guidance.studies import STUDIES
from model_guidance.studies.planning.experiments import SIZES


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    """Run the command in this process; return its status and what it printed."""
    try:
        cli.main(["study", *arguments])
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    printed = capsys.readouterr()
    return status, printed.out, printed.err


@pytest.fixture(autouse=True)
def _empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def rejected(capsys, tmp_path):
    """Return a function that asserts that the command ends in one sentence, and returns it."""

    def reject(*arguments: str) -> str:
        status, _, err = run(capsys, *arguments)
        assert status == 2
        assert err.startswith("model-guidance: ")
        assert len(err.strip().splitlines()) == 1
        assert list(tmp_path.iterdir()) == []
        return err

    return reject


PAPER = ("--size=paper", "--voc=voc", "--coco=coco", "--waterbirds=birds", "--xdnn=xdnn.pt", "--bcos=bcos.pt")


def paper_without(option: str) -> list[str]:
    return [each for each in PAPER if not each.startswith(f"--{option}=")]


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o555])
def test_an_output_where_nothing_may_be_written(mode, capsys, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept").chmod(mode)
    status, _, err = unprivileged(lambda: run(capsys, "epg-f1", "--out", "kept"))
    assert status == 2
    assert err.startswith("model-guidance: ")
    assert len(err.strip().splitlines()) == 1
    assert "kept" in err
    (tmp_path / "kept").chmod(0o700)
    assert list((tmp_path / "kept").iterdir()) == []


def test_an_unknown_study(rejected):
    sentence = rejected("nothing")
    assert "'nothing'" in sentence
    assert all(name in sentence for name in [*STUDIES, "all"])


@pytest.mark.parametrize("size", ["huge", "Tiny", ""])
def test_an_unknown_size(size, rejected):
    assert f"choose one of {', '.join(SIZES)}" in rejected("lambda", f"--size={size}")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["epg-f1", "depths", "all"])
@pytest.mark.parametrize("kind", ["xdnn", "bcos"])
def test_published_weights_are_asked_for(kind, name, rejected):
    assert f"give --{kind} FILE" in rejected(name, *paper_without(kind))


def test_weights_that_no_run_needs_are_not_asked_for(monkeypatch):
    ran = []
    monkeypatch.setattr(command, "_run", lambda planned, *_: ran.extend(planned) or {})
    assert study("reduction", StudyOptions(size="paper", voc="voc", bcos="bcos.pt"))
    assert {each.settings["backbone"] for each in ran} == {"bcos_resnet50"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["lambda", "--size=small"], "--voc FOLDER"),
        (["waterbirds", "--size=small"], "--waterbirds FOLDER"),
        (["lambda", "--size=paper"], "--voc FOLDER, --coco FOLDER or both"),
        (["all", *paper_without("waterbirds")], "--waterbirds FOLDER"),
        (["lambda", "--cluster=cloud"], "--cluster cloud: choose one of here"),
        (["lambda", "--machine={}}"], "machine"),
        (["lambda", '--machine={"wrokers": 8}'], "wrokers"),
        (["lambda", '--machine={"workers": -1}'], "--workers -1"),
        (["lambda", '--machine={"epochs": 1}'], "--machine epochs: the study itself"),
        (["lambda", "--parallel=-1"], "--parallel -1"),
        (["lambda", '--slurm={"slurm_partition": "gpu"}'], "is for --cluster slurm"),
        (["lambda", '--machine={"cache": {"class_path": "subprocess.Popen"}}'], "cache"),
        (["lambda", '--slurm={"a": {"class_path": "antigravity.X"}}'], "--slurm"),
        (["lambda", "--paralel=2"], "--paralel"),
        (["lambda", "--parallel=two"], "parallel"),
        ([], "name"),
    ],
)
@pytest.mark.parametrize("plan", [[], ["--plan"]])
def test_mistakes(arguments, plan, expected, rejected, monkeypatch):
    monkeypatch.setattr(command, "run_tasks", lambda *_: pytest.fail("something was run"))
    assert expected in rejected(*arguments, *plan)


def test_missing_data_are_named_once_and_nothing_is_written(rejected):
    assert "metadata.csv: does not exist" in rejected("waterbirds", "--size=small", "--waterbirds=birds")


def test_missing_weights_are_named_before_anything_runs(monkeypatch, rejected):
    monkeypatch.setattr(setup, "source_of", lambda *_: None)  # as if the data were there
    assert ".pt: there is no such checkpoint" in rejected("epg-f1", *PAPER)


@pytest.mark.parametrize("case", ["finished", "slurm"])
def test_data_that_are_not_needed_here_are_not_asked_for(case, monkeypatch):
    monkeypatch.setattr(command.PlannedRun, "finished", lambda *_: case == "finished")
    monkeypatch.setattr(command, "run_tasks", lambda *_: {})
    monkeypatch.setattr(command, "executor", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(command, "_reports", lambda *_: {})
    cluster = "slurm" if case == "slurm" else "here"
    assert study("waterbirds", StudyOptions(size="small", waterbirds="birds", cluster=cluster))


def test_a_file_in_place_of_the_folder(capsys, tmp_path):
    (tmp_path / "thesis").write_text("precious")
    status, _, err = run(capsys, "lambda", "--out=thesis")
    assert status == 2
    assert len(err.strip().splitlines()) == 1
    assert (tmp_path / "thesis").read_text() == "precious"


def counted(out: str, row: str = "all") -> list[str]:
    (line,) = (line.split() for line in out.splitlines() if line.strip().startswith(row))
    return line


@pytest.mark.parametrize("name", [*STUDIES, "all"])
def test_a_plan_is_printed_and_nothing_written(name, capsys, tmp_path):
    status, out, err = run(capsys, name, "--plan", "--size=tiny")
    assert (status, err) == (0, "")
    _, planned, finished, *left = counted(out)
    assert int(planned) >= 10
    assert int(finished) == 0
    assert left not in (["0", "s"], [])
    assert list(tmp_path.iterdir()) == []


def test_all_is_less_than_the_sum_of_its_studies(capsys):
    sizes = {name: int(counted(run(capsys, name, "--plan")[1])[1]) for name in [*STUDIES, "all"]}
    assert max(sizes.values()) == sizes["all"] < sum(sizes[name] for name in STUDIES) / 2


@pytest.mark.slow
def test_a_plan_of_the_papers_size_needs_no_weights(capsys):
    status, out, _ = run(capsys, "all", "--plan", "--size=paper", *paper_without("xdnn")[1:4])
    assert status == 0
    assert int(counted(out)[1]) > 700


def test_what_no_run_takes_is_said(capsys):
    said = "not used by these runs: --voc, --bcos"
    assert said in run(capsys, "lambda", "--plan", "--voc=data", "--bcos=weights")[1].splitlines()
    assert (
        "not used" not in run(capsys, "limited", "--plan", "--size=paper", "--voc=data", "--bcos=weights")[1]
    )


def test_size_small_says_which_networks_it_has(capsys):
    said = "size small: the plain network only"
    assert said in run(capsys, "limited", "--plan", "--size=small", "--voc=voc")[1]
    assert said not in run(capsys, "limited", "--plan")[1]


@pytest.mark.slow
def test_the_table_is_not_cut_off(capsys):
    out = run(capsys, "all", "--plan", *PAPER)[1]
    assert "…" not in out
    assert "bcos_resnet50" in out
    assert "waterbirds reversed" in out


def test_options_reach_the_jobs_and_the_launcher(monkeypatch, tmp_path):
    seen = {}

    def run_planned(planned, folder, options):
        seen.update(planned=planned, folder=folder, options=options)
        return {}

    monkeypatch.setattr(command, "_run", run_planned)
    given = ["--out=here", "--size=small", "--voc=/voc", '--machine={"workers": 7, "accelerator": "cpu"}']
    more = ["--parallel=3", "--cluster=slurm", '--slurm={"slurm_partition": "gpu", "timeout_min": 600}']
    cli.main(["study", "depths", *given, *more])
    assert seen["folder"] == tmp_path / "here" / "small"  # from another place, it is the same one
    assert seen["options"].parallel == 3
    assert seen["options"].cluster == "slurm"
    assert seen["options"].slurm == {"slurm_partition": "gpu", "timeout_min": 600}
    for each in seen["planned"]:
        config = each.config(Path())
        assert (config.root, config.workers, config.accelerator) == ("/voc", 7, "cpu")


def test_failed_jobs_are_named_and_the_status_is_1(monkeypatch, capsys):
    monkeypatch.setattr(command, "_run", lambda *_: {"one": "no memory", "two": "not run"})
    status, out, _ = run(capsys, "lambda")
    assert status == 1
    assert "failed: one: no memory" in out.splitlines()
    assert "failed: two: not run" in out.splitlines()


def test_no_page_is_named_that_could_not_be_written(monkeypatch, capsys):
    monkeypatch.setattr(command, "_run", lambda *_: {})
    monkeypatch.setattr(command.PlannedRun, "finished", lambda *_: True)
    monkeypatch.setattr(command, "executor", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(command, "run_tasks", lambda tasks, *_: {tasks[0].name: "disk full"})
    assert not study("lambda", StudyOptions(out="there"))
    assert [line for line in capsys.readouterr().out.splitlines() if "report of" in line] == [
        "failed: report of lambda: disk full"
    ]


def test_an_unknown_name_is_rejected_before_anything_else():
    with pytest.raises(UserError, match="no study 'nothing'"):
        study("nothing", StudyOptions(size="huge"))
