"""A data format: the function that reads it, and what is known of such data without reading them."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model_guidance.data.source import Source


@dataclass(frozen=True)
class Reader:
    """One data format.

    Args:
        read: `read(root, split, **options)` returns one split.
        needs_root: whether it is read from a folder.
        draws: whether it draws the splits that the data do not give.
        augments: whether training images are cropped and flipped at random where nothing else is said.
        task: the option that says which classes are to be told apart; models of two tasks are not compared.
        release: the option that says which release of the data is meant; figures that were published for one
            are not those of another.
        ceiling: the options with which the shortcut is gone from training: what a model reaches with one of
            them is the ceiling for guidance.
    """

    read: Callable[..., Source]
    needs_root: bool = True
    draws: bool = False
    augments: bool = False
    task: str | None = None
    release: str | None = None
    ceiling: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, root: Path | None, split: str, **options: Any) -> Source:
        """Read one split."""
        return self.read(root, split, **options)

    @property
    def options(self) -> dict[str, Any]:
        """The options that it takes, with their defaults."""
        parameters = list(inspect.signature(self.read).parameters.values())[2:]
        return {each.name: each.default for each in parameters}

    def task_of(self, options: Mapping[str, Any]) -> str:
        """Return which task the options choose; "" where there is only one."""
        return str(options.get(self.task, self.options[self.task])) if self.task else ""

    def release_of(self, options: Mapping[str, Any]) -> str:
        """Return which release the options choose, such as "0.95"; "" where there is only one."""
        return f"{options.get(self.release, self.options[self.release]):g}" if self.release else ""

    def is_ceiling(self, options: Mapping[str, Any]) -> bool:
        """Return whether the options remove the shortcut from the training images."""
        return any(options.get(name) == value for name, value in self.ceiling.items())
