"""That the twin and the package compute the same, in float64, before anything is timed."""

import torch
import work
from torch import Tensor

TOLERANCE = 1e-9


def check(name: str, layers: tuple[str, ...], device: torch.device) -> float:
    """Return the largest relative difference of losses, weight gradients and EPG; exit if it is too large."""
    worst = 0.0
    for layer in layers:
        for loss in ("energy", "l1"):
            pairs = zip(
                _results(name, layer, loss, device, ours=True),
                _results(name, layer, loss, device, ours=False),
                strict=True,
            )
            worst = max([worst, *(_difference(mine, theirs) for mine, theirs in pairs)])
        it = work.work(name, 3, 64, device, torch.float64)
        mine, theirs = (torch.tensor(f(it, layer)) for f in (work.evaluated, work.evaluated_by_twin))
        worst = max(worst, _difference(mine, theirs))
    if worst > TOLERANCE:
        raise SystemExit(f"{name}: twin and package differ by {worst:.1e}, relative to the largest value")
    return worst


def _results(name: str, layer: str, loss: str, device: torch.device, *, ours: bool) -> list[Tensor]:
    it = work.work(name, 3, 64, device, torch.float64)
    it.model.train()
    value = (work.guided if ours else work.guided_by_twin)(it, layer, loss)()
    value.backward()
    gradients = (torch.zeros_like(p) if p.grad is None else p.grad for p in it.model.parameters())
    return [value.detach(), torch.cat([each.flatten() for each in gradients])]


def _difference(mine: Tensor, theirs: Tensor) -> float:
    return float((mine - theirs).abs().max() / theirs.abs().max())
