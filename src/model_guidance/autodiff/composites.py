"""Operations put as several simpler ones: whoever can go back through those can go back through these."""

import math
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
    """Return `x / max(|x|, eps)` for p = 2; the second derivative of zeros, as in padding, is finite."""
    if p != 2 or out is not None:
        return NotImplemented
    squares = input.square().sum(dim, keepdim=True)
    return input / squares.clamp(min=max(eps**2, torch.finfo(squares.dtype).tiny)).sqrt()


def _normalize(
    input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """Do the same; the rows of a matrix are left to torch: weights do not contain zeros."""
    output = normalize(input, p, dim, eps, out) if input.ndim > 2 else NotImplemented
    return F.normalize(input, p, dim, eps, out) if output is NotImplemented else output


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    """Normalise over groups of channels as layer normalisation does over rows."""
    rows = input.reshape(len(input), num_groups, -1)
    unit = F.layer_norm(rows, rows.shape[2:], eps=eps).reshape(input.shape)
    return _affine(unit, weight, bias)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel of an image by itself."""
    if not use_input_stats or running_mean is not None:
        return NotImplemented
    return group_norm(input, input.shape[1], weight, bias, eps)


def rms_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Divide each row by its root mean square."""
    dims = list(range(-len(normalized_shape), 0))
    floor = torch.finfo(input.dtype).eps if eps is None else eps
    unit = input * torch.rsqrt(input.square().mean(dims, keepdim=True) + floor)
    return unit if weight is None else unit * weight


def _affine(unit: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    shape = [1, -1, *[1] * (unit.ndim - 2)]
    scaled = unit if weight is None else unit * weight.reshape(shape)
    return scaled if bias is None else scaled + bias.reshape(shape)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return `x tanh(log(1 + exp x))`."""
    return NotImplemented if inplace else input * torch.tanh(F.softplus(input))


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Return one half times the sigmoid of the other."""
    value, gate = input.chunk(2, dim)
    return value * gate.sigmoid()


def norm(input: Tensor, p: Any = 2, dim: Any = None, keepdim: bool = False, **rest: Any) -> Tensor:
    """Return the length along axes; that of zeros has derivative zero."""
    if p not in (2, "fro") or dim is None or any(value is not None for value in rest.values()):
        return NotImplemented
    squares = input.square().sum(dim, keepdim=keepdim)
    return squares.clamp(min=torch.finfo(squares.dtype).tiny).sqrt()


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return `softmax(q kᵀ / sqrt d + mask) v`; zeros, as torch does, where a row may attend to nothing."""
    if is_causal or enable_gqa:
        return NotImplemented
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query * scale) @ key.transpose(-2, -1)
    if attn_mask is None:
        return _attended(scores, value, dropout_p)
    mask = _minus_infinity(attn_mask, scores) if attn_mask.dtype == torch.bool else attn_mask
    nothing = (mask == -math.inf).all(dim=-1, keepdim=True)
    return _attended(scores + mask.masked_fill(nothing, 0), value, dropout_p) * ~nothing


def _attended(scores: Tensor, value: Tensor, dropout_p: float) -> Tensor:
    shares = scores.softmax(dim=-1)
    return (F.dropout(shares, dropout_p) if dropout_p else shares) @ value


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    **rest: Any,
) -> tuple[Tensor, None]:
    """Attention of [length, images, channels], each head by itself; no added keys, no returned weights."""
    settings = {name: value for name, value in rest.items() if value is not None and value is not False}
    added = bias_k is not None or bias_v is not None or add_zero_attn
    settings.pop("average_attn_weights", None)
    masked = key_padding_mask is not None or attn_mask is not None
    if added or masked or settings or need_weights or in_proj_weight is None or query.ndim != 3:
        return NotImplemented
    biases = (None,) * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
    values = zip((query, key, value), in_proj_weight.chunk(3), biases, strict=True)
    q, k, v = (_heads(F.linear(x, weight, bias), num_heads) for x, weight, bias in values)
    mixed = scaled_dot_product_attention(q, k, v, dropout_p=dropout_p if training else 0.0)
    joined = mixed.permute(2, 0, 1, 3).flatten(2)
    return F.linear(joined, out_proj_weight, out_proj_bias), None


def _heads(x: Tensor, heads: int) -> Tensor:
    """Return [length, images, channels] as [images, heads, length, channels of a head]."""
    return x.reshape(*x.shape[:2], heads, -1).permute(1, 2, 0, 3)


def _minus_infinity(allowed: Tensor, like: Tensor) -> Tensor:
    return torch.zeros_like(allowed, dtype=like.dtype).masked_fill(~allowed, -math.inf)


COMPOSITES: dict[Callable[..., Any], Callable[..., Any]] = {
    F.glu: glu,
    F.group_norm: group_norm,
    F.instance_norm: instance_norm,
    F.mish: mish,
    F.multi_head_attention_forward: multi_head_attention_forward,
    F.normalize: normalize,
    F.rms_norm: rms_norm,
    torch.norm: norm,
    Tensor.norm: norm,
    F.scaled_dot_product_attention: scaled_dot_product_attention,
}
"""What a tape looks into. Those that cannot say a call's arguments return NotImplemented."""

TWICE_DIFFERENTIABLE: dict[Callable[..., Any], Callable[..., Any]] = {
    F.hardsigmoid: hardsigmoid,
    F.normalize: _normalize,
}
"""What stands for operations whose derivative autograd cannot differentiate again."""


def differentiable_attention(wanted: bool) -> AbstractContextManager[None]:
    """Have attention computed by plain operations inside: the fused ones can be differentiated once."""
    if not wanted or torch.compiler.is_compiling():
        return nullcontext()
    return sdpa_kernel(SDPBackend.MATH)
