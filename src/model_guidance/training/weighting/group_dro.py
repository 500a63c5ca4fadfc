"""Distributionally robust optimisation over groups: the worse a group, the more it counts."""

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor

from model_guidance.training.weighting.weighting import Known, Weighting, counted, group_counts
from model_guidance.types import Batch

STEP = 0.01  # of the published runs on Waterbirds


class GroupDRO(Weighting):
    """Factor q_g * b / b_g for an image of a group g that has b_g of a batch's b images.

    The loss is then sum_g q_g * mean loss of g. q starts even, and each step multiplies q_g by
    exp(0.01 * mean loss of g), as in algorithm 1 of Sagawa et al. (arXiv 1911.08731). Of several processes
    all images of a step are one batch.
    """

    uses_groups = True

    def __init__(self, known: Known):
        super().__init__(known)
        counts = torch.from_numpy(group_counts(known, "group_dro"))
        present = (counts > 0).to(torch.get_default_dtype())
        self.register_buffer("q", present / present.sum())

    def forward(self, losses: Float[Tensor, "batch"], batch: Batch) -> Float[Tensor, "batch"]:
        """Return the factor of each image."""
        q, own = self.get_buffer("q"), counted(batch)
        member = torch.nn.functional.one_hot(batch.groups.clamp(min=0), len(q)).to(q) * own.unsqueeze(1)
        sums = torch.stack([(member * losses.unsqueeze(1).to(q)).sum(dim=0), member.sum(dim=0)])
        processes = 1
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(sums)
            processes = dist.get_world_size()
        total, images = sums
        seen = images > 0
        grown = torch.where(seen, q * torch.exp(STEP * total / images.clamp(min=1)), q)
        q.copy_(grown / grown.sum())
        factors = q * own.sum() * processes / images.clamp(min=1)
        return torch.where(own, factors[batch.groups.clamp(min=0)].to(losses), torch.ones_like(losses))
