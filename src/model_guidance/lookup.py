"""Losses, attributions and the like by name: one of ours, or a function of the user's own."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from model_guidance.errors import UserError

F = TypeVar("F", bound=Callable[..., Any])


def find(what: str, given: str | F, known: Mapping[str, F]) -> F:
    """Return the function that `given` names: a key of `known`, or its dotted name `package.module.function`.

    A callable is returned as it is. Raises `UserError` if there is no such function; `what` says which kind
    of thing was asked for.
    """
    if not isinstance(given, str):
        return given
    if given in known:
        return known[given]
    if "." in given:
        return _imported(what, given)
    raise UserError(
        f"there is no {what} '{given}': choose one of {', '.join(known)}, or package.module.function"
    )


def _imported(what: str, dotted: str) -> Any:
    module, _, name = dotted.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # importing runs what stands in the module
        raise UserError(f"there is no {what} '{dotted}': {type(error).__name__}: {error}") from error
    if not callable(found):
        raise UserError(f"{what} '{dotted}': a {type(found).__name__} is no function")
    return found


def name_of(given: str | Callable[..., Any]) -> str:
    """Return how a message names what `find` was given."""
    return given if isinstance(given, str) else getattr(given, "__qualname__", repr(given))
