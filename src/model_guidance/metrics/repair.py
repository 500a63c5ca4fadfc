"""Whether guidance repaired a model, judged by what it does: two models compared on the same images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from model_guidance.errors import UserError
from model_guidance.metrics.batch_scores import INTACT
from model_guidance.metrics.bootstrap import Weights, bootstrapped
from model_guidance.metrics.evidence import Evidence
from model_guidance.metrics.intervals import Estimate

ENOUGH = 25  # images that must tell it: resamples of fewer say that all is certain
SAME = 0.05  # a change below this is none
MOVED = 0.10  # from this change of EPG on, maps have moved
SMALL = 0.10  # a gap below this is closed

Statistic = Callable[[Evidence, Weights], Float[np.ndarray, "resamples"]]


@dataclass(frozen=True)
class Repair:
    """The `outcome`, one of `OUTCOMES`, and the figures it rests on: each before, after, and the change."""

    outcome: str
    images: int
    figures: Mapping[str, tuple[float, float, Estimate]]
    gap: Estimate
    area: float

    @property
    def behaviour(self) -> str:
        """The name of the figure that decided."""
        return WORST if WORST in self.figures else OUTSIDE

    @property
    def sentence(self) -> str:
        """The verdict in words, with the figures that decided it."""
        reason = OUTCOMES[self.outcome].format(self.images)
        decided = ("overall",) if self.outcome == "harmed" else ()
        shown = [name for name in (*decided, WORST, OUTSIDE, "EPG") if name in self.figures]
        facts = "; ".join(f"{name} {self._change(name)}" for name in shown)
        even = f" (an even map: {100 * self.area:.1f})" if "EPG" in self.figures else ""
        left = f"gap left {100 * self.gap.value:z.1f} ({_ends(self.gap, '')})"
        told = (f"{self.outcome}: {reason}", f"{facts}{even}; {left}")
        return " ".join(f"{each[0].upper()}{each[1:]}." for each in told)

    def _change(self, name: str) -> str:
        before, after, change = self.figures[name]
        return f"{100 * before:.1f} to {100 * after:.1f} ({100 * change.value:+z.1f}, {_ends(change, '+')})"


@dataclass(frozen=True)
class Beyond:
    """How much higher the `behaviour` is than that of a control with random regions; `images` tell it."""

    behaviour: str
    change: Estimate
    images: int

    @property
    def certain(self) -> bool:
        """Whether the model is better than the control, for certain."""
        return self.images >= ENOUGH and self.change.low > 0

    @property
    def sentence(self) -> str:
        """What guidance did beyond the control, and what that shows if it is not certain."""
        ends = f"{100 * self.change.value:+z.1f} ({_ends(self.change, '+')})"
        return f"Beyond random regions: {self.behaviour} {ends}{'' if self.certain else self._doubt}."

    @property
    def _doubt(self) -> str:
        if self.images < ENOUGH:
            return f"; {self.images} images cannot tell whether random regions gained as much"
        gained = "gained more" if self.change.high < 0 else "may have gained as much"
        return f"; random regions {gained}, so this does not show that the regions said anything"


OUTCOMES = {
    "repaired": "the behaviour is better, and no gap is left that matters",
    "partly repaired": "the behaviour is better, and a gap is left",
    "hidden": "the maps have moved and the behaviour has not: what they show is not what decides",
    "unchanged": "neither behaviour nor maps have changed",
    "harmed": "the behaviour is worse, or many more images are wrong",
    "cannot be told": "no change is certain, nor that there is none; {} images tell it",
}
WORST, OUTSIDE, INSIDE = "worst group", "outside replaced", "inside replaced"


def repair(guided: Sequence[Evidence], baseline: Sequence[Evidence]) -> Repair:
    """Compare guided models with baselines, each the mean over its seeds, on the same images.

    The behaviour is the accuracy of the worst group; without groups it is the main score when everything
    outside of the regions is replaced, the mean over the fillers. It has improved if the 95 % interval of
    its change (paired bootstrap over images) is above 0. The gap that is left is that between the best and
    the worst group, or what replacing the outside costs. Raises `UserError` if the models were not tested
    on the same images, or none of these has a group or a region.
    """
    _check_same_images(guided, baseline)
    every = _common([*guided, *baseline])
    guided, baseline = every[: len(guided)], every[len(guided) :]
    first = guided[0]
    behaviour, images = _behaviour(first)
    gap = _spread if behaviour == WORST else _outside_costs
    figures = {name: _compared(each, guided, baseline) for name, each in _statistics(first).items()}
    left = bootstrapped(lambda weights: _mean(gap, guided, weights), len(first))
    outcome = _outcome(figures, behaviour, left) if images >= ENOUGH else "cannot be told"
    area = float(np.nanmean(first.area)) if "EPG" in figures else float("nan")
    return Repair(outcome, images, figures, left, area)


def beyond(guided: Sequence[Evidence], control: Sequence[Evidence]) -> Beyond:
    """Compare the behaviour of guided models with that of controls, guided by random regions.

    It is the change of the guided models minus that of the controls: the baseline, which both start from,
    cancels. Each is the mean over its seeds; the bootstrap is paired. Raises `UserError` as `repair` does.
    """
    _check_same_images(guided, control)
    every = _common([*guided, *control])
    guided, control = every[: len(guided)], every[len(guided) :]
    behaviour, images = _behaviour(guided[0])
    return Beyond(behaviour, _compared(_statistics(guided[0])[behaviour], guided, control)[2], images)


def _behaviour(evidence: Evidence) -> tuple[str, int]:
    """Return the figure that tells what decides, and how many images tell it."""
    groups = _groups(evidence)
    if len(groups) > 1:
        return WORST, min(groups.values())
    if not _fillers(evidence, "outside"):
        raise UserError(
            "verdict: no test image has a group or a region, so nothing tells what decides; mark about "
            f"{ENOUGH} of them"
        )
    return OUTSIDE, int(_with_replaced(evidence).sum())


def _outcome(figures: Mapping[str, tuple[float, float, Estimate]], behaviour: str, gap: Estimate) -> str:
    change, overall = figures[behaviour][2], figures["overall"][2]
    if change.high < 0 or overall.high < -SAME:
        return "harmed"
    if change.low > 0:
        return "repaired" if gap.high < SMALL else "partly repaired"
    if change.high < SAME and "EPG" in figures and figures["EPG"][2].low > MOVED:
        return "hidden"
    return "unchanged" if change.low > -SAME and change.high < SAME else "cannot be told"


def _statistics(evidence: Evidence) -> dict[str, Statistic]:
    found: dict[str, Statistic] = {"overall": lambda each, weights: _score(each, INTACT, weights)}
    if len(_groups(evidence)) > 1:
        found[WORST] = lambda each, weights: np.min(_by_group(each, weights), axis=0)
    if _fillers(evidence, "outside"):
        found[OUTSIDE] = lambda each, weights: _replaced(each, "outside", weights)
        found[INSIDE] = lambda each, weights: _replaced(each, "inside", weights)
    if not np.isnan(evidence.epg).all():
        found["EPG"] = lambda each, weights: _ratio(each.epg, ~np.isnan(each.epg), weights)
    return found


def _compared(
    statistic: Statistic, guided: Sequence[Evidence], baseline: Sequence[Evidence]
) -> tuple[float, float, Estimate]:
    def change(weights: Weights) -> Float[np.ndarray, "resamples"]:
        return _mean(statistic, guided, weights) - _mean(statistic, baseline, weights)

    once = np.ones((1, len(guided[0])))
    before, after = (float(_mean(statistic, side, once)[0]) for side in (baseline, guided))
    return before, after, bootstrapped(change, len(guided[0]))


def _mean(
    statistic: Statistic, seeds: Sequence[Evidence], weights: Weights
) -> Float[np.ndarray, "resamples"]:
    return np.mean([statistic(each, weights) for each in seeds], axis=0)


def _score(evidence: Evidence, condition: str, weights: Weights) -> Float[np.ndarray, "resamples"]:
    found, wanted = evidence.right[condition].T
    return _ratio(found, wanted, weights)


def _replaced(evidence: Evidence, side: str, weights: Weights) -> Float[np.ndarray, "resamples"]:
    return np.mean([_score(evidence, each, weights) for each in _fillers(evidence, side)], axis=0)


def _by_group(evidence: Evidence, weights: Weights) -> Float[np.ndarray, "groups resamples"]:
    found, wanted = evidence.right[INTACT].T
    return np.stack(
        [_ratio(found, wanted * (evidence.groups == group), weights) for group in _groups(evidence)]
    )


def _spread(evidence: Evidence, weights: Weights) -> Float[np.ndarray, "resamples"]:
    scores = _by_group(evidence, weights)
    return scores.max(axis=0) - scores.min(axis=0)


def _outside_costs(evidence: Evidence, weights: Weights) -> Float[np.ndarray, "resamples"]:
    found, wanted = evidence.right[INTACT].T
    measured = _with_replaced(evidence)
    intact = _ratio(found * measured, wanted * measured, weights)
    return intact - _replaced(evidence, "outside", weights)


def _ratio(found: np.ndarray, wanted: np.ndarray, weights: Weights) -> Float[np.ndarray, "resamples"]:
    """Return the weighted sum of what was found, where something was wanted, over that of what was wanted."""
    there = np.nan_to_num(wanted.astype(float))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (weights @ np.where(there > 0, np.nan_to_num(found), 0)) / (weights @ there)


def _groups(evidence: Evidence) -> dict[int, int]:
    """Return the number of images of each group that occurs."""
    numbers, counts = np.unique(evidence.groups[evidence.groups >= 0], return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))


def _fillers(evidence: Evidence, side: str) -> list[str]:
    return [name for name in evidence.right if name.startswith(f"{side}: ")]


def _with_replaced(evidence: Evidence) -> Bool[np.ndarray, "images"]:
    """Return the images that were measured with replaced surroundings."""
    return ~np.isnan(evidence.right[_fillers(evidence, "outside")[0]][:, 0])


def _ends(found: Estimate, sign: str) -> str:
    return f"95 % interval {100 * found.low:{sign}z.1f} to {100 * found.high:{sign}z.1f}"


def _check_same_images(guided: Sequence[Evidence], other: Sequence[Evidence]) -> None:
    """Raise `UserError` unless both are of the same images; each seed may have its own, if it has on both."""
    every = [*guided, *other]
    alike = all(each.same_rows(every[0]) for each in every)
    known = all(each.images for each in every)
    if not alike or (known and {each.images for each in guided} != {each.images for each in other}):
        raise UserError("verdict: the runs were not tested on the same images: compare runs on the same data")


def _common(every: Sequence[Evidence]) -> list[Evidence]:
    """Return what was found in the conditions that all have, in each on the images that all have measured."""
    conditions = [name for name in every[0].right if all(name in each.right for each in every)]
    explained = ~np.any([np.isnan(each.epg) for each in every], axis=0)
    found = []
    for each in every:
        right = {name: np.where(_all_have(name, every), each.right[name], np.nan) for name in conditions}
        epg, area = (np.where(explained, values, np.nan) for values in (each.epg, each.area))
        found.append(replace(each, right=right, epg=epg, area=area))
    return found


def _all_have(condition: str, every: Sequence[Evidence]) -> Bool[np.ndarray, "images 1"]:
    return ~np.any([np.isnan(each.right[condition]) for each in every], axis=(0, 2))[:, None]
