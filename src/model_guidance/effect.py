"""Guidance that teaches nothing is said so once: its loss looks like any other."""

import warnings

from torch import Tensor

from model_guidance.checks import present
from model_guidance.losses import energy, l1, ppce
from model_guidance.types import Regions

OF_POSITIVE = (energy, l1, ppce)  # the losses that see only the positive part of a map


class Effect:
    """Looks at the guided steps of one `Guidance`, and warns of each reason the first time that it is seen.

    The values of a device that would have to be waited for are asked for in the first guided step only.
    """

    def __init__(self) -> None:
        self.said: set[str] = set()
        self.steps = 0

    def of_classes(self, labels: Tensor, regions: Regions) -> None:
        """Look whether any class that has a region is present in its image."""
        if len(regions) and self._asks(labels, "classes") and not present(labels, regions.pairs).any():
            self._say(
                "classes",
                "labels: no class that has a region is present in its image in this batch, so nothing is "
                "guided; regions and labels must number the classes alike",
            )

    def of_maps(self, maps: Tensor, loss: object) -> None:
        """Look whether any map has something positive, if the loss asks for it."""
        if loss in OF_POSITIVE and self._asks(maps, "maps") and not (maps > 0).any():
            self._say(
                "maps",
                "maps: none of this batch has a positive value, so the localization loss has no gradient; "
                "another layer or method, a smaller lambda or a lower learning rate may help",
            )
        self.steps += 1

    def of_size(self, layer: str, features: Tensor) -> None:
        """Look whether the features have more than one place."""
        if features.shape[-2:].numel() == 1:
            self._say(
                "size",
                f"layer '{layer}': its maps have one pixel for these images, so nothing can be localized; "
                "choose an earlier layer or larger images",
            )

    def _asks(self, values: Tensor, reason: str) -> bool:
        waits = values.device.type != "cpu" and self.steps > 0
        return reason not in self.said and not waits and not values.is_meta

    def _say(self, reason: str, message: str) -> None:
        if reason not in self.said:
            self.said.add(reason)
            warnings.warn(message, UserWarning, stacklevel=2)
