"""A forward pass that keeps the features of one layer; the hook is always removed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.autodiff.batch_statistics import called_aside, several_values, uses_batch_statistics
from model_guidance.autodiff.composites import differentiable_attention
from model_guidance.autodiff.dispatch import nothing_hidden
from model_guidance.autodiff.layout import Layout
from model_guidance.autodiff.second_derivative import check_twice_differentiable
from model_guidance.autodiff.tape import NoAdjointError, Tape, watch
from model_guidance.checks import described, logits_of, size_of
from model_guidance.errors import UserError


@dataclass(frozen=True)
class CapturedFeatures:
    """One forward pass whose features at one layer were kept for attribution; `size` is the images'.

    `features` is the layer's output as a map, the point with respect to which `logits` is differentiated.
    `resume(features)` runs the rest of the network from other features of that shape.
    `vjp(cotangent, rows, create_graph)` returns the gradient of `sum(logits * cotangent)` with respect to
    the features. `rows` is None, unless the pass is `separable`: then row p of cotangent and gradient may be
    about image `rows[p]`, so that several classes of an image cost no pass of their own. `by_adjoints` says
    that `vjp` consists of ordinary operations, and does not ask autograd; where it must, `without_adjoint`
    names the first operation that has no adjoint.
    """

    logits: Float[Tensor, "batch classes"]
    features: Float[Tensor, "batch channels rows columns"]
    size: tuple[int, int]
    resume: Callable[[Tensor], "CapturedFeatures"]
    vjp: Callable[[Tensor, Tensor | None, bool], Tensor]
    separable: bool
    without_adjoint: str | None

    @property
    def by_adjoints(self) -> bool:
        """Whether every operation between features and logits has an adjoint."""
        return self.without_adjoint is None


def capture_features(
    model: nn.Module,
    images: Float[Tensor, "batch channels height width"],
    module: str,
    *,
    attached: bool,
    constant_factors: bool = False,
    layout_of: Callable[[torch.Size], Layout] = lambda shape: Layout("NCHW"),
) -> CapturedFeatures:
    """Run the model once and keep what `module` puts out, ready to be differentiated with respect to.

    `module` is a dotted name, or "" for the model's input. With `attached` the features remain a function
    of the weights (training); without, they are cut off from them (evaluation), and where every operation
    has an adjoint of ours nothing is kept for autograd. `constant_factors` is what B-cos explanations need,
    see `dynamic_linear`; `layout_of` tells by the shape of the layer's output how it becomes features.
    `CapturedFeatures.resume` runs the rest of the network from other features, what the output has besides
    them (class tokens) being as it was: batch statistics that such a run would update are left as they are.
    """
    size = size_of(images, model)

    def run(features: Tensor | None, strict: bool) -> CapturedFeatures:
        kept: list[Tensor] = []
        layout = Layout("NCHW")

        def keep(output: Any) -> Tensor:
            nonlocal layout
            _check_features(output, module, kept)
            layout = layout_of(output.shape)
            point = output if features is None else layout.from_map(features, output)
            ready = (attached and point.requires_grad) or torch.compiler.is_compiling()
            kept.append(point if ready else point.detach().requires_grad_())
            return kept[0].clone()  # the next layer may work in place

        tape = Tape(keep, constant_factors=constant_factors, strict=strict, twice=attached)
        with (
            nothing_hidden(),
            watched(model, module),
            differentiable_attention(attached),
            several_values(),
            tape,
        ):
            call = called_aside if features is not None else nn.Module.__call__
            output = call(model, images if module else watch(images))
        if not kept:
            raise UserError(f"layer '{module}' is not used in a forward pass: choose another layer")
        logits = logits_of(output)
        tape.finish(logits)
        vjp = partial(_gradient, tape if tape.complete else None, logits, kept[0], layout)
        separable = tape.complete and not tape.mixes_images
        found = layout.to_map(kept[0])
        return CapturedFeatures(logits, found, size, resume, vjp, separable, tape.without_adjoint)

    def resume(features: Tensor | None) -> CapturedFeatures:
        if not attached and not uses_batch_statistics(model) and not _changes_gradients(model):
            with torch.no_grad(), suppress(NoAdjointError):
                return run(features, strict=True)
        with torch.enable_grad():
            return run(features, strict=False)

    return resume(None)


def _changes_gradients(model: nn.Module) -> bool:
    """Return whether hooks may change gradients, of which a forward pass without gradients shows nothing."""
    return any(module._backward_hooks or module._backward_pre_hooks for module in model.modules())


def _gradient(
    tape: Tape | None,
    logits: Tensor,
    features: Tensor,
    layout: Layout,
    cotangent: Tensor,
    rows: Tensor | None = None,
    create_graph: bool = False,
) -> Tensor:
    """Return the gradient of `sum(logits * cotangent)` with respect to the features; see `vjp`."""
    if tape is None:
        found = None
        if logits.requires_grad:
            found = _by_autograd(logits, features, cotangent, create_graph)
    else:
        with torch.set_grad_enabled(create_graph):
            found = tape.gradient(cotangent, rows)
    if found is None:
        raise UserError(
            "layer: the logits do not depend on what it puts out, as far as autograd can see (detach, "
            "no_grad, a branch without an end?); choose another layer"
        )
    return layout.to_map(found)


def _by_autograd(logits: Tensor, features: Tensor, cotangent: Tensor, create_graph: bool) -> Tensor | None:
    try:
        found: Tensor | None = torch.autograd.grad(
            logits, features, cotangent, create_graph=create_graph, retain_graph=True, allow_unused=True
        )[0]
    except RuntimeError as error:
        if "use_reentrant" not in str(error):
            raise
        raise UserError(
            "model: it saves memory by torch.utils.checkpoint with use_reentrant=True, through which no map "
            "can be taken; give use_reentrant=False there"
        ) from error
    if found is not None and create_graph:
        check_twice_differentiable(logits, features, found)
    return found


@contextmanager
def watched(model: nn.Module, name: str) -> Iterator[None]:
    """Have a tape watch the output of the module `name`; "" stands for the model's input: do nothing.

    Hooks cannot be set inside compiled code, so what is compiled must run inside of this context.
    """
    if not name or torch.compiler.is_compiling():
        yield
        return
    handle = model.get_submodule(name).register_forward_hook(_watch)
    try:
        yield
    finally:
        handle.remove()


def _watch(_: nn.Module, __: Any, output: Any) -> Any:
    first = watch(first_of(output))
    return first if first_of(output) is output else (first, *output[1:])


def first_of(output: object) -> object:
    """Return what of a module's output can be a map: itself, or the first of a tuple, as of some blocks."""
    return output[0] if type(output) is tuple and output else output


def _check_features(output: object, layer: str, kept: list[Tensor]) -> None:
    if kept:
        raise UserError(f"layer '{layer}' is used more than once in a forward pass: choose another layer")
    if not isinstance(output, Tensor) or output.ndim not in (3, 4):
        raise UserError(
            f"layer '{layer}' puts out {described(output)}: a map needs [batch, channels, rows, columns] or "
            "[batch, tokens, channels], so choose a convolutional layer or a transformer's block"
        )
