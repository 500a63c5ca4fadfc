"""How jaxtyping's import hook checks shapes and types of every call in the tests, see `conftest`."""

from typing import TypeVar

from beartype import BeartypeConf, beartype

T = TypeVar("T")


def checked(called: T) -> T:
    """Have the annotations of a function checked at each call."""
    return beartype(conf=BeartypeConf(is_pep484_tower=True))(called)  # an int is a float, as for mypy
