"""What a model takes besides the images: given to it wherever it is run with them."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from model_guidance.errors import UserError


@contextmanager
def also_given(model: nn.Module, arguments: Mapping[str, Any] | None, count: int) -> Iterator[None]:
    """Give these by name in each call of the model inside; `count` is how many images there are.

    Of tensors that have a row for each image, a call with the first images gets their rows. Raises
    `UserError` for names that `forward` of the model, which nothing wraps, does not take.
    """
    if not arguments:
        yield
        return
    _check(model, arguments)

    def add(_: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return args, kwargs | {name: _rows(each, len(args[0]), count) for name, each in arguments.items()}

    handle = model.register_forward_pre_hook(add, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def _check(model: nn.Module, arguments: Mapping[str, Any]) -> None:
    parameters = inspect.signature(model.forward).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return
    named = [name for name, each in parameters.items() if each.kind is not each.VAR_POSITIONAL][1:]
    for name in arguments:
        if name not in named:
            raise UserError(
                f"arguments: the model's forward takes no '{name}' besides the images, but "
                f"{', '.join(named) or 'nothing'}"
            )


def _rows(value: Any, rows: int, count: int) -> Any:
    of_images = isinstance(value, Tensor) and value.ndim > 0 and len(value) == count
    return value[:rows] if of_images and rows < count else value
