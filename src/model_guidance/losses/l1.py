"""L1 loss, Eq. 3."""

from jaxtyping import Bool, Float
from torch import Tensor

from model_guidance.checks import check_pairs
from model_guidance.losses.scaling import positive_part, ratio


def l1(
    maps: Float[Tensor, "pairs height width"],
    masks: Bool[Tensor, "pairs height width"] | Float[Tensor, "pairs height width"],
    valid: Bool[Tensor, "pairs height width"] | None = None,
) -> Float[Tensor, "pairs"]:
    """Return `mean |M - Â+|` of each pair, in [0, 1]; `maps` are raw and signed.

    The mean is over all pixels, or over those of `valid`; the maximum in `Â+` is that of the whole map.
    """
    check_pairs(maps, masks, valid)
    scaled = positive_part(maps)
    distance = (masks.to(scaled.dtype) - scaled).abs()
    if valid is None:
        return distance.mean(dim=(1, 2))
    return ratio((distance * valid).sum(dim=(1, 2)), valid.to(scaled.dtype).sum(dim=(1, 2)))
