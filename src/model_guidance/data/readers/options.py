"""Checks of the values that a user gives a reader: they arrive as YAML scalars from the command line."""

from collections.abc import Sequence

from model_guidance.errors import UserError, listed

SPLITS = ("train", "val", "test")


def one_of(option: str, value: object, choices: Sequence[str]) -> str:
    """Return `value` when it is one of `choices`; raise `UserError` naming `option` otherwise."""
    if value not in choices:
        raise UserError(f"--options.{option} {value}: must be one of {listed(choices, str(value))}")
    return str(value)


def check_split(split: str, option: str = "split") -> None:
    """Raise `UserError` naming `option` unless `split` is train, val or test."""
    if split not in SPLITS:
        raise UserError(f"--{option} {split}: must be one of {listed(SPLITS, split)}")


def check_flag(option: str, value: object) -> None:
    """Raise `UserError` naming `option` unless `value` is a bool."""
    if not isinstance(value, bool):
        raise UserError(f"--options.{option} {value}: must be true or false")


def check_number(option: str, value: object, low: float, high: float) -> None:
    """Raise `UserError` naming `option` unless `value` is a number with low < value <= high."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low < value <= high:
        raise UserError(f"--options.{option} {value}: must be a number above {low:g} and at most {high:g}")


def numbered(split: str, count: int, seed: int) -> list[str]:
    """Return the names of `count` pictures that are drawn; those of another seed are others."""
    other = f"-seed{seed}" if seed else ""
    return [f"{split}-{index:05d}{other}" for index in range(count)]


def check_count(option: str, value: object, least: int, most: int) -> int:
    """Return `value` when it is a whole number from `least` to `most`; else `UserError` naming `option`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UserError(f"--options.{option} {value}: must be a whole number from {least} to {most}")
    return value
