"""The operations of a network together with their adjoints, which are operations themselves.

An adjoint turns the gradient with respect to an operation's output into that with respect to its input. What
autograd does, when it is asked for a gradient that can be differentiated again, is general and slow; these
need one ordinary backward pass, keep little, serve several classes of an image at once, and can be compiled.
A function here returns None, having changed nothing, for arguments that it has no adjoint for.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from model_guidance.autodiff.adjoints import (
    activation,
    arithmetic,
    attention,
    convolution,
    dynamic_linear,
    indexing,
    layer_norm,
    matrix,
    normalisation,
    pooling,
    shape,
)
from model_guidance.autodiff.dynamic_linear import multiply
from model_guidance.autodiff.rules import Operation

ADJOINTS: dict[Callable[..., Any], Callable[..., Operation | None]] = {
    F.adaptive_avg_pool1d: pooling.linear_in_images(F.adaptive_avg_pool1d),
    F.adaptive_avg_pool2d: pooling.adaptive_avg_pool2d,
    F.adaptive_max_pool2d: pooling.adaptive_max_pool2d,
    F.avg_pool1d: pooling.linear_in_images(F.avg_pool1d),
    F.avg_pool2d: pooling.avg_pool2d,
    F.batch_norm: normalisation.batch_norm,
    F.conv1d: convolution.conv1d,
    F.conv2d: convolution.conv2d,
    F.conv3d: convolution.conv3d,
    F.conv_transpose2d: convolution.conv_transpose2d,
    F.dropout: attention.dropout,
    F.elu: activation.elu,
    F.fold: pooling.linear_in_images(F.fold),
    F.gelu: activation.gelu,
    F.hardsigmoid: activation.hardsigmoid,
    F.hardswish: activation.hardswish,
    F.hardtanh: activation.hardtanh,
    F.interpolate: pooling.linear_in_images(F.interpolate),
    F.layer_norm: layer_norm.layer_norm,
    F.leaky_relu: activation.leaky_relu,
    F.linear: matrix.linear,
    F.log_softmax: attention.log_softmax,
    F.max_pool2d: pooling.max_pool2d,
    F.pad: pooling.pad,
    F.pixel_shuffle: pooling.linear_in_images(F.pixel_shuffle),
    F.pixel_unshuffle: pooling.linear_in_images(F.pixel_unshuffle),
    F.relu6: activation.relu6,
    F.relu: activation.relu,
    F.silu: activation.silu,
    F.softmax: attention.softmax,
    F.softplus: activation.softplus,
    F.unfold: pooling.linear_in_images(F.unfold),
    torch.Tensor.T.__get__: shape.last_two,  # type: ignore[attr-defined]
    torch.Tensor.__getitem__: indexing.getitem,
    torch.Tensor.__rdiv__: arithmetic.rdiv,
    torch.Tensor.contiguous: shape.contiguous,
    torch.Tensor.expand_as: shape.expand_as,
    torch.Tensor.float: shape.converting(torch.Tensor.float),
    torch.Tensor.mT.__get__: shape.last_two,  # type: ignore[attr-defined]
    torch.Tensor.repeat: shape.repeat,
    torch.Tensor.reshape_as: shape.reshape_as,
    torch.Tensor.view_as: shape.reshape_as,
    torch.Tensor.to: shape.converting(torch.Tensor.to),
    torch.Tensor.type_as: shape.type_as,
    torch.abs: arithmetic.elementwise(torch.abs, lambda x, y: x.sign()),
    torch.add: arithmetic.add,
    torch.addcmul: arithmetic.addcmul,
    torch.amax: pooling.amax,
    torch.baddbmm: matrix.baddbmm,
    torch.bmm: matrix.bmm,
    torch.broadcast_to: shape.expand,
    torch.cat: indexing.cat,
    torch.chunk: indexing.chunk,
    torch.clamp: activation.clamp,
    torch.clone: shape.same,
    torch.cos: arithmetic.elementwise(torch.cos, lambda x, y: -x.sin()),
    torch.div: arithmetic.div,
    torch.exp: arithmetic.elementwise(torch.exp, lambda x, y: y),
    torch.flatten: shape.reshaping(torch.flatten),
    torch.flip: shape.flip,
    torch.log: arithmetic.elementwise(torch.log, lambda x, y: 1 / x),
    torch.matmul: matrix.matmul,
    torch.mean: pooling.mean,
    torch.movedim: shape.movedim,
    torch.mul: arithmetic.mul,
    torch.narrow: indexing.narrow,
    torch.neg: arithmetic.neg,
    torch.permute: shape.permute,
    torch.pow: arithmetic.power,
    torch.reciprocal: arithmetic.elementwise(torch.reciprocal, lambda x, y: -y.square()),
    torch.reshape: shape.reshaping(torch.Tensor.reshape),
    torch.roll: shape.roll,
    torch.rsqrt: arithmetic.elementwise(torch.rsqrt, lambda x, y: -0.5 * y.pow(3)),
    torch.rsub: arithmetic.rsub,
    torch.select: indexing.select,
    torch.sigmoid: activation.sigmoid,
    torch.sin: arithmetic.elementwise(torch.sin, lambda x, y: x.cos()),
    torch.split: indexing.split,
    torch.sqrt: arithmetic.elementwise(torch.sqrt, lambda x, y: 0.5 / y),
    torch.square: arithmetic.elementwise(torch.square, lambda x, y: 2 * x),
    torch.squeeze: shape.reshaping(torch.squeeze),
    torch.stack: indexing.stack,
    torch.sub: arithmetic.sub,
    torch.sum: pooling.sum,
    torch.tanh: activation.tanh,
    torch.transpose: shape.transpose,
    torch.unbind: indexing.unbind,
    torch.unflatten: shape.reshaping(torch.unflatten),
    torch.unsqueeze: shape.reshaping(torch.unsqueeze),
    multiply: dynamic_linear.multiplied,
}
"""Operations that a map can be taken back through, under the one name of each; see `SPELLINGS`."""
