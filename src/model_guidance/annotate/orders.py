"""In which order the gallery shows the images of a split, as a model sees them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from model_guidance.annotate.photos import Photos
from model_guidance.annotate.views import View
from model_guidance.errors import UserError
from model_guidance.finding.criteria import CRITERIA
from model_guidance.finding.observations import Observations
from model_guidance.finding.suggestions import ALL, ordered

Ranking = Callable[[View, Photos], Sequence[int] | None]
"""Gives the images of a split in an order; None while a thread of its own is at it."""


@dataclass(frozen=True)
class Order:
    """An order: what it is called, and the images in it."""

    title: str
    of: Ranking


def order(name: str, view: View, photos: Photos) -> Sequence[int] | None:
    """Return the images of a split in an order of `ORDERS`; `UserError` for an unknown one.

    None while the network looks at the images.
    """
    if name not in ORDERS:
        raise UserError(f"the order {name!r} is unknown; there are {', '.join(ORDERS)}")
    return ORDERS[name].of(view, photos)


def _as_in_the_data(view: View, photos: Photos) -> Sequence[int]:
    return range(len(photos))


def _by_class(view: View, photos: Photos) -> Sequence[int]:
    return np.argsort(photos.split.labels.argmax(axis=1), kind="stable").tolist()


def _of_seen(rank: Callable[[Observations, View, str], Int[np.ndarray, "images"] | None]) -> Ranking:
    """Return an order that needs the network: `rank` puts the positions among its observations in order."""

    def of(view: View, photos: Photos) -> Sequence[int] | None:
        seen = view.observations(photos.name)
        ranked = None if seen is None else rank(seen, view, photos.name)
        return None if seen is None or ranked is None else seen.index[ranked].tolist()

    return of


def _by_error(seen: Observations, view: View, split: str) -> Int[np.ndarray, "images"]:
    margin = np.take_along_axis(seen.logits, seen.classes[:, None], axis=1)[:, 0]
    return np.argsort(margin, kind="stable")


def _by_reliance(seen: Observations, view: View, split: str) -> Int[np.ndarray, "images"] | None:
    """Return first what loses most without its outside; images without a region come last."""
    lost = view.reliance(split)
    return None if lost is None else np.argsort(-lost, kind="stable")


def _by_kind(seen: Observations, view: View, split: str) -> Int[np.ndarray, "images"] | None:
    """Return kind by kind of evidence, the largest of each class first, in each the most typical first."""
    kinds = view.kinds(split)
    return None if kinds is None else np.concatenate([each.members for each in kinds])


def _suggested(by: str) -> Ranking:
    return _of_seen(lambda seen, view, split: np.asarray(ordered(seen, by)))


DATA = "data"
ORDERS = {
    DATA: Order("as in the data", _as_in_the_data),
    "class": Order("by class", _by_class),
    "error": Order("most wrong first", _of_seen(_by_error)),
    "reliance": Order("needs its background most", _of_seen(_by_reliance)),
    "kind": Order("by kind of evidence", _of_seen(_by_kind)),
    ALL: Order("suggested", _suggested(ALL)),
    **{name: Order(f"suggested: {name}", _suggested(name)) for name in CRITERIA},
}
