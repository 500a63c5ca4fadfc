"""Localization losses: `(raw signed maps, masks) -> one value per pair`."""

from collections.abc import Callable

from torch import Tensor

from model_guidance.losses.energy import energy
from model_guidance.losses.l1 import l1
from model_guidance.losses.ppce import ppce
from model_guidance.losses.rrr import rrr

Loss = Callable[[Tensor, Tensor], Tensor]

LOSSES: dict[str, Loss] = {"energy": energy, "l1": l1, "ppce": ppce, "rrr": rrr}
