"""Everything that is measured about a model on one split, in one pass over it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from model_guidance.attribution import capture
from model_guidance.autodiff.evaluation_mode import evaluation_mode
from model_guidance.autodiff.inference_mode import ordinary, ordinary_mode
from model_guidance.evaluation import Evaluation, Reliance
from model_guidance.metrics.batch_scores import INTACT, BatchScores, Condition, Predictions, joined
from model_guidance.metrics.evidence import Evidence, evidence_of
from model_guidance.metrics.maps import mean_scores, score_maps
from model_guidance.metrics.predictions import (
    class_scores,
    confusions,
    group_averages,
    group_scores,
    main_value,
    overall_scores,
    reliance_gap,
)
from model_guidance.metrics.reliance import FILLERS, replaced, with_region
from model_guidance.models.layers import find_layer, needs_images
from model_guidance.types import Batch, unit_range

SIDES = ("outside", "inside")
Altered = Callable[[Batch, Tensor, str, str], Tensor]
"""`altered(batch, chosen, side, filler)` returns the chosen images of the batch, each with a region, with the
pixels of this side of it replaced, as the model takes them. `chosen` is Bool[batch]."""
UNALTERED: Condition = (INTACT, "")


@dataclass(frozen=True)
class Measurement:
    """What to measure: the maps' method and layer, and whether to measure reliance as well.

    `groups` names the groups of the data, `shares` are theirs in training; `exclusive` says that every image
    has exactly one class. `threshold` is the one for IoU, found on validation data; None searches it, which
    only validation may. `classes` names those that are to be scored one by one; `layout` is the layer's, see
    `capture`; `classification` is the loss that the network was trained by. `sample` says of each image of
    the split whether it takes part in reliance; None: each does.
    """

    method: str
    layer: str
    groups: Sequence[str]
    exclusive: bool
    threshold: float | None = None
    reliance: bool = False
    classes: Sequence[str] = ()
    layout: str | None = None
    shares: Sequence[float] = ()
    sample: Bool[Tensor, "split"] | None = None
    classification: str = "bce"


def altered_pixels(batch: Batch, chosen: Bool[Tensor, "batch"], side: str, filler: str) -> Tensor:
    """Return the chosen images, each with a region, their pixels on this side of it replaced."""
    return replaced(unit_range(batch.images), batch.regions, filler, side, chosen)[0]


def chosen_of(batch: Batch, sample: Bool[Tensor, "split"] | None) -> Bool[Tensor, "batch"]:
    """Return which images of a batch take part in reliance: those with a region that are in the sample."""
    marked = with_region(batch.regions, len(batch.labels))
    return marked if sample is None else marked & sample.to(marked.device)[batch.index]


@dataclass(frozen=True)
class Scored:
    """The scores of a split, and what they rest on image by image."""

    evaluation: Evaluation
    evidence: Evidence | None


def _alone(batches: list[BatchScores]) -> list[BatchScores]:
    return batches


def evaluate(
    model: nn.Module,
    batches: Iterable[Batch],
    what: Measurement,
    advance: Callable[[], None] = lambda: None,
    gather: Callable[[list[BatchScores]], list[BatchScores]] = _alone,
    altered: Altered = altered_pixels,
) -> Scored:
    """Return the scores of `model`, fractions in [0, 1], and what they are of each image.

    Classification scores are over all images; those of maps are means over the (image, positive class)
    pairs that have a region, whose number is `pairs`. Reliance is the accuracy (F1) on images whose pixels
    outside, or inside, of the regions are replaced, those of the sample; None where none has a region. The
    model is used in evaluation mode; afterwards each of its modules is in the mode it had. `advance` is
    called after each batch. Where several processes score a part of the batches each, `gather` returns
    everyone's, in the order of the batches. `altered` gives the images with replaced pixels,
    or their features to a model that takes those.
    """
    scored = []
    with evaluation_mode(model):
        for batch in batches:
            what = _with_named_layer(model, batch, what)
            scored.append(_score(model, batch, what, altered))
            advance()
    everyone = gather(scored)
    return Scored(_summary(everyone, what), evidence_of(everyone, what.exclusive) if everyone else None)


def _with_named_layer(model: nn.Module, batch: Batch, what: Measurement) -> Measurement:
    """Find the layer once, where only a forward pass shows it: not again for every batch."""
    if not needs_images(model, what.layer):
        return what
    with ordinary_mode():
        images = ordinary(batch.inputs[:1])
        return replace(what, layer=find_layer(model, what.layer, images))


def _score(model: nn.Module, batch: Batch, what: Measurement, altered: Altered) -> BatchScores:
    explanation = capture(model, batch.inputs, what.method, what.layer, layout=what.layout)
    maps = explanation.maps(batch.regions.pairs)
    predictions = Predictions(explanation.logits.detach().float(), batch.labels, batch.groups)
    chosen = chosen_of(batch, what.sample)
    conditions = _replacements(model, batch, predictions, chosen, altered) if what.reliance else {}
    regions = batch.regions
    area = regions.masks.double().mean(dim=(1, 2))
    scores = score_maps(maps, batch, what.threshold)
    return BatchScores(scores, predictions, conditions, chosen, batch.index, regions.pairs.image_index, area)


@torch.no_grad()
def _replacements(
    model: nn.Module, batch: Batch, predictions: Predictions, chosen: Tensor, altered: Altered
) -> dict[Condition, Predictions]:
    """Return the predictions for the chosen images, intact and in each other condition."""
    intact = predictions[chosen]
    found: dict[Condition, Predictions] = {UNALTERED: intact}
    for side, filler in product(SIDES, FILLERS):
        if len(intact) and not (filler == "swap" and len(predictions) == 1):
            logits = model(altered(batch, chosen, side, filler)).float()
            found[side, filler] = replace(intact, logits=logits)
    return found


def _summary(scored: Sequence[BatchScores], what: Measurement) -> Evaluation:
    if not scored:
        return Evaluation(0, {"pairs": 0.0, "pairs_without_region": 0.0})
    predictions = joined([batch.predictions for batch in scored])
    groups = group_scores(predictions, what.groups) if what.exclusive else {}
    averages = group_averages(groups, dict(zip(what.groups, what.shares, strict=False)))
    classes = class_scores(predictions, what.classes, what.exclusive, what.classification)
    of_maps, classes_of_maps = mean_scores(joined([b.maps for b in scored]), what.threshold, what.classes)
    return Evaluation(
        len(predictions),
        overall_scores(predictions, what.exclusive, what.classification) | averages | of_maps,
        groups,
        {name: scores | classes_of_maps.get(name, {}) for name, scores in classes.items()},
        _reliance(scored, what) if what.reliance else None,
        confusions(predictions, what.classes) if what.exclusive and what.classes else {},
    )


def _reliance(scored: Sequence[BatchScores], what: Measurement) -> Reliance | None:
    conditions = dict.fromkeys(condition for batch in scored for condition in batch.conditions)
    found = {
        condition: joined([batch.conditions[condition] for batch in scored if condition in batch.conditions])
        for condition in conditions
    }
    intact = found.pop(UNALTERED)
    if not len(intact):
        return None
    scores = {key: main_value(each, what.exclusive) for key, each in found.items()}
    outside, inside = ({f: s for (at, f), s in scores.items() if at == side} for side in SIDES)
    gap = reliance_gap(intact, found["outside", "mean"], what.exclusive)
    score = main_value(intact, what.exclusive)
    return Reliance(len(intact), score, outside, inside, (gap.low, gap.high))
