"""A forward pass that keeps the features of one layer; the hook is always removed."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from model_guidance.autodiff.batch_statistics import uses_batch_statistics
from model_guidance.autodiff.tape import Tape, UnrecordedError, mark
from model_guidance.errors import UserError
from model_guidance.types import Forward


def tap(
    model: nn.Module,
    images: Float[Tensor, "batch channels height width"],
    module: str,
    *,
    attached: bool,
    constant_factors: bool = False,
) -> Forward:
    """Run the model once and keep what `module` puts out, ready to be differentiated with respect to.

    `module` is a dotted name, or "" for the model's input. With `attached` the features remain a function
    of the weights (training); without, they are cut off from them (evaluation), and where every operation
    has an adjoint of ours nothing is kept for autograd. `constant_factors` is what B-cos explanations need,
    see `dynamic_linear`. `Forward.resume` runs the rest of the network from other features: batch statistics
    that such a run would update are left as they are.
    """
    height, width = images.shape[-2:]

    def run(features: Tensor | None, strict: bool) -> Forward:
        kept: list[Tensor] = []

        def keep(output: Tensor) -> Tensor:
            _check_features(output, module, kept)
            chosen = output if features is None else features
            ready = (attached and chosen.requires_grad) or torch.compiler.is_compiling()
            kept.append(chosen if ready else chosen.detach().requires_grad_())
            return kept[0].clone()  # the next layer may work in place

        tape = Tape(keep, constant_factors=constant_factors, strict=strict)
        with marked(model, module), tape:
            logits = _call(model, images if module else mark(images), keep_buffers=features is not None)
        if not kept:
            raise UserError(f"layer '{module}' is not used in a forward pass: choose another layer")
        if not isinstance(logits, Tensor) or logits.ndim != 2:
            raise UserError(f"the model puts out {_described(logits)}: logits [batch, classes] are needed")
        tape.finish(logits)
        pull = partial(_along, tape if tape.complete else None, logits, kept[0])
        separable = tape.complete and not tape.tied
        return Forward(logits, kept[0], (height, width), resume, pull, tape.complete, separable)

    def resume(features: Tensor | None) -> Forward:
        if not attached and not uses_batch_statistics(model):
            with torch.no_grad(), suppress(UnrecordedError):
                if (forward := run(features, strict=True)).separable:
                    return forward
        with torch.enable_grad():
            return run(features, strict=False)

    return resume(None)


def _call(model: nn.Module, images: Tensor, *, keep_buffers: bool) -> Tensor:
    if not keep_buffers:
        return model(images)
    return functional_call(model, {key: value.clone() for key, value in model.named_buffers()}, (images,))


def _along(
    tape: Tape | None,
    logits: Tensor,
    features: Tensor,
    cotangent: Tensor,
    rows: Tensor | None = None,
    create_graph: bool = False,
) -> Tensor:
    """Return the gradient of `sum(logits * cotangent)` with respect to the features; see `Forward.pull`."""
    if tape is None:
        return torch.autograd.grad(
            logits,
            features,
            cotangent,
            create_graph=create_graph,
            retain_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )[0]
    with torch.set_grad_enabled(create_graph):
        found = tape.gradient(cotangent, rows)
    return found if found is not None else features.new_zeros(len(cotangent), *features.shape[1:])


@contextmanager
def marked(model: nn.Module, name: str) -> Iterator[None]:
    """Have the output of the module `name` marked for a tape; "" stands for the model's input: do nothing.

    Hooks cannot be set inside compiled code, so what is compiled must run inside of this context.
    """
    if not name or torch.compiler.is_compiling():
        yield
        return
    handle = model.get_submodule(name).register_forward_hook(_mark)
    try:
        yield
    finally:
        handle.remove()


def _mark(_: nn.Module, __: Any, output: Any) -> Any:
    return mark(output)


def _check_features(output: object, layer: str, kept: list[Tensor]) -> None:
    if kept:
        raise UserError(f"layer '{layer}' is used more than once in a forward pass: choose another layer")
    if not isinstance(output, Tensor) or output.ndim != 4:
        raise UserError(
            f"layer '{layer}' puts out {_described(output)}: a map needs [batch, channels, rows, columns], "
            "so choose a convolutional layer"
        )


def _described(output: object) -> str:
    return str(list(output.shape)) if isinstance(output, Tensor) else type(output).__name__
