"""The command line: instant help, and one sentence with exit status 2 for every mistake of a user's."""

import errno
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from statistics import fmean, stdev

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from model_guidance import cli
from model_guidance.attribution import METHODS
from model_guidance.commands import layers
from model_guidance.commands.parser import gathered, with_file
from model_guidance.commands.train import OPTIONS
from model_guidance.data import DATASETS
from model_guidance.losses import LOSSES
from model_guidance.runs.folder import Run
from tests.training.helpers import options, small


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    """Run one command in this process; return its status and what it printed."""
    try:
        cli.main(list(arguments))
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def rejected(capsys, tmp_path: Path, *arguments: str) -> str:
    """Assert that a command ends in one sentence and status 2 and writes nothing; return the sentence."""
    before = sorted(tmp_path.rglob("*"))
    status, out, err = run(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("model-guidance: ")
    assert sorted(tmp_path.rglob("*")) == before
    return err


def train(tmp_path: Path, *arguments: str) -> list[str]:
    """The options of a small run, with some replaced."""
    replaced = {argument.split("=")[0] for argument in arguments}
    given = [each for each in options(small(tmp_path / "cache")) if each.split("=")[0] not in replaced]
    return ["train", f"--out={tmp_path / 'run'}", *given, *arguments]


def picture(path: Path, mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size).save(path)


def folder_data(root: Path, count: int = 4) -> Path:
    for split in ("train", "val", "test"):
        for name in ("cat", "dog"):
            for i in range(count):
                picture(root / split / name / f"{i}.jpg")
    (root / "regions.csv").write_text("file,xmin,ymin,xmax,ymax\ntrain/cat/0.jpg,2,3,20,21\n")
    return root


@pytest.mark.parametrize(
    "command",
    [
        "",
        "demo",
        "train",
        "evaluate",
        "explain",
        "inspect",
        "suggest",
        "study",
        "report",
        "layers",
        "check-data",
        "predict",
        "export",
    ],
)
def test_help_imports_nothing_heavy(command):
    code = (
        "import sys, model_guidance.cli as cli\n"
        f"try: cli.main({[*command.split(), '--help']})\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'matplotlib', 'numpy'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage: model-guidance" in done.stdout
    assert " at 0x" not in " ".join(done.stdout.split())


def test_the_help_of_train_names_every_choice(capsys):
    text = " ".join(run(capsys, "train", "--help")[1].split())
    for name in [*LOSSES, *METHODS, *DATASETS, "xdnn_resnet50", "mid1", "final"]:
        assert name in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--los=l1"], "did you mean --loss?"),
        (["--epoch", "5"], "did you mean --epochs?"),
        (["-epochs", "5"], "did you mean --epochs?"),
        (["--loss=enrgy"], "package.module.function; did you mean energy?"),
        (["--data=shpes"], "package.module.function; did you mean shapes?"),
        (["--backbone=resnt50"], "; did you mean resnet50?"),
        (["--layer=finl"], "; did you mean final?"),
        (["--method=gradcm"], "; did you mean gradcam?"),
        (["--regions=maks"], "random; did you mean masks?"),
        (["--options.cout=9"], "; did you mean count?"),
        (["--precision=bf16-mix"], "; did you mean bf16-mixed?"),
        (["--options.count"], "--options.count: a value is needed"),
        (["--options=[1]"], "--options [1]: a mapping is needed"),
        (["--options.count={class_path: pathlib.Path}"], "--options.count"),
        (["--seed=-1"], "--seed -1"),
        (["--seed=20240101123456789012"], "--seed 20240101123456789012"),
        (["--lr=1e38"], "--lr 1e+38"),
        (["--precision=bf16-true"], "--precision bf16-true: choose one of 32-true"),
        (["--loss=l3"], "choose one of energy, l1, ppce, rrr"),
        (["--layer=mid9"], "choose one of input, mid1, mid2, mid3, final"),
        (["--layout=NCWH"], "choose one of NCHW, NHWC, tokens"),
        (["--method=lime"], "choose one of ixg, intgrad, gradcam, bcos"),
        (["--backbone=resnet51"], "choose one of small, xdnn_small, bcos_small, resnet18"),
        (["--backbone=resnet18", "--method=bcos"], "B-cos networks only"),
        (["--regions=circles"], "must be one of boxes, masks, points, ignore, ignore_masks, random"),
        (["--data=cifar"], "there are voc, coco, waterbirds, folder, table, imagefolder"),
        (["--options.colour=red"], "is no option of shapes; there are count"),
        (["--annotated=0.0001"], "smallest fraction that gives one"),
        (["--annotated=2"], "at most 1"),
        (["--size=4"], "--size 4"),
        (["--epochs=many"], "epochs"),
        (["--lambda=-1"], "--lambda -1"),
        (["--accelerator=abacus"], "--accelerator"),
        (["--precision=17"], "precision"),
        (["--data=voc", "--root=nowhere", "--options={}"], "nowhere"),
        (["--weights=nowhere.pt"], "nowhere.pt: there is no such checkpoint"),
        (["--from=nowhere"], "nowhere: this is no run folder"),
        (["--config=nowhere.yaml"], "nowhere.yaml"),
        (["--resume"], "no run folder"),
    ],
)
def test_wrong_options(arguments, expected, capsys, tmp_path):
    assert expected in rejected(capsys, tmp_path, *train(tmp_path, *arguments))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "root: donn\xe9es\nepochs: 1\n".encode("cp1252"),
            "settings.yaml line 1: byte 0xe9 is no UTF-8 text",
        ),
        (b"options: " + b"[" * 5000 + b"]" * 5000, "settings.yaml: this is no plain YAML"),
        (b"options: !!python/object/apply:os.getcwd []", "settings.yaml: this is no plain YAML"),
        (b"epoch: 3", "settings.yaml: there is no option 'epoch'; did you mean epochs?"),
        (b"epochs: many", "--epochs"),
        (b"- 1", "settings.yaml: this must be a mapping"),
        (b"options: {count: {class_path: elsewhere.X, init_args: {a: 2}}}", 'options.count {"class_path"'),
        (b"backbone: {class_path: elsewhere.X}", "there is no backbone"),
        (b"loss: elsewhere.loss", "settings.yaml: loss elsewhere.loss: a file may not name code to import"),
        (b"data: elsewhere.read", "settings.yaml: data elsewhere.read: a file may not name code to import"),
    ],
)
def test_a_settings_file_holds_plain_values(content, expected, capsys, tmp_path, monkeypatch):
    (tmp_path / "elsewhere.py").write_text("raise SystemError('imported')\n\n\nclass X:\n    pass\n")
    (tmp_path / "settings.yaml").write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    given = [
        f"--out={tmp_path / 'run'}",
        f"--config={tmp_path / 'settings.yaml'}",
        f"--cache={tmp_path / 'c'}",
    ]
    assert expected in rejected(capsys, tmp_path, "train", *given)


def test_printed_settings_are_read(capsys, tmp_path):
    given = train(tmp_path, "--options.labels=multi", "--lambda=0.5", "--root=null")
    _, printed, _ = run(capsys, *given, "--print_config")
    (tmp_path / "settings.yaml").write_text(printed)
    again = ["train", f"--out={tmp_path}", f"--config={tmp_path / 'settings.yaml'}", "--print_config"]
    assert run(capsys, *again) == (0, printed, "")
    assert "lambda: 0.5" in printed


def test_options_replace_those_of_the_file(tmp_path):
    (tmp_path / "settings.yaml").write_text("epochs: 3\nlambda: 0.5\noptions: {count: 8, labels: multi}\n")
    line = gathered(
        with_file(["train", f"--config={tmp_path / 'settings.yaml'}", "--options.count", "9"], OPTIONS)
    )
    assert line == ["train", "--epochs=3", "--lambda=0.5", '--options={"count": 9, "labels": "multi"}']


def test_several_annotations_are_written_either_way_by_either_command():
    for command in ("train", "check-data"):
        for values in (["a.json", "b c.csv"], ['["a.json", "b c.csv"]']):
            line = gathered([command, "--annotations", *values, "--data=x", "--out=y"])
            parsed = cli._parser(line).parse_args(line)[command]
            assert parsed["annotations"] == ["a.json", "b c.csv"], (command, values)
            assert parsed["out"] == "y"


@pytest.mark.parametrize(
    ("command", "missing"), [("report", "runs"), ("evaluate", "run"), ("study", "name"), ("train", "--out")]
)
def test_what_is_missing_is_named_as_the_user_writes_it(command, missing, capsys, tmp_path):
    expected = f"required: {missing} (see model-guidance {command} --help)"
    assert expected in rejected(capsys, tmp_path, command)


def test_a_folder_of_runs_is_no_run_but_names_them(capsys, tmp_path):
    assert "config.yaml\n" in rejected(capsys, tmp_path, "evaluate", str(tmp_path))
    for name in ("guided", "baseline"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text("")
    said = rejected(capsys, tmp_path, "evaluate", str(tmp_path))
    assert f"there are runs in it, name one: {tmp_path / 'baseline'}, {tmp_path / 'guided'}\n" in said


@pytest.mark.parametrize("given", [["check-data", "photos"], ["train", "--out=x", "--data", "my", "photos"]])
def test_a_value_that_belongs_to_no_option(given, capsys, tmp_path):
    said = rejected(capsys, tmp_path, *given)
    assert "unrecognized arguments: photos; a value stands behind its option" in said
    assert f"(see model-guidance {given[0]} --help)" in said


def test_layers_of_a_network(capsys, tmp_path):
    cli.main(["layers", "small", "--size=32"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["input", "32", "x", "32", "NCHW", "input"] in rows
    assert ["network.layer4", "8", "x", "8", "NCHW", "final"] in rows
    said = rejected(capsys, tmp_path, "layers", "timm/vit_tiny_patch16_224", "--size=32")
    assert "timm/vit_tiny_patch16_224 --size 32" in said
    assert "224" in said
    assert "resnet50" in rejected(capsys, tmp_path, "layers", "resnet51")
    assert "--size 0" in rejected(capsys, tmp_path, "layers", "small", "--size=0")


def test_wrong_command(capsys, tmp_path):
    message = rejected(capsys, tmp_path, "trian")
    assert "there is no command 'trian': there are demo, train, " in message
    assert "; did you mean train?" in message


def test_the_help_of_train_is_in_groups(capsys):
    text = run(capsys, "train", "--help")[1]
    titles = ["run", "data", "model", "guidance", "intervention and weighting", "optimisation", "machine and"]
    places = [text.index(f"\n{title}") for title in titles]
    assert places == sorted(places)
    groups = dict(zip(titles, (text[a:b] for a, b in pairwise([*places, len(text)])), strict=True))
    for title, option in (("data", "options"), ("guidance", "lambda"), ("optimisation", "lr")):
        assert [name for name, group in groups.items() if f"\n  --{option} " in group] == [title]


def test_a_shell_completes_commands_and_options(capsys, tmp_path, monkeypatch):
    pytest.importorskip("shtab")
    status, script, _ = run(capsys, "--print_completion", "bash")
    assert status == 0
    (tmp_path / "completion").write_text(script)
    asked = (
        "source completion; COMP_WORDS=(model-guidance train --lam); COMP_CWORD=2; "
        "_shtab_model_guidance model-guidance --lam train; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(["bash", "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["--lambda"]
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert "--print_completion needs shtab: pip install" in rejected(
        capsys, tmp_path, "--print_completion", "zsh"
    )


def test_a_checkpoint_of_another_architecture(capsys, tmp_path):
    save_file({"conv1.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    message = rejected(capsys, tmp_path, *train(tmp_path, f"--weights={tmp_path / 'other.safetensors'}"))
    assert "other.safetensors: this is a checkpoint of another network" in message


def test_a_pickle_that_runs_code_is_refused(capsys, tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "harm",))

    torch.save({"state_dict": Evil()}, tmp_path / "evil.pt")
    assert "refused" in rejected(capsys, tmp_path, *train(tmp_path, f"--weights={tmp_path / 'evil.pt'}"))


def broken(tmp_path: Path, file: str, content: bytes) -> list[str]:
    root = folder_data(tmp_path / "data")
    (root / file).write_bytes(content)
    return train(tmp_path, "--data=folder", f"--root={root}", "--options={}", "--annotated=1")


def test_what_the_system_forbids_is_one_sentence(capsys, tmp_path, monkeypatch):
    def forbidden(_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "a\nb", None, tmp_path / "c")

    monkeypatch.setattr(layers, "run", forbidden)
    status, _, err = run(capsys, "layers", "small")
    assert (status, err) == (
        2,
        f"model-guidance: a b and {tmp_path / 'c'}: may not be read or written (Permission denied)\n",
    )


def test_a_truncated_image(capsys, tmp_path):
    Image.effect_noise((64, 64), 90).save(tmp_path / "whole.jpg")
    content = (tmp_path / "whole.jpg").read_bytes()
    arguments = broken(tmp_path, "train/cat/1.jpg", content[: len(content) // 2])
    assert "train/cat/1.jpg" in rejected(capsys, tmp_path, *arguments)


def test_an_image_that_is_too_small(capsys, tmp_path):
    picture(tmp_path / "tiny.png", size=(7, 40))
    arguments = broken(tmp_path, "train/dog/1.jpg", (tmp_path / "tiny.png").read_bytes())
    assert "train/dog/1.jpg" in rejected(capsys, tmp_path, *arguments)


@pytest.mark.parametrize("box", ["20,3,2,21", "nan,3,20,21", "60,3,80,21"])
def test_an_impossible_box(box, capsys, tmp_path):
    table = f"file,xmin,ymin,xmax,ymax\ntrain/cat/0.jpg,{box}\n".encode()
    assert "cat/0.jpg" in rejected(capsys, tmp_path, *broken(tmp_path, "regions.csv", table))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--lambda=0.1"], "--lambda 0.1: there is nothing to guide with, none of the 4 training images"),
        (["--lambda=0", "--target_epg=0.5"], "--target_epg 0.5: there is nothing to guide with"),
    ],
)
def test_nothing_to_guide_with(arguments, expected, capsys, tmp_path, tmp_path_factory):
    root, cache = folder_data(tmp_path / "data", 2), tmp_path_factory.mktemp("cache")
    (root / "regions.csv").unlink()
    given = ["--data=folder", f"--root={root}", "--options={}", "--annotated=1", "--backbone=small"]
    assert expected in rejected(capsys, tmp_path, *train(tmp_path, *given, f"--cache={cache}", *arguments))


def test_a_goal_that_cannot_be_measured(capsys, tmp_path, tmp_path_factory):
    root, cache = folder_data(tmp_path / "data", 2), tmp_path_factory.mktemp("cache")
    given = ["--data=folder", f"--root={root}", "--options={}", "--annotated=1", "--target_epg=0.5"]
    message = rejected(capsys, tmp_path, *train(tmp_path, *given, f"--cache={cache}", "--lambda=0"))
    assert "none of the 4 validation images has a region" in message


@pytest.mark.slow
def test_baseline_then_guided_then_looked_at(capsys, tmp_path):
    """The README's own run, in small: colour modes of all kinds, --from, evaluate, explain, check-data."""
    root = folder_data(tmp_path / "data")
    for i, mode in enumerate(["L", "CMYK", "RGB"]):
        picture(root / "train" / "dog" / f"{i}.jpg", mode)
    picture(root / "train" / "dog" / "3.png", "RGBA")
    own = ["--data=folder", f"--root={root}", "--size=32", "--backbone=small", "--epochs=1"]
    common = [f"--cache={tmp_path / 'cache'}", "--workers=0", "--accelerator=cpu"]
    base, guided = tmp_path / "base", tmp_path / "guided"
    assert run(capsys, "train", f"--out={base}", *own, *common)[0] == 0
    arguments = [f"--from={base}", f"--out={guided}", "--epochs=1", "--lambda=1", "--layer=mid2"]
    status, table, _ = run(capsys, "train", *arguments, *common)
    assert status == 0
    assert "accuracy" in table
    assert table.splitlines()[-1].startswith(f"model-guidance verdict {guided} --baseline RUN tells")
    status, _, error = run(capsys, "verdict", str(guided))
    assert status == 2
    assert "no test image has a group or a region, so nothing tells what decides; mark about 25" in error
    assert "accuracy" in run(capsys, "evaluate", str(guided), "--checkpoint=last", "--layer=final")[1]
    sheet = tmp_path / "sheet.png"
    picture(tmp_path / "mine.png", "RGBA")
    explain = ["explain", str(base), str(guided), f"--images={tmp_path / 'mine.png'}", f"--out={sheet}"]
    assert run(capsys, *explain)[0] == 0
    assert Image.open(sheet).width > 300
    status, text, _ = run(
        capsys, "check-data", "--data=folder", f"--root={root}", f"--out={tmp_path / 'check'}"
    )
    assert status == 0
    assert "cat" in text
    assert {path.name for path in (tmp_path / "check").iterdir()} == {"train.png", "val.png", "test.png"}


@pytest.mark.slow
def test_several_seeds_are_ordinary_runs_with_a_mean_and_a_spread(capsys, tmp_path):
    given = ["--epochs=1", "--lambda=0", "--backbone=small"]
    one = train(tmp_path, *given, f"--out={tmp_path / 'one'}", "--seed=1")
    assert run(capsys, *one[:1], *one[2:])[0] == 0
    seeds = [
        *train(tmp_path, *given)[:1],
        *train(tmp_path, *given)[2:],
        f"--out={tmp_path / 'base'}",
        "--seeds",
    ]
    status, out, _ = run(capsys, *seeds, "0", "1")
    assert status == 0
    runs = [Run.open(tmp_path / "base" / f"seed{seed}") for seed in (0, 1)]
    assert runs[1].result == Run.open(tmp_path / "one").result
    found = [100 * each.result.last.scores["accuracy"] for each in runs]
    assert f"{fmean(found):.1f} ± {stdev(found):.1f}" in out
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "base").rglob("*") if path.is_file()}
    status, again, err = run(capsys, *seeds, "0", "1")
    assert (status, again) == (0, out)
    assert "seed1 is finished" in " ".join(err.split())
    assert {path: path.stat().st_mtime_ns for path in before} == before
    guided = [f"--from={tmp_path / 'base'}", "--lambda=1", "--epochs=1", "--seeds", "1"]
    guided = ["train", *guided, f"--out={tmp_path / 'guided'}", "--accelerator=cpu", "--workers=0"]
    assert run(capsys, *guided)[0] == 0
    assert Run.open(tmp_path / "guided" / "seed1").config.weights == str(runs[1].folder / "best.safetensors")


def test_seeds_that_cannot_be(capsys, tmp_path):
    assert "--seeds 1 1: each only once" in rejected(capsys, tmp_path, *train(tmp_path, "--seeds", "1", "1"))
    both = train(tmp_path, "--seed=3", "--seeds", "1")
    assert "--seed 3 and --seeds exclude each other" in rejected(capsys, tmp_path, *both)
    resumed = train(tmp_path, "--resume", "--seeds", "1")
    assert "--resume continues one run" in rejected(capsys, tmp_path, *resumed)
