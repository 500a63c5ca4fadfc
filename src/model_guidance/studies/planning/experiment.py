"""One data set at one size: what its runs have in common, and the runs that every study is made of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from model_guidance.studies.planning.planned_run import PlannedRun

KINDS = ("plain", "xdnn", "bcos")


@dataclass(frozen=True)
class Experiment:
    """Settings shared by the runs on one data set; `common`, `baseline` and `guided` are those of `Config`.

    `backbones` maps plain, xdnn and bcos to a backbone, and `weights` to its initial weights. `lambdas` are
    those tried for each loss, `few` those where only a part of the boxes is used. With `from_baseline`,
    guided runs start from the best weights of a baseline; without, from the same weights as it did.
    `trained` is the share of a forward pass that is left where the first layers are frozen.
    """

    name: str
    common: Mapping[str, Any]
    backbones: Mapping[str, str]
    weights: Mapping[str, str | None]
    baseline: Mapping[str, Any]
    guided: Mapping[str, Any]
    lambdas: Mapping[str, Sequence[float]]
    few: Mapping[str, Sequence[float]]
    images: tuple[int, int, int]
    forwards: float
    trained: float = 1.0
    seeds: Sequence[int] = (0,)
    from_baseline: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)

    def base(self, kind: str, seed: int, **changes: Any) -> PlannedRun:
        """Return the baseline of one network and seed; its maps are those of the last layer."""
        return self._planned(kind, seed, {**self.baseline, **changes}, None)

    def controls(self, kind: str, layer: str = "final", annotated: float = 1.0) -> Iterator[PlannedRun]:
        """Yield, of every seed, the baseline, the same for the guided runs' epochs, and random regions.

        The random regions are of the layer and of as many images as the guided runs have.
        """
        for seed in self.seeds:
            start = self.base(kind, seed)
            yield start
            if self.from_baseline:
                yield self._planned(kind, seed, self.guided, start)
        yield from self.grid(kind, layer, "energy", regions="random", annotated=annotated)

    def grid(
        self, kind: str, layer: str, loss: str, lambdas: Sequence[float] = (), **changes: Any
    ) -> Iterator[PlannedRun]:
        """Yield the guided runs of one configuration: each lambda and each seed."""
        few = changes.get("annotated", 1) < 1
        values = lambdas or (self.few if few else self.lambdas)[loss]
        for seed, value in product(self.seeds, values):
            yield self.guide(kind, seed, layer=layer, loss=loss, lambda_=value, **changes)

    def guide(self, kind: str, seed: int, **changes: Any) -> PlannedRun:
        """Return one guided run; a seed draws its own annotated images too."""
        settings = {**self.guided, "annotation_seed": seed, **changes}
        return self._planned(kind, seed, settings, self.base(kind, seed) if self.from_baseline else None)

    def row(self, kind: str, changes: Mapping[str, Any]) -> Iterator[PlannedRun]:
        """Yield a run of each seed with these settings: a baseline if nothing in them uses regions.

        `options` are added to those of the data.
        """
        added = {"options": {**self.options, **changes["options"]}} if "options" in changes else {}
        uses_regions = changes.get("lambda_") or changes.get("composites")
        for seed in self.seeds:
            make = self.guide if uses_regions else self.base
            yield make(kind, seed, **{**changes, **added})

    def _planned(
        self, kind: str, seed: int, changes: Mapping[str, Any], start: PlannedRun | None
    ) -> PlannedRun:
        settings = {**self.common, "options": dict(self.options), "backbone": self.backbones[kind], **changes}
        weights = None if start else self.weights.get(kind)
        settings |= {"weights": weights, "seed": seed}
        return PlannedRun(settings, start, self.images, self.forwards, self.trained)
