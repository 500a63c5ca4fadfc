"""The grid that the figures about several classes per image have in common."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from model_guidance.studies.planning.planned_run import Job
from model_guidance.studies.planning.setting import KINDS, LOSSES
from model_guidance.studies.planning.sizes import Place, Size, multilabel


def grid(
    size: Size,
    place: Place,
    *,
    layers: Sequence[str],
    losses: Sequence[str],
    kinds: Sequence[str] = KINDS,
    variants: Sequence[Mapping[str, Any]] = ({},),
    control: str = "final",
) -> Iterator[Job]:
    """Yield networks x layers x losses x variants x lambdas, and the controls, those guided at `control`.

    A variant is some settings of `Config`, such as `{"dilate": 0.5}`.
    """
    for setting in multilabel(size, place):
        for kind in kinds:
            yield from setting.controls(kind, control)
            for layer, loss, variant in product(layers, losses, variants):
                yield from setting.grid(kind, layer, loss, **variant)


def every_loss(size: Size, place: Place) -> Iterator[Job]:
    """Yield all networks x {input, final} x all losses x lambdas, and the controls."""
    return grid(size, place, layers=("input", "final"), losses=LOSSES)
