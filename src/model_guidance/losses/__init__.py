"""Localization losses: `(raw signed maps, masks, valid=None) -> one value per pair`."""

from collections.abc import Callable

from torch import Tensor

from model_guidance.losses.energy import energy
from model_guidance.losses.l1 import l1
from model_guidance.losses.ppce import ppce
from model_guidance.losses.rrr import rrr

Loss = Callable[..., Tensor]
"""`loss(maps, masks)` returns one value for each pair; `maps` are raw and signed, both [pairs height width].
Where only some pixels count, it is called as `loss(maps, masks, valid)`: see `types.Regions`."""

LOSSES: dict[str, Loss] = {"energy": energy, "l1": l1, "ppce": ppce, "rrr": rrr}

__all__ = [
    "LOSSES",
    "Loss",
    "energy",
    "l1",
    "ppce",
    "rrr",
]


def __dir__() -> list[str]:
    return __all__
