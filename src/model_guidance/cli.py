"""The command line. Whatever is heavy is imported by the command that needs it."""

import errno
import sys
from io import TextIOWrapper
from pathlib import Path

from jsonargparse import Namespace

from model_guidance import __version__
from model_guidance.commands import evaluate, study, train
from model_guidance.commands.parser import Parser, gathered, mapping, with_file
from model_guidance.errors import UserError
from model_guidance.files import check_output_folder


def main(argv: list[str] | None = None) -> None:
    """Run one command; exits with 2 after a user's mistake and with 130 after Ctrl-C."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # what a log's encoding has not is shown as "?"
                stream.reconfigure(errors="replace")
        given = sys.argv[1:] if argv is None else argv
        arguments = gathered(with_file(given, train.OPTIONS) if given[:1] == ["train"] else given)
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
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        print(
            "model-guidance: --workers: too many open files: give fewer, or raise the limit (ulimit -n)",
            file=sys.stderr,
        )
        sys.exit(2)


def _parser(arguments: list[str]) -> Parser:
    parser = Parser(prog="model-guidance", description="Train classifiers to be right for the right reasons.")
    parser.add_argument("--version", action="version", version=f"model-guidance {__version__}")
    commands = parser.add_subcommands()
    commands.add_subcommand("demo", _demo_parser(), help="see a shortcut and its repair in a few minutes")
    commands.add_subcommand("train", train.parser(arguments), help="train a baseline or a guided model")
    commands.add_subcommand("evaluate", evaluate.parser(), help="score a checkpoint of a run")
    commands.add_subcommand("explain", _explain_parser(), help="heat maps of runs, side by side, as PNG")
    commands.add_subcommand("study", study.parser(), help="repeat a figure or table of the paper")
    commands.add_subcommand("report", _report_parser(), help="tables, figures and a page about runs")
    commands.add_subcommand("check-data", _check_parser(), help="counts, defects and a sheet of a data set")
    return parser


def _demo_parser() -> Parser:
    parser = Parser(description="Train a baseline, two guided models and their ceiling on drawn shapes.")
    parser.add_argument("--out", type=str, default="demo", help="folder for the runs and the page")
    parser.add_argument("--seeds", type=int, default=1, help="how many times to repeat everything")
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
    parser.add_argument("--options", type=mapping, default={}, help="options of its reader")
    parser.add_argument("--out", type=str, default="check-data", help="folder for one sheet per split")
    return parser


def _demo(arguments: Namespace) -> None:
    from model_guidance.commands.demo import demo

    check_output_folder(Path(arguments.out))
    demo(Path(arguments.out), arguments.seeds)


def _train(arguments: Namespace) -> None:
    train.train(arguments.as_dict())


def _evaluate(arguments: Namespace) -> None:
    evaluate.evaluate(arguments.as_dict())


def _explain(arguments: Namespace) -> None:
    from model_guidance.commands.explain import explain
    from model_guidance.report.explain import Choice

    given = arguments.as_dict()
    runs, out = [Path(run) for run in given.pop("runs")], Path(given.pop("out"))
    for file in explain(runs, out, Choice(class_name=given.pop("class"), **given)):
        print(file)


def _study(arguments: Namespace) -> None:
    given = arguments.as_dict()
    name, only_plan = given.pop("name"), given.pop("plan")
    if not study.study(name, study.StudyOptions(**given), only_plan=only_plan):
        sys.exit(1)


def _report(arguments: Namespace) -> None:
    from model_guidance.report.page import write_report

    report = write_report([Path(run) for run in arguments.runs], Path(arguments.out), arguments.title)
    print(*report.notes, report.page, *report.verdicts, sep="\n")


def _check_data(arguments: Namespace) -> None:
    from model_guidance.commands.check_data import check_data

    check_output_folder(Path(arguments.out))
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
