"""The record of what was measured: `evaluate` returns it, run folders keep it, tables show it."""

from dataclasses import dataclass, field

Scores = dict[str, float]  # by the names of the catalogue


@dataclass(frozen=True)
class Reliance:
    """The main score on the `images` that have a region, or a sample of these, as they are and altered.

    `outside` and `inside` hold it by what the pixels there were replaced with: mean, blur, swap. `gap` is
    the 95 % interval of what replacing the outside with the mean colour costs, None where it is not known.
    """

    images: int
    intact: float
    outside: Scores
    inside: Scores
    gap: tuple[float, float] | None = None


@dataclass(frozen=True)
class Evaluation:
    """All scores of a model on one split; fractions are in [0, 1].

    `scores` are over all `images`, those of maps over all pairs with a region. `groups` and `classes` hold
    the scores of each group that occurs, with its number of images, and of each class, by their names.
    `confusion` holds how many images of a class are taken for which, where every image has one class.
    """

    images: int
    scores: Scores
    groups: dict[str, Scores] = field(default_factory=dict)
    classes: dict[str, Scores] = field(default_factory=dict)
    reliance: Reliance | None = None
    confusion: dict[str, Scores] = field(default_factory=dict)

    @property
    def flat(self) -> Scores:
        """The scores as one row of a table; a group's accuracy is called `group: NAME`."""
        groups = {f"group: {name}": scores["accuracy"] for name, scores in self.groups.items()}
        return self.scores | groups
