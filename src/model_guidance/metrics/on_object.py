"""On-object EPG: the share of the attribution inside the box that lies on the object."""

from jaxtyping import Bool, Float
from torch import Tensor

from model_guidance.checks import check_pairs
from model_guidance.losses.scaling import ratio, rescaled


def on_object_energy(
    maps: Float[Tensor, "pairs height width"],
    regions: Bool[Tensor, "pairs height width"],
    objects: Bool[Tensor, "pairs height width"],
    valid: Bool[Tensor, "pairs height width"] | None = None,
) -> Float[Tensor, "pairs"]:
    """Return `sum(R O A+) / sum(R A+)` of each pair, in [0, 1]: R the region, O the object's mask.

    `maps` are raw and signed. A map without positive attribution in the region scores 0.
    With `valid`, R is what the region and it have in common.
    """
    check_pairs(maps, regions, objects, valid)
    inside = rescaled(maps).relu() * regions
    inside = inside if valid is None else inside * valid
    return ratio((inside * objects).sum(dim=(1, 2)), inside.sum(dim=(1, 2)))
