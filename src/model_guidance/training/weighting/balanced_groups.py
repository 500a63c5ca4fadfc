"""Every group counts the same, however many images it has."""

import torch
from jaxtyping import Float
from torch import Tensor

from model_guidance.training.weighting.weighting import Known, Weighting, counted, group_counts
from model_guidance.types import Batch


class BalancedGroups(Weighting):
    """Factor n / (G * n_g) for an image of a group g that has n_g of the n images; there are G groups.

    With `--frozen` up to the last layer, on held-out images of all groups, it is the last layer trained again
    of Kirichenko et al. (DFR, arXiv 2204.02937), with weights in the place of a balanced draw.
    """

    uses_groups = True

    def __init__(self, known: Known):
        super().__init__(known)
        counts = torch.from_numpy(group_counts(known, "groups"))
        factors = counts.sum() / ((counts > 0).sum() * counts.clamp(min=1))
        self.register_buffer("factors", factors.to(torch.get_default_dtype()))

    def forward(self, losses: Float[Tensor, "batch"], batch: Batch) -> Float[Tensor, "batch"]:
        """Return the factor of each image."""
        factors: Tensor = self.get_buffer("factors")
        of_groups = factors[batch.groups.clamp(min=0)].to(losses)
        return torch.where(counted(batch), of_groups, torch.ones_like(losses))
