"""Rounds of guided training that the page starts: ordinary runs, trained by the ordinary command."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from model_guidance.errors import UserError
from model_guidance.files import is_there, read_text, write
from model_guidance.metrics.repair import Repair
from model_guidance.runs.devices import accelerator_here
from model_guidance.runs.evidence import judge
from model_guidance.runs.folder import CONFIG, HISTORY, Run
from model_guidance.runs.history import read_cost
from model_guidance.runs.setup import augments

State = Literal["running", "finished", "stopped", "failed"]
BESIDE = 16  # annotated images beside each batch: most batches have none of a few
ROUND = re.compile(r"round-(\d+)")
LAST_LINES = 4000  # bytes of a log
# The command, which a signal stops even where the page was started in the background and ignores Ctrl-C.
COMMAND = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from model_guidance.cli import main; main()"
)


def epochs_of(folder: Path) -> int:
    """Return how many epochs a run has behind it, as far as its folder says."""
    history = folder / HISTORY
    return len(read_text(history).splitlines()) if is_there(history) else 0


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """What a person asks of a round; `frozen` is the layer up to which nothing is trained, None: none."""

    lambda_: float = msgspec.field(name="lambda", default=10.0)
    epochs: int = 3
    loss: str = "energy"
    regions: str = "boxes"
    frozen: str | None = None


@dataclass(eq=False)
class Round:
    """A round: its folder, what was asked, and the process that trains it while there is one."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    begun: float = 0.0
    seconds: float = 0.0

    @property
    def state(self) -> State:
        """Whether it is still trained, and how it ended."""
        if self.process is not None and self.process.poll() is None:
            return "running"
        if is_there(self.folder / CONFIG) and Run.open(self.folder).result is not None:
            return "finished"
        return "stopped" if self.process is None or self.process.returncode in (130, -2) else "failed"

    def described(self) -> dict[str, Any]:
        """Return what the page shows of it."""
        state = self.state
        if state == "running":
            self.seconds = time.monotonic() - self.begun
        elif not self.seconds and (cost := read_cost(self.folder)) is not None:
            self.seconds = cost.seconds or 0.0  # of an earlier sitting: what training took
        config = Run.open(self.folder).config if is_there(self.folder / CONFIG) else None
        named = self.folder.with_suffix(".txt")
        marks = len(named.read_text(encoding="utf-8").splitlines()) if is_there(named) else 0
        return {
            "id": self.folder.name,
            "state": state,
            "epoch": epochs_of(self.folder),
            "epochs": config.epochs if config else 0,
            "seconds": round(self.seconds, 1),
            "message": "" if state == "finished" else self.last_line(),
            "marks": marks,
            "lambda": config.lambda_ if config else 0,
        }

    def last_line(self) -> str:
        """Return what the training said last."""
        log = self.folder.with_suffix(".log")
        if not is_there(log):
            return ""
        text = log.read_bytes()[-LAST_LINES:].decode(errors="replace")
        lines = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", lines[-1]) if lines else ""

    def stop(self) -> None:
        """Interrupt the training as Ctrl-C does: the last whole epoch stays."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)


class Rounds:
    """All rounds of a folder, in their order; one trains at a time."""

    def __init__(self, run: Run, folder: Path, marks: Path) -> None:
        self.run, self.folder, self.marks = run, folder, marks
        found = [each for each in folder.glob("round-*") if ROUND.fullmatch(each.name) and each.is_dir()]
        self.all = [Round(each) for each in sorted(found, key=_number)]

    def __getitem__(self, name: str) -> Round:
        """Return a round by its id; `UserError` if there is none such."""
        for each in self.all:
            if each.folder.name == name:
                return each
        raise UserError(f"there is no round {name}")

    def start(self, wish: Wish, marked: Sequence[str]) -> Round:
        """Train a round with the regions of the images `marked`, in a process of its own.

        Raises `UserError` if one is trained already, or if nothing is marked.
        """
        if any(each.state == "running" for each in self.all):
            raise UserError("a round is being trained already: stop it, or wait until it is finished")
        if not marked:
            raise UserError("no training image has a region yet: mark some of them first")
        number = 1 + max((_number(each.folder) for each in self.all), default=0)
        home = self.folder / f"round-{number}"
        named = home.with_suffix(".txt")
        write(named, "\n".join(marked).encode())
        command = [sys.executable, "-c", COMMAND, "train", *self._options(wish, home, named)]
        with home.with_suffix(".log").open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self.all.append(Round(home, process, time.monotonic()))
        return self.all[-1]

    def _options(self, wish: Wish, home: Path, named: Path) -> list[str]:
        """Return the options of `train`, those of the run that it starts from included."""
        config = self.run.config
        given = {
            "--out": home,
            "--from": self.run.folder,
            "--annotations": json.dumps([*map(str, config.annotation_files), str(self.marks)]),
            "--annotated_images": named,
            "--annotated_batch": BESIDE,
            "--frozen": wish.frozen or "null",  # --from would take that of its run along
            "--lambda": wish.lambda_,
            "--epochs": wish.epochs,
            "--loss": wish.loss,
            "--regions": wish.regions,
            "--batch": config.batch,
            "--seed": config.seed,
            "--workers": config.workers,
            "--accelerator": accelerator_here(config),
            "--augment": str(augments(config)).lower(),
            "--freeze_statistics": str(config.freeze_statistics).lower(),
        }
        return [str(each) for pair in given.items() for each in pair]

    def verdict(self, name: str) -> Repair:
        """Return the verdict on a finished round beside the run; `UserError` if it is not finished."""
        if self[name].state != "finished":
            raise UserError(f"{name} is not finished, so nothing can be compared yet")
        return judge(Run.open(self[name].folder), self.run)


def _number(folder: Path) -> int:
    found = ROUND.fullmatch(folder.name)
    return int(found[1]) if found else 0
