"""Which epoch of one run is its best."""

from collections.abc import Mapping, Sequence
from math import inf, isnan

from model_guidance.selection.allowed_loss import ROUNDING

Row = Mapping[str, float]


def best_epoch(
    rows: Sequence[Row],
    main: str,
    *,
    target_epg: float | None = None,
    least: float | None = None,
) -> int:
    """Return the number, from 1, of the best of the epochs whose validation scores are `rows`.

    By default it is the one with the highest `main` score (F1 or accuracy). With a `target_epg` it is the
    best among those that reach it, or else the one that comes nearest. With `least`, the lowest `main`
    score that is accepted, it is the one with the highest EPG among those that keep to it. Both together:
    of those that keep to `least`, the best that reaches the target. Of equal epochs the one with the lower
    cross-entropy on validation (`bce`, or `ce`) wins, and of those the later one, trained for longer. An
    epoch is compared with the others one by one, so a new row never makes an earlier one the best.
    """
    ranks = [_rank(row, main, target_epg, least) for row in rows]
    return 1 + max(range(len(rows)), key=lambda i: (ranks[i], -_loss(rows[i]), i))


def epochs_since_gain(
    rows: Sequence[Row], main: str, *, target_epg: float | None = None, least: float | None = None
) -> int:
    """Return how many epochs, of at least one, came after the last that was better than all before it.

    Better is what `best_epoch` says, but a lower cross-entropy alone is no gain.
    """
    ranks = [_rank(row, main, target_epg, least) for row in rows]
    return len(ranks) - 1 - ranks.index(max(ranks))


def _rank(row: Row, main: str, target_epg: float | None, least: float | None) -> tuple[float, ...]:
    score, epg = row.get(main, 0.0), row.get("epg", 0.0)
    kept = least is None or score >= least - ROUNDING
    if not kept:
        return (0, score)
    if target_epg is None:
        return (1, score if least is None else epg)
    return (2, score) if epg >= target_epg else (1, epg)


def _loss(row: Row) -> float:
    loss = row.get("bce", row.get("ce", inf))
    return inf if isnan(loss) else loss
