"""Per-pixel cross entropy, Eq. 4."""

from jaxtyping import Bool, Float
from torch import Tensor

from model_guidance.checks import check_pairs
from model_guidance.losses.scaling import positive_part, ratio

FLOOR = 1e-7  # of the map's maximum: where the logarithm is cut off, so that no pixel costs more than 16.1


def ppce(
    maps: Float[Tensor, "pairs height width"],
    masks: Bool[Tensor, "pairs height width"] | Float[Tensor, "pairs height width"],
    valid: Bool[Tensor, "pairs height width"] | None = None,
) -> Float[Tensor, "pairs"]:
    """Return `-1/|M| sum(M log Â+)` of each pair, at least 0: only pixels inside the mask count.

    `maps` are raw and signed. Pixels below `FLOOR` have the loss of `FLOOR` and no gradient. An empty mask
    gives 0. With `valid`, M is what the mask and it have in common.
    """
    check_pairs(maps, masks, valid)
    masks = masks if valid is None else masks * valid
    logarithm = positive_part(maps).clamp(min=FLOOR).log()
    return ratio(-(logarithm * masks).sum(dim=(1, 2)), masks.to(logarithm.dtype).sum(dim=(1, 2)))
