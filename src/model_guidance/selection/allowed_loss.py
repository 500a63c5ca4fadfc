"""How much worse than its baseline a guided classifier may be: the one rule of all comparisons."""

ALLOWED_LOSS = 0.05  # of F1 or accuracy, as a fraction: the paper's five percentage points
ROUNDING = 1e-9  # 0.40 - 0.05 is a little more than 0.35


def least_score(reference: float, allowed: float = ALLOWED_LOSS) -> float:
    """Return the lowest F1 or accuracy that is accepted where the baseline has `reference`, all fractions."""
    return reference - allowed - ROUNDING
