"""Everything that is measured about a model on one split, in one pass over it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model_guidance.attribution import explain
from model_guidance.metrics.classification import main_score, score
from model_guidance.metrics.maps import MapScores
from model_guidance.metrics.reliance import FILLERS, replaced
from model_guidance.models.tap import tap
from model_guidance.types import Batch


@dataclass(frozen=True)
class Measurement:
    """What to measure: the maps' method and layer, and whether to measure reliance as well.

    `groups` names the groups of the data; `exclusive` says that every image has exactly one class.
    `threshold` is the one for IoU, found on validation data; None searches it, which only validation may.
    """

    method: str
    layer: str
    groups: Sequence[str]
    exclusive: bool
    threshold: float | None = None
    reliance: bool = False


def evaluate(
    model: nn.Module,
    batches: Iterable[Batch],
    what: Measurement,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """Return the scores of `model` by name; fractions are in [0, 1].

    Classification scores are over all images; `epg`, `iou` and `on_object_epg` are means over the (image,
    positive class) pairs that have a region, whose number is `pairs`. `outside: mean` is the accuracy (F1)
    on images whose pixels outside the regions are replaced by their mean colour, and so on; `intact` is
    that of the same images unaltered. The model is used in evaluation mode; afterwards each of its modules
    is in the mode it had. `advance` is called after each batch.
    """
    modes = {module: module.training for module in model.modules()}
    model.eval()
    maps, table = MapScores(), _Predictions(what)
    try:
        for batch in batches:
            images = batch.images / 255
            forward = tap(model, images, what.layer, attached=False)
            pairs = batch.regions.pairs
            maps.add(explain(model, forward, pairs, what.method, create_graph=False), batch)
            table.add("", forward.logits, batch)
            if what.reliance:
                _replacements(model, images, batch, forward.logits, table)
            advance()
    finally:
        for module, training in modes.items():
            module.training = training
    return table.result() | maps.result(what.threshold)


@torch.no_grad()
def _replacements(
    model: nn.Module, images: Tensor, batch: Batch, logits: Tensor, table: "_Predictions"
) -> None:
    for side in ("outside", "inside"):
        for filler in FILLERS:
            altered, kept = replaced(images, batch.regions, filler, side)
            if len(altered) and not (filler == "swap" and len(images) == 1):
                table.add(f"{side}: {filler}", model(altered), batch, kept)
    table.add("intact", logits[kept], batch, kept)


class _Predictions:
    """Logits and targets under each condition; "" is the unaltered split."""

    def __init__(self, what: Measurement):
        self.what = what
        self.rows: dict[str, list[tuple[Tensor, Tensor, Tensor]]] = {}

    def add(self, condition: str, logits: Tensor, batch: Batch, kept: Tensor | slice = slice(None)) -> None:
        row = (logits.detach().float().cpu(), batch.labels[kept].cpu(), batch.groups[kept].cpu())
        self.rows.setdefault(condition, []).append(row)

    def result(self) -> dict[str, float]:
        tables = {
            name: self._score(*(torch.cat(column) for column in zip(*rows, strict=True)))
            for name, rows in self.rows.items()
        }
        main = main_score(self.what.exclusive)
        return tables.pop("", {}) | {name: scores[main] for name, scores in tables.items() if scores}

    def _score(self, logits: Tensor, labels: Tensor, groups: Tensor) -> dict[str, float]:
        return score(logits, labels, groups, self.what.groups, self.what.exclusive)
