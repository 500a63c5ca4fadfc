"""Images that an earlier run got wrong count more often."""

import torch
from jaxtyping import Float
from torch import Tensor

from model_guidance.errors import UserError
from model_guidance.training.weighting.weighting import Known, Weighting
from model_guidance.types import Batch


class JustTrainTwice(Weighting):
    """Factor u for an image that the earlier run got wrong and 1 for the others, over their mean.

    That is Liu et al. (JTT, arXiv 2107.09044), who repeat these images u times. No group needs to be known.
    """

    def __init__(self, known: Known):
        super().__init__(known)
        if known.wrong is None or not known.wrong.any():
            raise UserError(
                "--weighting errors: the run of --errors_of gets all training images right, so none can "
                "count more; name a run of fewer epochs"
            )
        times = torch.where(torch.from_numpy(known.wrong), known.upweight, 1.0)
        self.register_buffer("factors", (times / times.mean()).to(torch.get_default_dtype()))

    def forward(self, losses: Float[Tensor, "batch"], batch: Batch) -> Float[Tensor, "batch"]:
        """Return the factor of each image."""
        factors: Tensor = self.get_buffer("factors")
        return factors[batch.index].to(losses)
