"""RRR*, Eq. 5: "right for the right reasons" (Ross et al., 2017) for any attribution."""

from jaxtyping import Bool, Float
from torch import Tensor

from model_guidance.checks import check_pairs
from model_guidance.losses.scaling import signed


def rrr(
    maps: Float[Tensor, "pairs height width"],
    masks: Bool[Tensor, "pairs height width"] | Float[Tensor, "pairs height width"],
    valid: Bool[Tensor, "pairs height width"] | None = None,
) -> Float[Tensor, "pairs"]:
    """Return `sum((1 - M) Â²)` of each pair, at least 0, with `Â = A / max |A|`.

    `maps` are raw and signed: attribution outside the mask costs, whatever its sign. With `valid` V it is
    `sum(V (1 - M) Â²)`.
    """
    check_pairs(maps, masks, valid)
    scaled = signed(maps)
    outside = 1 - masks.to(scaled.dtype)
    outside = outside if valid is None else outside * valid
    return (outside * scaled.square()).sum(dim=(1, 2))
