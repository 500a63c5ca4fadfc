"""Whether autograd can differentiate twice, which training through its maps needs."""

from collections.abc import Iterator

from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.autograd.graph import Node, get_gradient_edge

from model_guidance.errors import UserError

NONE = ("NotImplemented", "Error")  # what autograd puts where it would have to go on
ONCE = once_differentiable(print).__code__


def check_twice_differentiable(logits: Tensor, features: Tensor, gradient: Tensor) -> None:
    """Raise `UserError` where a second derivative would be missing: an error later, or silently nothing."""
    found = [_once(node) for node in _before(logits, get_gradient_edge(features).node)]
    found += ["an operation" for node in _before(gradient) if node.name().rpartition("::")[2] in NONE]
    missing = next(filter(None, found), None)
    if missing is not None:
        raise UserError(
            f"model: {missing} behind this layer has no second derivative, so maps through it cannot be "
            "trained; write it as operations that autograd differentiates twice, or choose a later layer"
        )


def _once(node: Node) -> str | None:
    """Return the name of a `torch.autograd.Function` that says to be differentiable once only."""
    function: type | None = getattr(node, "_forward_cls", None)
    backward = getattr(function, "backward", None)
    return function.__name__ if function and getattr(backward, "__code__", None) is ONCE else None


def _before(output: Tensor, *ends: Node) -> Iterator[Node]:
    """Yield the nodes of autograd's graph that lead to a tensor, from these on."""
    seen, waiting = set(ends), [output.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [ahead for ahead, _ in node.next_functions]
            yield node
