"""Operations whose derivative autograd cannot differentiate again, in a form of which it can."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Return `relu6(x + 3) / 6`."""
    output = F.relu6(input + 3) / 6
    return input.copy_(output) if inplace else output


def normalize(
    input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """Return `x / max(|x|, eps)`; with p = 2 the second derivative of zeros, as padding has them, is finite.

    The rows of a matrix are left to torch: weights do not contain them.
    """
    if p != 2 or out is not None or input.ndim < 3:
        return F.normalize(input, p, dim, eps, out)
    squares = input.square().sum(dim, keepdim=True)
    return input / squares.clamp(min=max(eps**2, torch.finfo(squares.dtype).tiny)).sqrt()


TWICE_DIFFERENTIABLE: dict[Callable[..., Any], Callable[..., Any]] = {
    F.hardsigmoid: hardsigmoid,
    F.normalize: normalize,
}


def differentiable_attention(wanted: bool) -> AbstractContextManager[None]:
    """Have attention computed by plain operations inside: the fused ones can be differentiated once."""
    if not wanted or torch.compiler.is_compiling():
        return nullcontext()
    return sdpa_kernel(SDPBackend.MATH)
