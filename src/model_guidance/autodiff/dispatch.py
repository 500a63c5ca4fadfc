"""Which calls whoever follows a network's operations is told of, beside those of torch's own functions."""

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.overrides import handle_torch_function

from model_guidance.errors import UserError


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


ONE_THREAD = threading.RLock()  # which would else put back what another one has set


@contextmanager
def nothing_hidden() -> Iterator[None]:
    """Have a mode told of functions of `torch.jit` and of one's own, and of what happens in compiled parts.

    torch itself shows it none of them: what they put out would seem to depend on no features. A
    `torch.autograd.Function` is one operation, since its derivative is what it says, not what follows from
    the operations of its forward pass. Compiled parts are run as they are written. All are settings of the
    whole process: threads take turns.
    """
    if torch.compiler.is_compiling():
        yield
        return
    with ONE_THREAD, _as_written():
        yield


@contextmanager
def _as_written() -> Iterator[None]:
    run, apply = torch.jit.ScriptFunction.__call__, vars(Function)["apply"]
    try:
        as_written = torch.compiler.set_stance("force_eager")
    except RuntimeError as error:
        raise UserError(
            "torch.compile: maps are taken inside of what it compiles; leave it out, compile the model, "
            "or give Guidance(compile=True)"
        ) from error

    def call(function: Any, *args: Any, **kwargs: Any) -> Any:
        if torch._C._is_torch_function_mode_enabled():
            return handle_torch_function(function, args, *args, **kwargs)
        return run(function, *args, **kwargs)

    def own(function: type[Function], *args: Any, **kwargs: Any) -> Any:
        if torch._C._is_torch_function_mode_enabled():
            return handle_torch_function(own, args, function, *args, **kwargs)
        return apply.__get__(None, function)(*args, **kwargs)

    setattr(torch.jit.ScriptFunction, "__call__", call)  # noqa: B010  (mypy forbids an assignment)
    setattr(Function, "apply", classmethod(own))  # noqa: B010
    try:
        with as_written:
            yield
    finally:
        setattr(torch.jit.ScriptFunction, "__call__", run)  # noqa: B010
        setattr(Function, "apply", apply)  # noqa: B010


def own_derivative() -> str | None:
    """Return the name of the `torch.autograd.Function` whose forward pass this is, if it is one.

    Seen is what was bound earlier, as in `relu = ReLU.apply`, and so is not told of by `nothing_hidden`.
    torch switches off forward differentiation there, and nowhere else where operations are ordinary ones.
    """
    if torch.compiler.is_compiling() or torch._C._is_fwd_grad_enabled():
        return None
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_name != "forward":
        frame = frame.f_back
    name = "a torch.autograd.Function.forward" if frame is None else frame.f_code.co_qualname
    return name.rpartition("<locals>.")[2].removesuffix(".forward")


def transformed() -> bool:
    """Return whether this happens inside of `torch.vmap` or another function of `torch.func`."""
    return not torch.compiler.is_compiling() and torch._C._functorch.peek_interpreter_stack() is not None
