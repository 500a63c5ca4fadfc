"""Energy pointing game (EPG), Eq. 2; Wang et al., "Score-CAM" (2020)."""

from jaxtyping import Bool, Float
from torch import Tensor

from model_guidance.checks import check_pairs
from model_guidance.losses.scaling import ratio, rescaled


def energy_pointing_game(
    maps: Float[Tensor, "pairs height width"],
    masks: Bool[Tensor, "pairs height width"] | Float[Tensor, "pairs height width"],
    valid: Bool[Tensor, "pairs height width"] | None = None,
) -> Float[Tensor, "pairs"]:
    """Return `sum(M A+) / sum(A+)` of each pair, in [0, 1], higher is better; 0 for a map without A+.

    `maps` are raw and signed, at the size of the masks: whatever loss trained the model, the metric is one.
    With `valid` V it is `sum((1 - V (1 - M)) A+) / sum(A+)`: attribution elsewhere is not held against a map.
    """
    check_pairs(maps, masks, valid)
    positive = rescaled(maps).relu()
    inside = masks.to(positive.dtype)
    inside = inside if valid is None else 1 - (1 - inside) * valid
    return ratio((positive * inside).sum(dim=(1, 2)), positive.sum(dim=(1, 2)))
