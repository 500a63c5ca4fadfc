"""Losses, attributions and the like by name: one of ours, or a function of the user's own."""

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from model_guidance.errors import UserError, meant

F = TypeVar("F", bound=Callable[..., Any])


def find(what: str, given: str | F, known: Mapping[str, F], takes: Sequence[str]) -> F:
    """Return the function that `given` names: a key of `known`, or its dotted name `package.module.function`.

    A callable is returned as it is. Raises `UserError` if there is no such function, or if one by a dotted
    name does not begin with the parameters `takes`: a settings file must not make a call of whatever is
    installed. `what` says which kind of thing was asked for.
    """
    if not isinstance(given, str):
        return given
    if given in known:
        return known[given]
    if "." in given:
        return _imported(what, given, list(takes))
    raise UserError(
        f"there is no {what} '{given}': choose one of {', '.join(known)}, or package.module.function"
        f"{meant(given, known)}"
    )


def _imported(what: str, dotted: str, takes: list[str]) -> Any:
    module, _, name = dotted.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # importing runs what stands in the module
        raise UserError(f"there is no {what} '{dotted}': {type(error).__name__}: {error}") from error
    if not callable(found):
        raise UserError(f"{what} '{dotted}': a {type(found).__name__} is no function")
    if _parameters(found)[: len(takes)] != takes:
        raise UserError(
            f"{what} '{dotted}': it takes ({', '.join(_parameters(found))}), but must take "
            f"({', '.join(takes)}), by these names"
        )
    return found


def _parameters(function: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # one written in C may have no signature
        return ["?"]


def takes_so_many(function: Callable[..., Any], count: int) -> bool:
    """Return whether a function can be called with so many values, as far as it says."""
    try:
        inspect.signature(function).bind(*range(count))
    except ValueError:  # one written in C may have no signature
        return True
    except TypeError:
        return False
    return True


def name_of(given: str | Callable[..., Any]) -> str:
    """Return how a message names what `find` was given."""
    return given if isinstance(given, str) else getattr(given, "__qualname__", repr(given))
