"""What a training takes from an earlier run: one that it starts from, `--from`, or continues, `--resume`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from model_guidance.errors import UserError
from model_guidance.files import is_there
from model_guidance.runs.folder import CONFIG, STATE, Run
from model_guidance.runs.start import initial_checkpoint
from model_guidance.training.config_file import load

# What --from takes from its run.
INHERITED = (
    *("data", "root", "options", "annotations", "size", "resize", "orientation"),
    *("backbone", "frozen", "method", "layer", "layout", "lr", "classification", "class_weights"),
)
OF_DATA = ("root", "options", "annotations")  # what other data than the run's have of their own
OWN = ("cache",)  # what it takes as well, and does not name: it belongs to the machine


def defaults(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the defaults that `--from RUN` or `--resume` bring along.

    `--resume` takes all settings as they were begun; those given beside it are compared with these later.
    """
    peek = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    peek.add_argument("--out", nargs="?")
    peek.add_argument("--from", dest="run", nargs="?")
    peek.add_argument("--data", nargs="?")
    peek.add_argument("--seeds", nargs="*", default=())
    peek.add_argument("--resume", action="store_true")
    known = peek.parse_known_args(list(arguments))[0]
    if known.resume and is_there(Path(known.out or "") / CONFIG):
        begun = load(Path(known.out) / CONFIG)
        start = initial_checkpoint(begun, Path(known.out))
        begun = begun if start is None else replace(begun, weights=str(start))
        named = {"weights": known.run, "root": _other(known.data, begun.data)}  # other options say these
        return {name: value for name, value in begun.plain().items() if not named.get(name)}
    if known.run is None:
        return {}
    first = int(known.seeds[0]) if known.seeds and known.seeds[0].isdecimal() else 0
    source = load(run_of_seed(Path(known.run), first) / CONFIG)
    left = OF_DATA if _other(known.data, source.data) else ()
    return {name: getattr(source, name) for name in (*INHERITED, *OWN) if name not in left}


def _other(given: str | None, own: str) -> bool:
    return given not in (None, own)


def run_of_seed(folder: Path, seed: int) -> Path:
    """Return the run that `--from` names: a run folder, or that of the seed where it is one of `--seeds`."""
    below = folder / f"seed{seed}"
    return below if is_there(below / CONFIG) and not is_there(folder / CONFIG) else folder


def check_unfinished(folder: Path) -> None:
    """Raise `UserError` if there is no run in `folder` that `--resume` could continue."""
    if Run.open(folder).result is not None:
        raise UserError(
            f"--resume: {folder} is finished, there is nothing to continue; its command with more --epochs "
            "trains it further"
        )
    if not is_there(folder / STATE):
        raise UserError(
            f"--resume: {folder} has no finished epoch ({STATE}) to continue from: give its command without "
            "--resume to start again"
        )


def weights_of(folder: Path, given: dict[str, Any]) -> str:
    """Return the best weights of the run of `--from`, whose classes must be those of the data.

    What of the same data it was trained on must not be for validation or the test now.
    """
    if given["weights"] is not None:
        raise UserError("--from and --weights both name initial weights: give one of them")
    from model_guidance.data import open_source
    from model_guidance.runs.unchanged import check_classes, check_splits

    source = Run.open(folder)
    weights = source.checkpoint("best")
    root = Path(given["root"]) if given["root"] else None
    data = open_source(given["data"], root, "train", **given["options"])
    check_classes(given["data"], source.classes, data.classes, folder)
    before = source.config.data_folder
    if root is not None and before is not None and root.resolve() == before.resolve():
        parts = {each: open_source(given["data"], root, each, **given["options"]) for each in ("val", "test")}
        check_splits(given["data"], {each: part.names for each, part in parts.items()}, folder)
    epoch = f"epoch {source.result.best_epoch}, its best" if source.result else "its best epoch so far"
    print(f"starts from {folder}, {epoch}{_not_taken(source, given)}", file=sys.stderr)
    return str(weights)


def _not_taken(source: Run, given: dict[str, Any]) -> str:
    """Say what the run had for its data, and this training has not."""
    gone = [f"--{name}" for name in OF_DATA[1:] if getattr(source.config, name) and not given[name]]
    return f"; without its {' and '.join(gone)}" if gone else ""
