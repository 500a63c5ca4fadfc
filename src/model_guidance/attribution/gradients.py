"""Gradients of selected logits with respect to the captured features."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from model_guidance.autodiff.capture import CapturedFeatures
from model_guidance.types import Pairs

ENLARGED = 2.0**8  # times in float16: gradients up to 255 have room, and the gradients of theirs


def class_gradients(
    captured: CapturedFeatures, pairs: Pairs, create_graph: bool
) -> Float[Tensor, "pairs channels rows columns"]:
    """Return `d logits[image, class] / d features[image]` for each pair, in the order of `pairs`.

    One pass serves all pairs where the forward pass is separable. Elsewhere one serves the k-th pair of
    every image, so there are as many as the image with the most pairs has. In a network whose batch
    normalisation is in training mode the images of a batch influence each other; what is returned then is
    the gradient of the *sum* of those logits.
    """
    if captured.separable:
        count = len(captured.logits)
        if create_graph or len(pairs) < 2:
            return _each(captured, pairs, pairs.one_each(count), create_graph)
        some = max(4, count // 2)  # at a time, or the gradients of all pairs would need most of the memory
        slices = [pairs[start : start + some] for start in range(0, len(pairs), some)]
        return torch.cat([_each(captured, part, False, create_graph) for part in slices])
    if pairs.distinct:
        return _one_pass(captured, pairs, create_graph)
    rank = _rank_within_image(pairs.image_index)
    order = [(rank == k).nonzero().squeeze(1) for k in range(int(rank.max()) + 1)]
    gradients = [_one_pass(captured, pairs[selected], create_graph) for selected in order]
    return torch.cat(gradients)[torch.cat(order).argsort()]


def _each(captured: CapturedFeatures, pairs: Pairs, one_each: bool, create_graph: bool) -> Tensor:
    wanted = F.one_hot(pairs.class_index, captured.logits.shape[1]).to(captured.logits.dtype)
    return _gradient(captured, wanted, None if one_each else pairs.image_index, create_graph)


def _one_pass(captured: CapturedFeatures, pairs: Pairs, create_graph: bool) -> Tensor:
    wanted = torch.zeros_like(captured.logits)
    wanted = wanted.index_put((pairs.image_index, pairs.class_index), wanted.new_ones(()))
    return pairs.of_image(_gradient(captured, wanted, None, create_graph))


def _gradient(captured: CapturedFeatures, wanted: Tensor, rows: Tensor | None, create_graph: bool) -> Tensor:
    """Return what `vjp` does, in float32 where the network computes in float16.

    What a `GradScaler` multiplies the gradient of a map by exceeds float16 on the way back through the
    gradient, unless the gradient itself is larger by as much as that must be smaller.
    """
    if torch.float16 not in (captured.logits.dtype, captured.features.dtype):
        return captured.vjp(wanted, rows, create_graph)
    return captured.vjp(wanted * ENLARGED, rows, create_graph).float() / ENLARGED


def _rank_within_image(images: Tensor) -> Tensor:
    """Return 0 for the first pair of an image, 1 for the second, ..."""
    ordered, order = images.sort(stable=True)
    rank = torch.arange(len(images), device=images.device) - torch.searchsorted(ordered, ordered)
    return torch.empty_like(rank).index_copy(0, order, rank)
