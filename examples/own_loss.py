"""A loss of your own, by its dotted name: `python examples/own_loss.py`, a minute on two cores.

From a shell, beside this file: `PYTHONPATH=. model-guidance train --loss own_loss.outside_share ...`.
"""

import sys

from torch import Tensor

from model_guidance import cli

DATA = ["--data=shapes", "--options.count=200", "--size=40", "--backbone=small", "--lr=1e-3", "--workers=0"]


def outside_share(maps: Tensor, masks: Tensor) -> Tensor:
    """Return, for each pair, the share of all attribution, of either sign, that lies outside of its mask."""
    size = maps.abs()
    inside = (size * masks).sum(dim=(1, 2))
    return 1 - inside / size.sum(dim=(1, 2)).clamp(min=1e-12)


def main(out: str, *options: str) -> None:
    """Train a guided model with the loss, and print what it scores."""
    cli.main(["train", f"--out={out}", "--loss=own_loss.outside_share", "--lambda=1", *DATA, *options])


if __name__ == "__main__":
    main("runs/own-loss", "--epochs=8", *sys.argv[1:])
