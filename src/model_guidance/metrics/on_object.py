"""On-object EPG: the share of the attribution inside the box that lies on the object."""

from jaxtyping import Bool, Float
from torch import Tensor

from model_guidance.losses.scaling import ratio


def on_object_energy(
    maps: Float[Tensor, "pairs height width"],
    regions: Bool[Tensor, "pairs height width"],
    objects: Bool[Tensor, "pairs height width"],
) -> Float[Tensor, "pairs"]:
    """Return `sum(R O A+) / sum(R A+)` of each pair, in [0, 1]: R the region, O the object's mask.

    `maps` are raw and signed. A map without positive attribution in the region scores 0.
    """
    inside = maps.relu() * regions
    return ratio((inside * objects).sum(dim=(1, 2)), inside.sum(dim=(1, 2)))
