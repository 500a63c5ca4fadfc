"""Functions of ours that whoever follows a network's operations sees as one operation."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function


def one_operation(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Have an active `TorchFunctionMode` told of a call, as of one of torch's own functions.

    `torch.overrides.wrap_torch_function` does the same, but `torch.compile` looks through it (torch 2.15).
    """

    @functools.wraps(function)
    def call(first: Any, *rest: Any, **named: Any) -> Tensor:
        if torch._C._is_torch_function_mode_enabled():
            return handle_torch_function(call, (first,), first, *rest, **named)
        return function(first, *rest, **named)

    return call
