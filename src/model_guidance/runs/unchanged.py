"""Whether a run's data are still those that it was trained on: its classes, and who is in which split."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from model_guidance.data import Split
from model_guidance.errors import UserError
from model_guidance.runs.folder import SPLITS, Run, read_splits


def check_unchanged(run: Run, splits: Mapping[str, Split]) -> None:
    """Raise `UserError` for other classes than the run's, and if one of these splits has another's images.

    New images are welcome to whoever looks at a finished run: it was not trained on them.
    """
    for split in splits.values():
        check_classes(run.config.data, run.classes, split.classes, run.folder)
    names = {name: split.names for name, split in splits.items()}
    check_splits(run.config.data, names, run.folder)


def check_classes(data: str, known: Sequence[str], found: Sequence[str], folder: Path) -> None:
    """Raise `UserError` unless the data of a run still have the classes that it was trained for, in order."""
    if list(known) == list(found):
        return
    gone, new = sorted(set(known) - set(found)), sorted(set(found) - set(known))
    facts = [f"no longer has {', '.join(gone)}"] * bool(gone) + [f"now has {', '.join(new)}"] * bool(new)
    raise UserError(
        f"--data {data}: {' and '.join(facts) or 'has its classes in another order'}; "
        f"{folder} was trained for {', '.join(known)}"
    )


def check_splits(
    data: str, found: Mapping[str, Sequence[str]], folder: Path, *, exactly: bool = False
) -> None:
    """Raise `UserError` if an image is in another split than it was when the run in `folder` was trained.

    `found` are the names of the images in some splits. `exactly`: new images, and those that are gone, are
    refused as well. Nothing is known of a run whose splits cannot have been drawn.
    """
    known = read_splits(folder)
    if known is None:
        return
    now = {name: split for split, names in found.items() for name in names}
    moved = sum(known.get(name, split) != split for name, split in now.items())
    new, gone = len(now.keys() - known), sum(known[name] in found for name in known.keys() - now)
    if not moved and not (exactly and (new or gone)):
        return
    counts = {"in another split": moved, "new": new, "gone": gone}
    facts = [f"{count} {'is' if count == 1 else 'are'} {what}" for what, count in counts.items() if count]
    raise UserError(
        f"--data {data}: the images of {' and '.join(found)} are not those of {folder / SPLITS}: "
        f"{', '.join(facts)}; take away what was added and put back what is gone, or train a new run"
    )
