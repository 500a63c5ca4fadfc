"""The gallery: which images of a split are shown, in which order, and what is said of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from model_guidance.annotate.marks_file import MarksFile
from model_guidance.annotate.orders import DATA, order
from model_guidance.annotate.photos import Photos
from model_guidance.annotate.rounds import Rounds
from model_guidance.annotate.views import OWN, View, Views, right
from model_guidance.finding.observations import Observations

NOT_YET = {"prediction": None, "score": None, "right": None}


@dataclass(frozen=True)
class _Answers:
    """What a model says of each image of a split, and whether it decides rightly."""

    seen: Observations
    right: Bool[np.ndarray, "images"]


def _answers(view: View, photos: Photos) -> _Answers | None:
    seen = view.observations(photos.name)
    return None if seen is None else _Answers(seen, right(seen, photos))


@dataclass(frozen=True, eq=False)
class Gallery:
    """Answers the page's questions about many images at once."""

    classes: Sequence[str]
    marks: MarksFile
    rounds: Rounds
    views: Views

    def part(self, photos: Photos, asked: Mapping[str, str], first: int, count: int) -> dict[str, Any]:
        """Return `count` images of a split from the `first` on, in the order, and of the kind, asked for."""
        view = self.views[asked.get("model", OWN)]
        ordered = order(asked.get("order", DATA), view, photos)
        answers, beside = _answers(view, photos), self._beside(asked.get("beside"), photos)
        known = range(len(photos)) if ordered is None else ordered
        found = [index for index in known if self._wanted(photos, index, asked, answers)]
        shown = found[first : first + count]
        problem, waiting = view.problem(photos.name), answers is None or ordered is None
        return {
            "total": len(found),
            "ready": bool(problem) or not (waiting or (asked.get("beside") and beside is None)),
            "message": problem or ("the images are being looked at" if waiting else ""),
            "images": [
                self._entry(photos, index) | (own or NOT_YET) | {"beside": other}
                for index, own, other in zip(
                    shown, self._said(answers, shown), self._said(beside, shown), strict=True
                )
            ],
        }

    def _beside(self, model: str | None, photos: Photos) -> _Answers | None:
        """Return what a second model says; None for a round that is trained: looking would slow it down."""
        if not model or (model != OWN and self.rounds[model].state == "running"):
            return None
        return _answers(self.views[model], photos)

    def _wanted(self, photos: Photos, index: int, asked: Mapping[str, str], answers: _Answers | None) -> bool:
        only, label = asked.get("only", "all"), asked.get("class", "")
        if label and label not in photos.labels(index):
            return False
        if only == "all":
            return True
        if only == "wrong":
            return answers is not None and not answers.right[index]
        marked = self.marks.of(photos.names[index])
        if only == "skipped":
            return marked is not None and marked.status == "skip"
        return bool(marked and (marked.shapes or marked.status)) == (only == "marked")

    def _entry(self, photos: Photos, index: int) -> dict[str, Any]:
        marked = self.marks.of(photos.names[index])
        return {
            "index": index,
            "name": photos.names[index],
            "labels": photos.labels(index),
            "group": photos.group(index),
            "marks": len(marked.shapes) if marked else 0,
            "status": marked.status if marked else None,
        }

    def _said(self, answers: _Answers | None, shown: Sequence[int]) -> list[dict[str, Any] | None]:
        """Return the most probable class of each image that is shown; None until all have been looked at."""
        if answers is None:
            return [None] * len(shown)
        places = np.array(shown, int)
        return [
            {
                "prediction": self.classes[int(scores.argmax())],
                "score": round(float(scores.max()), 4),
                "right": bool(decided),
            }
            for scores, decided in zip(answers.seen[places].probabilities, answers.right[places], strict=True)
        ]
