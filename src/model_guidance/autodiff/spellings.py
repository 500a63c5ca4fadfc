"""One name for every operation: models say `torch.relu`, `x.relu_()` and `F.relu` and mean the same."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Spelling(NamedTuple):
    """The operation that is meant, and whether it is to work in place."""

    operation: Callable[..., Any]
    in_place: bool = False


_NAMES: dict[Callable[..., Any], str] = {
    F.dropout: "dropout dropout_",
    F.relu: "relu relu_",
    F.hardtanh: "hardtanh hardtanh_",
    F.relu6: "relu6",
    F.silu: "silu",
    F.elu: "elu elu_",
    F.leaky_relu: "leaky_relu leaky_relu_",
    F.log_softmax: "log_softmax",
    F.softmax: "softmax",
    torch.abs: "abs absolute",
    torch.add: "add add_ __add__ __radd__ __iadd__",
    torch.addcmul: "addcmul",
    torch.amax: "amax",
    torch.baddbmm: "baddbmm",
    torch.bmm: "bmm",
    torch.broadcast_to: "broadcast_to expand",
    torch.cat: "cat concat concatenate",
    torch.chunk: "chunk",
    torch.clamp: "clamp clamp_ clip clip_ clamp_min clamp_min_",
    torch.clone: "clone",
    torch.cos: "cos",
    torch.div: "div div_ divide divide_ true_divide true_divide_ __truediv__ __itruediv__",
    torch.einsum: "einsum",
    torch.exp: "exp",
    torch.flatten: "flatten",
    torch.flip: "flip",
    torch.log: "log",
    torch.matmul: "matmul mm __matmul__",
    torch.mean: "mean",
    torch.movedim: "movedim moveaxis",
    torch.mul: "mul mul_ multiply multiply_ __mul__ __rmul__ __imul__",
    torch.narrow: "narrow",
    torch.neg: "neg negative __neg__",
    torch.permute: "permute",
    torch.pow: "pow __pow__",
    torch.reciprocal: "reciprocal",
    torch.reshape: "reshape view",
    torch.roll: "roll",
    torch.rsqrt: "rsqrt",
    torch.rsub: "rsub __rsub__",
    torch.select: "select",
    torch.sigmoid: "sigmoid sigmoid_",
    torch.sin: "sin",
    torch.split: "split split_with_sizes",
    torch.sqrt: "sqrt",
    torch.square: "square",
    torch.squeeze: "squeeze",
    torch.stack: "stack",
    torch.sub: "sub sub_ subtract subtract_ __sub__ __isub__",
    torch.sum: "sum",
    torch.tanh: "tanh tanh_",
    torch.transpose: "transpose swapaxes swapdims",
    torch.unbind: "unbind",
    torch.unflatten: "unflatten",
    torch.unsqueeze: "unsqueeze",
    Tensor.__rdiv__: "__rdiv__ __rtruediv__",
}


_KEYWORDS = {"axis": "dim", "keepdims": "keepdim", "train": "training"}


def as_named(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return keyword arguments under the names that most of torch has for them."""
    return {_KEYWORDS.get(name, name): value for name, value in kwargs.items()} if kwargs else kwargs


def takes(function: Callable[..., Any], kwargs: dict[str, Any]) -> bool:
    """Return whether a function has arguments of these names."""
    if not kwargs or torch.compiler.is_compiling():
        return True
    names = _names(function)
    return names is None or kwargs.keys() <= names


@functools.cache
def _names(function: Callable[..., Any]) -> frozenset[str] | None:
    """Return the names of a function's arguments; None where it takes any."""
    parameters = inspect.signature(function).parameters
    any_name = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    return None if any_name else frozenset(parameters)


def _spellings() -> dict[Callable[..., Any], Spelling]:
    homes = (torch, Tensor, F, torch.special)
    return {
        getattr(home, name): Spelling(operation, _works_in_place(name))
        for operation, names in _NAMES.items()
        for name in names.split()
        for home in homes
        if hasattr(home, name)
    }


def _works_in_place(name: str) -> bool:
    return name.startswith("__i") or (name.endswith("_") and not name.endswith("__"))


SPELLINGS = _spellings()
