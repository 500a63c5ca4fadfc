"""Guidance that teaches nothing is said so once: its loss looks like any other."""

import warnings
from collections import Counter

from torch import Tensor

from model_guidance.checks import present
from model_guidance.losses import energy, l1, ppce
from model_guidance.types import Regions

OF_POSITIVE = (energy, l1, ppce)  # the losses that see only the positive part of a map
PATIENCE = 10  # steps in a row without effect before it is said: one batch may well have none


class Effect:
    """Looks at the steps of one `Guidance` and warns of each reason once.

    Devices that would have to be waited for are asked for values in the first `PATIENCE` steps only.
    """

    def __init__(self) -> None:
        self.said: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.in_a_row: Counter[str] = Counter()

    def of_classes(self, labels: Tensor, regions: Regions) -> None:
        """Look whether any class that has a region is present in its image."""
        if len(regions) and self._asks("classes", labels):
            self._count(
                "classes",
                not bool(present(labels, regions.pairs).any()),
                "labels: no class that has a region is present in its image, so nothing is guided; regions "
                "and labels must number the classes alike",
            )

    def of_maps(self, maps: Tensor, loss: object) -> None:
        """Look whether any map has something positive, if the loss asks for it."""
        if loss in OF_POSITIVE and self._asks("maps", maps):
            self._count(
                "maps",
                not bool((maps > 0).any()),
                "maps: none has a positive value, so the localization loss has no gradient; another layer or "
                "method, a smaller lambda or a lower learning rate may help",
            )

    def of_size(self, layer: str, features: Tensor) -> None:
        """Look whether the features have more than one place."""
        if features.shape[-2:].numel() == 1:
            self._say(
                "size",
                f"layer '{layer}': its maps have one pixel for these images, so nothing can be localized; "
                "choose an earlier layer or larger images",
            )

    def _asks(self, reason: str, values: Tensor) -> bool:
        self.asked[reason] += 1
        waits = values.device.type != "cpu" and self.asked[reason] > PATIENCE
        return reason not in self.said and not waits and not values.is_meta

    def _count(self, reason: str, without: bool, message: str) -> None:
        self.in_a_row[reason] = self.in_a_row[reason] + 1 if without else 0
        if self.in_a_row[reason] == PATIENCE:
            self._say(reason, f"{message} ({PATIENCE} steps in a row)")

    def _say(self, reason: str, message: str) -> None:
        if reason not in self.said:
            self.said.add(reason)
            warnings.warn(message, UserWarning, stacklevel=2)
