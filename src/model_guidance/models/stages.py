"""The plan that all residual networks share: how many blocks, how wide, where the stride is."""

from collections.abc import Callable

from torch import nn

DEPTHS: dict[int, tuple[tuple[int, ...], bool]] = {  # layers -> (blocks per stage, bottleneck blocks)
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
}


def stage(
    block: Callable[[int, int, int, bool], nn.Module],
    inputs: int,
    width: int,
    count: int,
    stride: int,
    *,
    bottleneck: bool,
) -> tuple[nn.Sequential, int]:
    """Return `count` blocks, the first one with the stride, and the number of channels they put out."""
    outputs = 4 * width if bottleneck else width
    first = block(inputs, width, stride, bottleneck)
    rest = [block(outputs, width, 1, bottleneck) for _ in range(count - 1)]
    return nn.Sequential(first, *rest), outputs
