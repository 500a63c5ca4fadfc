"""A finished run with more epochs: which can be trained further, and what that makes of its folder."""

from pathlib import Path

from model_guidance.errors import UserError
from model_guidance.files import is_there
from model_guidance.runs.checkpoints import read_state, write_state
from model_guidance.runs.folder import (
    ATTRIBUTIONS,
    ATTRIBUTIONS_0_1,
    EVIDENCE,
    EXAMPLES,
    OTHER_EVIDENCE,
    RESULT,
    STATE,
    named_below,
)
from model_guidance.runs.result import read_result
from model_guidance.training.config import Config

OF_LAST_EPOCH = (ATTRIBUTIONS, ATTRIBUTIONS_0_1, EXAMPLES, OTHER_EVIDENCE)


def grows(config: Config, found: Config) -> bool:
    """Return whether `config` asks for more epochs of a run, and its first ones stay as they were."""
    return config.epochs > found.epochs and _hindrance(found) is None


def check_extension(folder: Path, found: Config, way_out: str) -> None:
    """Raise `UserError` unless the finished run in `folder`, with the settings `found`, can be trained on.

    `way_out` says what else can be done.
    """
    result = read_result(folder / RESULT)
    reason = _hindrance(found)
    if result is not None and result.epochs < found.epochs:
        reason = f"it ended with epoch {result.epochs}, by --patience {found.patience}"
    elif not is_there(folder / STATE):
        reason = f"its {STATE} is gone, or was not kept"
    if reason is not None:
        lies = f"a finished run of {found.epochs} epochs lies here, and more cannot be added"
        raise UserError(f"{folder}: {lies}: {reason}; {way_out}")


def _hindrance(found: Config) -> str | None:
    """Return why the first epochs would have been others, had there been more."""
    if found.schedule != "constant":
        return f"the learning rate of --schedule {found.schedule} depends on the number of epochs"
    if 0 < found.warmup < 1:
        return f"--warmup {found.warmup:g} is a fraction of all epochs"
    return None


def reopen(folder: Path) -> None:
    """Make an unfinished run of a finished one; what is of its last epoch alone is deleted.

    A kill in between leaves a run that is finished, or one that is not, and both can be trained on.
    """
    state = read_state(folder)
    if state is not None:
        write_state(folder, state)  # with the weights of `last`, which the next epoch replaces
    for name in OF_LAST_EPOCH:
        for path in named_below(folder, name):
            path.unlink()
    (folder / EVIDENCE).unlink(missing_ok=True)
    (folder / RESULT).unlink()


def keep_for_extension(folder: Path) -> None:
    """Leave in the state of a run that is about to be finished only what its other files do not hold."""
    state = read_state(folder)
    if state is not None and "average" not in state:
        write_state(folder, {name: value for name, value in state.items() if name != "model"})
