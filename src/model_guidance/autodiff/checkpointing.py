"""Activation checkpointing: of each residual block only the input is kept, and the block is run again.

The way back of a map needs the inside of a block as well, so its adjoint is checkpointed likewise.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from model_guidance.autodiff.batch_statistics import uses_batch_statistics
from model_guidance.autodiff.dispatch import one_operation
from model_guidance.autodiff.replaced_forward import replaced_forward
from model_guidance.errors import UserError

Run = Callable[[Tensor], Tensor]


@one_operation
def checkpointed_block(x: Tensor, block: nn.Module, run: Run) -> Tensor:
    """Return `run(x)`, seen as one operation by a tape, keeping nothing for the backward pass but x."""
    return run_again(block, run, x)


def run_again(block: nn.Module, run: Callable[..., Tensor], *inputs: Any) -> Tensor:
    """Return `run(*inputs)`; the backward pass repeats it, and leaves the block's statistics alone."""

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), kept_statistics(block)

    result: Tensor = checkpoint(run, *inputs, use_reentrant=False, context_fn=contexts)
    return result


@contextmanager
def kept_statistics(block: nn.Module) -> Iterator[None]:
    """Undo what happens to running statistics inside."""
    before = [buffer.clone() for buffer in block.buffers()] if uses_batch_statistics(block) else []
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in zip(block.buffers(), before, strict=False):
                buffer.copy_(value)


@contextmanager
def checkpointed(blocks: Mapping[str, nn.Module], layer: str) -> Iterator[None]:
    """Run these blocks, by their dotted names, as one operation each inside.

    Raises `UserError` if the module `layer` lies in one of them.
    """
    for name in blocks:
        if layer.startswith(f"{name}."):
            raise UserError(
                f"checkpoint: layer '{layer}' lies inside of a block that is run again: choose {name}"
            )
    with ExitStack() as undo:
        for block in blocks.values():
            run = partial(checkpointed_block, block=block, run=block.forward)
            undo.enter_context(replaced_forward(block, run))
        yield
