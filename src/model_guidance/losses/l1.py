"""L1 loss, Eq. 3."""

from jaxtyping import Bool, Float
from torch import Tensor

from model_guidance.losses.scaling import positive_part


def l1(
    maps: Float[Tensor, "pairs height width"],
    masks: Bool[Tensor, "pairs height width"] | Float[Tensor, "pairs height width"],
) -> Float[Tensor, "pairs"]:
    """Return `mean |M - Â+|` of each pair over all its pixels, in [0, 1]; `maps` are raw and signed."""
    return (masks.to(maps.dtype) - positive_part(maps)).abs().mean(dim=(1, 2))
