"""Asserts with a name, shared by the tests of networks, maps, losses and metrics."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def assert_same(found: Tensor, expected: Tensor, tolerance: float = 1e-10) -> None:
    """Equal up to `tolerance` times the largest expected value."""
    assert found.shape == expected.shape
    error = (found.double() - expected.double()).abs().max() if found.numel() else torch.tensor(0.0)
    scale = expected.double().abs().max() if found.numel() else torch.tensor(0.0)
    assert error <= tolerance * scale, f"differs by {error:.3g}, largest value {scale:.3g}"


def assert_names(message: object, names: Iterable[str]) -> None:
    missing = [name for name in names if name not in str(message)]
    assert not missing, f"{message} does not name {missing}"


@contextmanager
def assert_untouched(model: nn.Module) -> Iterator[None]:
    """Whatever happens inside: weights, buffers, gradients, hooks, modes and flags are as before."""
    before = _everything(model)
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        yield
    finally:
        assert _everything(model) == before
        for name, value in model.state_dict().items():
            assert torch.equal(value, tensors[name]), name


def _everything(model: nn.Module) -> list[object]:
    state: list[object] = [parameter.grad is None for parameter in model.parameters()]
    for name, module in model.named_modules():
        hooks = len(module._forward_hooks) + len(module._forward_pre_hooks) + len(module._backward_hooks)
        state.append((name, hooks, module.training, getattr(module, "factor_is_constant", None)))
    return state
