"""From features and gradients to maps of the image's size, in at least float32."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def channel_sum(
    left: Float[Tensor, "pairs channels rows columns"], right: Float[Tensor, "pairs channels #rows #columns"]
) -> Float[Tensor, "pairs rows columns"]:
    """Return `sum_c left * right`, computed in float32 when the network runs in half precision."""
    precision = torch.promote_types(left.dtype, torch.float32)
    return (left.to(precision) * right.to(precision)).sum(dim=1)


def upsample(
    maps: Float[Tensor, "pairs rows columns"], size: tuple[int, int]
) -> Float[Tensor, "pairs height width"]:
    """Resize raw signed maps bilinearly to the image; maps of that size already are returned as they are."""
    if maps.shape[-2:] == size:
        return maps
    return F.interpolate(maps.unsqueeze(1), size, mode="bilinear", align_corners=False).squeeze(1)
