"""By what it is judged which image is worth marking: one file for each, one value for each image."""

from collections.abc import Callable

from jaxtyping import Float
from numpy import ndarray

from model_guidance.finding.criteria.border import border
from model_guidance.finding.criteria.disagreement import disagreement
from model_guidance.finding.criteria.doubt import doubt
from model_guidance.finding.criteria.typical import typical
from model_guidance.finding.criteria.variety import variety
from model_guidance.finding.observations import Observations

Criterion = Callable[[Observations, Observations], Float[ndarray, "images"]]
"""`criterion(images, marked)` returns a value for each image: the larger, the sooner it should be marked.
`marked` are the images that need no marking any more, perhaps none."""

CRITERIA: dict[str, Criterion] = {
    "disagreement": disagreement,
    "border": border,
    "doubt": doubt,
    "variety": variety,
    "typical": typical,
}
