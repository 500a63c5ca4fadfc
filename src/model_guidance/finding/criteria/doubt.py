"""Doubtful predictions: the model is not sure of the class that the image has."""

import numpy as np
from jaxtyping import Float

from model_guidance.finding.observations import Observations


def doubt(images: Observations, marked: Observations) -> Float[np.ndarray, "images"]:
    """Return how much in [0, 1] the probability of the explained class lacks: above one half it is wrong."""
    return 1 - images.probabilities[np.arange(len(images)), images.classes]
