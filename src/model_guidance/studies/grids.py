"""The grid that several figures share."""

from collections.abc import Iterator

from model_guidance.studies.job import Job
from model_guidance.studies.setting import KINDS, LOSSES
from model_guidance.studies.sizes import Place, Size, multilabel


def every_loss(size: Size, place: Place) -> Iterator[Job]:
    """Yield all networks x {input, final} x all losses x lambdas, and the controls."""
    for setting in multilabel(size, place):
        for kind in KINDS:
            yield from setting.controls(kind)
            for layer in ("input", "final"):
                for loss in LOSSES:
                    yield from setting.grid(kind, layer, loss)
