"""Gradients of chosen logits with respect to the tapped features."""

import torch
from jaxtyping import Float
from torch import Tensor

from model_guidance.types import Forward, Pairs


def class_gradients(
    forward: Forward, pairs: Pairs, create_graph: bool
) -> Float[Tensor, "pairs channels rows columns"]:
    """Return `d logits[image, class] / d features[image]` for each pair, in the order of `pairs`.

    One backward pass serves the k-th pair of every image at once, so there are as many passes as the image
    with the most pairs has. In a network whose batch normalisation is in training mode the images of a
    batch influence each other; what is returned then is the gradient of the *sum* of those logits.
    """
    rank = _rank_within_image(pairs.images)
    gradients, order = [], []
    for k in range(int(rank.max()) + 1):
        chosen = (rank == k).nonzero().squeeze(1)
        images, classes = pairs.images[chosen], pairs.classes[chosen]
        (gradient,) = torch.autograd.grad(
            forward.logits[images, classes].sum(),
            forward.features,
            create_graph=create_graph,
            retain_graph=True,
        )
        gradients.append(gradient[images])
        order.append(chosen)
    return torch.cat(gradients)[torch.cat(order).argsort()]


def _rank_within_image(images: Tensor) -> Tensor:
    """Return 0 for the first pair of an image, 1 for the second, ...; `images` is sorted."""
    images = images.contiguous()
    first = torch.searchsorted(images, images)
    return torch.arange(len(images), device=images.device) - first
