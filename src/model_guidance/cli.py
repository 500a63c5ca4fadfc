"""The command line: its verbs, and how it answers a mistake."""

import errno
import sys
from io import TextIOWrapper

from model_guidance import __version__
from model_guidance.allocation import keep_freed_memory
from model_guidance.commands import (
    annotate,
    check_data,
    compare,
    demo,
    evaluate,
    explain,
    export,
    inspect,
    layers,
    predict,
    report,
    study,
    suggest,
    train,
    verdict,
)
from model_guidance.commands.parser import Parser, PrintCompletion, gathered, with_file
from model_guidance.errors import UserError, one_line

COMMANDS = {  # each module has a `parser` and a `run`, and imports what is heavy when it is run
    "demo": (demo, "see a shortcut and its repair in a few minutes"),
    "train": (train, "train a baseline or a guided model"),
    "evaluate": (evaluate, "score a checkpoint of a run"),
    "verdict": (verdict, "whether guidance repaired a run, judged by its behaviour"),
    "explain": (explain, "heat maps of runs, side by side, as PNG"),
    "inspect": (inspect, "what a model looks at, as groups of images"),
    "suggest": (suggest, "which images to mark next, as tasks for annotation tools"),
    "predict": (predict, "what a run says of photos, as a table and as overlays"),
    "export": (export, "a run's network for use without this package, and its model card"),
    "annotate": (annotate, "a page to look at maps, mark images, train a round and compare"),
    "study": (study, "repeat a figure or table of the paper"),
    "compare": (compare, "guidance and its rivals side by side, with what each needed"),
    "report": (report, "tables, figures and a page about runs"),
    "layers": (layers, "the layers of a network that can be explained"),
    "check-data": (check_data, "counts, defects and a sheet of a data set"),
}


def main(argv: list[str] | None = None) -> None:
    """Run one command; exits with 2 after a user's mistake and with 130 after Ctrl-C."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # what a log's encoding has not is shown as "?"
                stream.reconfigure(errors="replace")
        given = sys.argv[1:] if argv is None else argv
        arguments = gathered(with_file(given, train.OPTIONS) if given[:1] == ["train"] else given)
        parsed = _parser(arguments).parse_args(arguments)
        keep_freed_memory()
        COMMANDS[parsed.subcommand][0].run(parsed[parsed.subcommand].as_dict())
    except UserError as mistake:
        print(f"model-guidance: {mistake}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("model-guidance: stopped; the same command continues an unfinished run", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except PermissionError as error:
        print(f"model-guidance: {_forbidden(error)}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        print(
            "model-guidance: --workers: too many open files: give fewer, or raise the limit (ulimit -n)",
            file=sys.stderr,
        )
        sys.exit(2)


def _forbidden(error: PermissionError) -> str:
    """Say which file or folder the system keeps from us; what was about to be done with it, nobody knows."""
    named = " and ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    return one_line(f"{named or 'a file'}: may not be read or written ({error.strerror or error})")


def _parser(arguments: list[str]) -> Parser:
    parser = Parser(prog="model-guidance", description="Train classifiers to be right for the right reasons.")
    parser.add_argument("--version", action="version", version=f"model-guidance {__version__}")
    parser.add_argument("--print_completion", action=PrintCompletion)
    commands = parser.add_subcommands()
    for name, (command, summary) in COMMANDS.items():
        commands.add_subcommand(name, command.parser(arguments), help=summary)
    return parser


if __name__ == "__main__":
    main()
