"""Guidance in other people's loops: `python examples/loops` prints how far each is from one by hand.

Every loop trains the same small network on the same batches; the one by hand has no `Guidance` in it, but
plain double backward, in the same precision. Loops whose package is not installed are left out.
"""

import sys
from collections.abc import Callable
from functools import partial

import frameworks
import own_loops
import processes
import torch
from by_hand import by_hand, network, weights
from torch import Tensor

HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}
LOOPS: dict[str, Callable[[], Tensor]] = {
    "plain": own_loops.plain,
    "accumulation": own_loops.accumulation,
    "clipping": own_loops.clipping,
    "average": own_loops.average,
    **{name: partial(own_loops.autocast, dtype) for name, dtype in HALF.items()},
    **{name: lambda name=name: processes.on_two()[name] for name in processes.WRAPS},
    "lightning": frameworks.lightning,
    "accelerate": frameworks.accelerate,
    "transformers": frameworks.transformers,
    "fastai": frameworks.fastai,
}


def moved() -> float:
    """Return how far training takes a weight at most."""
    return float((by_hand() - weights(network())).abs().max())


def difference(name: str) -> float:
    """Return the largest difference of a weight from the loop by hand; `ImportError` without its package."""
    expected = by_hand(clip=name == "clipping", average=name == "average", half=HALF.get(name))
    return float((LOOPS[name]() - expected).abs().max())


if __name__ == "__main__":
    print(f"training moves a weight by up to {moved():.2g}; from the loop by hand it is then away by")
    for name in sys.argv[1:] or LOOPS:
        try:
            print(f"{name:14}{difference(name):.1e}", flush=True)
        except ImportError as error:
            print(f"{name:14}{error}", flush=True)
