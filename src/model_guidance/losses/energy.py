"""Energy loss: the share of the attribution outside the region; one minus Eq. 6 (the paper writes -EPG)."""

from jaxtyping import Bool, Float
from torch import Tensor

from model_guidance.checks import check_pairs
from model_guidance.losses.scaling import ratio, rescaled


def energy(
    maps: Float[Tensor, "pairs height width"],
    masks: Bool[Tensor, "pairs height width"] | Float[Tensor, "pairs height width"],
    valid: Bool[Tensor, "pairs height width"] | None = None,
) -> Float[Tensor, "pairs"]:
    """Return `sum((1 - M) A+) / sum(A+)` of each pair, in [0, 1]; 1 for a map without positive energy.

    `maps` are raw and signed; their scale does not matter. With `valid` V it is `sum(V (1 - M) A+) /
    sum(A+)`: attribution elsewhere is free.
    """
    check_pairs(maps, masks, valid)
    positive = rescaled(maps).relu()
    outside = 1 - masks.to(positive.dtype)
    outside = outside if valid is None else outside * valid
    return ratio((positive * outside).sum(dim=(1, 2)), positive.sum(dim=(1, 2)), otherwise=1)
