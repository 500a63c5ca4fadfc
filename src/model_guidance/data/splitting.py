"""Which images are for training, validation and the test, where the data do not say: drawn, always alike."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from model_guidance.data.readers.options import SPLITS, check_count, check_number
from model_guidance.data.readers.partition import hashed_order
from model_guidance.errors import UserError
from model_guidance.files import entries, is_folder

NAMES = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}


SPLIT_OF = {name: split for split, names in NAMES.items() for name in names}


def split_folders(root: Path) -> dict[str, Path]:
    """Return the folder of each split that there is, by its name; {"": root} where no split has one.

    Upper and lower case are the same. Raises `UserError` where several folders are for one split.
    """
    found: dict[str, Path] = {}
    for split, folder in _called_like_splits(root):
        if split in found:
            raise UserError(
                f"{root}: {found[split].name} and {folder.name} are both for the split {split}, "
                "but there must be one folder: move what is in them into one"
            )
        found[split] = folder
    return found or {"": root}


def homes(root: Path) -> list[Path]:
    """Return all folders that are called like a split, those of train first; [root] where none is."""
    return [folder for _, folder in _called_like_splits(root)] or [root]


def _called_like_splits(root: Path) -> list[tuple[str, Path]]:
    inside = entries(root) if is_folder(root) else []
    called = [(SPLIT_OF.get(each.name.casefold()), each) for each in inside]
    return [(each, path) for each in NAMES for split, path in called if split == each and is_folder(path)]


@dataclass(frozen=True)
class Shares:
    """How large the parts are that must be drawn, as shares of what they are drawn from, and the seed."""

    validation: float = 0.15
    test: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        check_number("validation", self.validation, 0, 0.9)
        check_number("test", self.test, 0, 0.9)
        if self.validation + self.test >= 1:
            raise UserError(
                f"--options.validation {self.validation}, --options.test {self.test}: leave nothing to train"
            )
        check_count("split_seed", self.seed, 0, 2**32 - 1)


@dataclass(frozen=True)
class Photo:
    """One image: its name below the root, the classes it has, and what else is known.

    `split` is train, val, test, or "" where the data do not say; `group` names the group whose accuracy is
    of interest, and images of one `together` stay in one split; "" where there is none.
    """

    name: str
    labels: frozenset[str]
    split: str = ""
    group: str = ""
    together: str = ""


def divided(photos: Sequence[Photo], shares: Shares) -> tuple[list[str], str]:
    """Return the split of each photo, and a sentence about those that were drawn ("": all were given).

    What has no split is to train. Missing parts are drawn from what there is: validation and test from the
    training images, or the test as one half of the validation images. Each class has its share in each part,
    as nearly as possible. Raises `UserError` where nothing is there to train on.
    """
    found = [photo.split or "train" for photo in photos]
    missing = [split for split in SPLITS if split not in found]
    if not missing:
        return found, ""
    if "train" in missing:
        there = " and ".join(sorted(set(found)))
        raise UserError(f"there are images for {there} only, but some must be for train")
    source, parts = _parts(missing, shares)
    chosen = [place for place, split in enumerate(found) if split == source]
    for place, split in zip(
        chosen, _drawn([photos[each] for each in chosen], parts, shares.seed), strict=True
    ):
        found[place] = split
    sizes = ", ".join(f"{count} {split}" for split, count in Counter(found).items())
    return found, f"{' and '.join(missing)}: drawn from {source}, with seed {shares.seed} ({sizes} images)"


def _parts(missing: Sequence[str], shares: Shares) -> tuple[str, dict[str, float]]:
    """Return of which split the missing ones are drawn, and the share of each part of it."""
    if list(missing) == ["test"]:
        return "val", {"val": 0.5, "test": 0.5}
    wanted = {"val": shares.validation, "test": shares.test}
    drawn = {split: wanted[split] for split in missing}
    return "train", {"train": 1 - sum(drawn.values()), **drawn}


def _drawn(photos: Sequence[Photo], shares: Mapping[str, float], seed: int) -> list[str]:
    """Give each photo, or those that stay together, to the part that misses most of their classes."""
    members: defaultdict[str, list[int]] = defaultdict(list)
    for place, photo in enumerate(photos):
        members[photo.together or f"\0{photo.name}"].append(place)
    classes = [photo.labels or frozenset({""}) for photo in photos]
    total = Counter(sorted(chain.from_iterable(classes)))  # sums of it do not depend on the order of photos
    left = {split: {each: share * count for each, count in total.items()} for split, share in shares.items()}
    room = {split: sum(each.values()) for split, each in left.items()}
    groups, found = list(members), [""] * len(photos)
    for number in hashed_order(groups, seed):
        places = members[groups[number]]
        wanted = list(chain.from_iterable(classes[place] for place in places))
        split = max(left, key=partial(_missed, left, room, wanted))
        for each in wanted:
            left[split][each] -= 1
        room[split] -= len(wanted)
        for place in places:
            found[place] = split
    return found


def _missed(
    left: Mapping[str, Mapping[str, float]], room: Mapping[str, float], wanted: Sequence[str], split: str
) -> tuple[float, float]:
    """Return how much of the wanted classes a part still misses, and of all."""
    return sum([left[split][each] for each in wanted]), room[split]
