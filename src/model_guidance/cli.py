"""The command line. Whatever is heavy is imported by the command that needs it."""

import argparse
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

from jsonargparse import ArgumentParser, Namespace

from model_guidance import __version__
from model_guidance.commands.study import StudyOptions
from model_guidance.errors import UserError
from model_guidance.runs.folder import CONFIG, Run
from model_guidance.studies import STUDIES
from model_guidance.training.config import Config, load

POSITIONAL = ("runs", "run", "name")
INHERITED = ("data", "root", "options", "size", "backbone", "cache")  # what --from takes from its run


class Parser(ArgumentParser):
    """Answers a mistake with one sentence, and takes no abbreviations."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the message as a `UserError`."""
        commands = "|".join(COMMANDS)
        message = re.sub(rf"\b(?:{commands})\.({'|'.join(POSITIONAL)})\b", r"\1", " ".join(message.split()))
        message = re.sub(rf"\b(?:{commands})\.(\w+)", r"--\1", message)
        raise UserError(f"{message} (see {self.prog.replace(' [options]', '')} --help)")


def main(argv: list[str] | None = None) -> None:
    """Run one command; exits with 2 after a user's mistake and with 130 after Ctrl-C."""
    try:
        arguments = sys.argv[1:] if argv is None else argv
        parsed = _parser(arguments).parse_args(arguments)
        COMMANDS[parsed.subcommand](parsed[parsed.subcommand])
    except UserError as mistake:
        print(f"model-guidance: {mistake}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("model-guidance: stopped; the same command continues an unfinished run", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)


def _parser(arguments: list[str]) -> Parser:
    parser = Parser(prog="model-guidance", description="Train classifiers to be right for the right reasons.")
    parser.add_argument("--version", action="version", version=f"model-guidance {__version__}")
    commands = parser.add_subcommands()
    commands.add_subcommand("demo", _demo_parser(), help="see a shortcut and its repair in a few minutes")
    commands.add_subcommand("train", _train_parser(arguments), help="train a baseline or a guided model")
    commands.add_subcommand("evaluate", _evaluate_parser(), help="score a checkpoint of a run")
    commands.add_subcommand("explain", _explain_parser(), help="heat maps of runs, side by side, as PNG")
    commands.add_subcommand("study", _study_parser(), help="repeat a figure or table of the paper")
    commands.add_subcommand("report", _report_parser(), help="tables, figures and a page about runs")
    commands.add_subcommand("check-data", _check_parser(), help="counts, defects and a sheet of a data set")
    return parser


def _demo_parser() -> Parser:
    parser = Parser(description="Train a baseline, two guided models and their ceiling on drawn shapes.")
    parser.add_argument("--out", type=str, default="demo", help="folder for the runs and the page")
    parser.add_argument("--seeds", type=int, default=1, help="how many times to repeat everything")
    return parser


def _train_parser(arguments: list[str]) -> Parser:
    parser = Parser(description="Train a baseline (--lambda 0) or a guided model; test it; save everything.")
    parser.add_argument("--out", type=str, required=True, help="the run's folder")
    parser.add_argument("--from", type=str, help="start from the best weights of this run, on its data")
    parser.add_argument("--resume", action="store_true", help="continue the run in --out as it was begun")
    parser.add_argument("--overwrite", action="store_true", help="replace a finished run in --out")
    parser.add_class_arguments(Config, skip={"lambda_"})
    parser.add_argument(
        "--lambda", type=float, default=0.0, help="weight of the localization loss; 0: baseline"
    )
    parser.add_argument("--config", action="config", help="YAML file with any of these options")
    parser.set_defaults(_inherited(arguments))
    return parser


def _inherited(arguments: list[str]) -> dict[str, Any]:
    """Return the defaults that `--from RUN` brings along."""
    peek = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    peek.add_argument("--from", dest="run", nargs="?")
    run = peek.parse_known_args(arguments)[0].run
    if run is None:
        return {}
    source = load(Path(run) / CONFIG)
    return {name: getattr(source, name) for name in INHERITED}


def _evaluate_parser() -> Parser:
    parser = Parser(description="Score a run's checkpoint: predictions, maps, and reliance on the outside.")
    parser.add_argument("run", type=str, help="the run's folder")
    parser.add_argument("--checkpoint", type=str, default="best", help="best, last or front/epoch-NNN")
    parser.add_argument("--split", type=str, default="test", help="train, val or test")
    parser.add_argument("--method", type=str, help="another attribution method than the run's")
    parser.add_argument("--layer", type=str, help="another layer than the run's")
    parser.add_argument("--out", type=str, help="write the scores to this JSON file as well")
    return parser


def _explain_parser() -> Parser:
    parser = Parser(description="Draw the heat maps of one or more runs for the same images.")
    parser.add_argument("runs", type=str, nargs="+", help="run folders, one column each")
    parser.add_argument("--images", type=str, nargs="+", default=[], help="image files; else of the data set")
    parser.add_argument("--split", type=str, default="test", help="split the images are drawn from")
    parser.add_argument("--count", type=int, default=8, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--class", type=str, help="class to explain; by default a true one, or the predicted")
    parser.add_argument("--checkpoint", type=str, default="best", help="best, last or front/epoch-NNN")
    parser.add_argument("--method", type=str, help="another attribution method than the runs'")
    parser.add_argument("--layer", type=str, help="another layer than the runs'")
    parser.add_argument("--out", type=str, default="explain.png", help="the picture to write")
    return parser


def _study_parser() -> Parser:
    parser = Parser(description="Repeat a figure or table of the paper; the same command continues it.")
    parser.add_argument("name", type=str, help=f"{', '.join(STUDIES)}, or all")
    parser.add_argument("--plan", action="store_true", help="only print what would be run, and the cost")
    parser.add_class_arguments(StudyOptions)
    return parser


def _report_parser() -> Parser:
    parser = Parser(description="Compare finished runs: tables, figures, and one page that needs no network.")
    parser.add_argument("runs", type=str, nargs="+", help="run folders, or folders that contain some")
    parser.add_argument("--out", type=str, default="report", help="folder for the page and its parts")
    parser.add_argument("--title", type=str, default="Model guidance", help="title of the page")
    return parser


def _check_parser() -> Parser:
    parser = Parser(description="Read a whole data set; print counts and defects; draw its regions.")
    parser.add_argument("--data", type=str, required=True, help="shapes, waterbirds, voc, coco or folder")
    parser.add_argument("--root", type=str, help="the folder in which it lies")
    parser.add_argument("--options", type=dict[str, Any], default={}, help="options of its reader")
    parser.add_argument("--out", type=str, default="check-data", help="folder for one sheet per split")
    return parser


def _demo(arguments: Namespace) -> None:
    from model_guidance.commands.demo import demo

    demo(Path(arguments.out), arguments.seeds)


def _train(arguments: Namespace) -> None:
    given = arguments.as_dict()
    out, source = Path(given.pop("out")), given.pop("from")
    resume, overwrite = given.pop("resume"), given.pop("overwrite")
    given.pop("config")
    if source is not None:
        if given["weights"] is not None:
            raise UserError("--from and --weights both name initial weights: give one of them")
        given["weights"] = str(Run.open(Path(source)).checkpoint("best"))
    config = load(out / CONFIG) if resume else Config(lambda_=given.pop("lambda"), **given)
    from model_guidance.report.tables.console import result_table
    from model_guidance.runs.train import train_run

    result = train_run(config, out, overwrite=overwrite)
    print(result_table({"best": result.best, "last": result.last}))


def _evaluate(arguments: Namespace) -> None:
    from model_guidance.files import write
    from model_guidance.metrics.verdict import of_model
    from model_guidance.report.tables.console import result_table
    from model_guidance.runs.evaluate import evaluate_run
    from model_guidance.runs.result import as_json

    run = Run.open(Path(arguments.run))
    scores = evaluate_run(run, arguments.checkpoint, arguments.split, arguments.method, arguments.layer)
    if arguments.out:
        write(Path(arguments.out), as_json(scores))
    print(result_table({f"{arguments.checkpoint}, {arguments.split}": scores}))
    print(of_model(scores, len(run.classes)))


def _explain(arguments: Namespace) -> None:
    from model_guidance.commands.explain import explain
    from model_guidance.report.explain import Choice

    given = arguments.as_dict()
    runs, out = [Path(run) for run in given.pop("runs")], Path(given.pop("out"))
    for file in explain(runs, out, Choice(class_name=given.pop("class"), **given)):
        print(file)


def _study(arguments: Namespace) -> None:
    from model_guidance.commands.study import study

    given = arguments.as_dict()
    name, only_plan = given.pop("name"), given.pop("plan")
    if not study(name, StudyOptions(**given), only_plan=only_plan):
        sys.exit(1)


def _report(arguments: Namespace) -> None:
    from model_guidance.report.page import write_report

    report = write_report([Path(run) for run in arguments.runs], Path(arguments.out), arguments.title)
    print(*report.notes, report.page, *report.verdicts, sep="\n")


def _check_data(arguments: Namespace) -> None:
    from model_guidance.commands.check_data import check_data

    if not check_data(arguments.data, arguments.root, arguments.options, Path(arguments.out)):
        sys.exit(1)


COMMANDS = {
    "demo": _demo,
    "train": _train,
    "evaluate": _evaluate,
    "explain": _explain,
    "study": _study,
    "report": _report,
    "check-data": _check_data,
}


if __name__ == "__main__":
    main()
