"""In which order the gallery shows the images of a split, as a model sees them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from model_guidance.annotate.photos import Photos
from model_guidance.annotate.views import View
from model_guidance.errors import UserError
from model_guidance.finding.criteria import CRITERIA
from model_guidance.finding.observations import Observations
from model_guidance.finding.suggestions import ALL, ordered


@dataclass(frozen=True)
class Order:
    """An order: what it is called, and the images in it; None while a thread of its own is at it."""

    title: str
    of: Callable[[View, Observations, Photos], Sequence[int] | None]


def order(name: str, view: View, photos: Photos) -> Sequence[int] | None:
    """Return the images of a split in an order of `ORDERS`; `UserError` for an unknown one.

    None while the network looks at the images.
    """
    if name not in ORDERS:
        raise UserError(f"the order {name!r} is unknown; there are {', '.join(ORDERS)}")
    if name == DATA:
        return range(len(photos))
    seen = view.observations(photos.name)
    return None if seen is None else ORDERS[name].of(view, seen, photos)


def _by_class(view: View, seen: Observations, photos: Photos) -> Sequence[int]:
    return np.lexsort((np.arange(len(photos)), photos.split.labels.argmax(axis=1))).tolist()


def _by_error(view: View, seen: Observations, photos: Photos) -> Sequence[int]:
    margin = np.take_along_axis(seen.logits, seen.classes[:, None], axis=1)[:, 0]
    return seen.index[np.argsort(margin, kind="stable")].tolist()


def _by_reliance(view: View, seen: Observations, photos: Photos) -> Sequence[int] | None:
    """Return first what loses most without its outside; images without a region come last."""
    lost = view.reliance(photos.name)
    return None if lost is None else seen.index[np.argsort(-lost, kind="stable")].tolist()


def _by_kind(view: View, seen: Observations, photos: Photos) -> Sequence[int] | None:
    """Return kind by kind of evidence, the largest of each class first, in each the most typical first."""
    kinds = view.kinds(photos.name)
    return None if kinds is None else seen.index[np.concatenate([each.members for each in kinds])].tolist()


def _suggested(by: str) -> Callable[[View, Observations, Photos], Sequence[int]]:
    return lambda view, seen, photos: seen.index[ordered(seen, by)].tolist()


DATA = "data"
ORDERS = {
    DATA: Order("as in the data", lambda view, seen, photos: range(len(photos))),
    "class": Order("by class", _by_class),
    "error": Order("most wrong first", _by_error),
    "reliance": Order("needs its background most", _by_reliance),
    "kind": Order("by kind of evidence", _by_kind),
    ALL: Order("suggested", _suggested(ALL)),
    **{name: Order(f"suggested: {name}", _suggested(name)) for name in CRITERIA},
}
