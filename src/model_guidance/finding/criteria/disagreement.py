"""Two attributions of the same answer that point to different places: neither can be taken at its word."""

import numpy as np
from jaxtyping import Float

from model_guidance.finding.observations import Observations


def disagreement(images: Observations, marked: Observations) -> Float[np.ndarray, "images"]:
    """Return the share in [0, 1] of the energy that lies elsewhere under the second attribution.

    That is the total variation distance of the two distributions of energy; 1 where one of them is empty.
    """
    return 1 - np.minimum(images.energy, images.second).sum(axis=(1, 2))
