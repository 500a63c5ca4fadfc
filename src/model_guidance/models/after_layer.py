"""A network after one of its layers: what lies before is frozen, and runs once for each image."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.utils._pytree import tree_map_only

from model_guidance.autodiff.evaluation_mode import evaluation_mode
from model_guidance.autodiff.replaced_forward import replaced_forward
from model_guidance.checks import described, logits_of
from model_guidance.errors import UserError

ALIKE = 1e-4  # of the largest logit: the same operations on the same numbers, but for rounding


class AfterLayer(nn.Module):
    """A network that takes the output of its layer `layer`, "features", instead of images.

    Everything up to this layer is frozen: its weights are not trained, and it stays in evaluation mode, so
    that batch normalisation uses, and keeps, its running statistics. `features(images)` are computed once,
    in evaluation mode; `forward(features)` gives the logits. Maps and regions remain those of the images
    that were given as an example, `Float[1 3 H W]` in [0, 1]. `layer` is a module's dotted name in `module`,
    the network, whose weights and names stay as they are.

    Raises `UserError` for a layer that is none, or that part of the evidence passes by.
    """

    def __init__(self, model: nn.Module, layer: str, image: Float[Tensor, "1 3 height width"]):
        super().__init__()
        self.module, self.layer = model, layer
        self.image: Tensor
        self.register_buffer("image", image.detach(), persistent=False)
        self.size_of_images = (image.shape[-2], image.shape[-1])
        self._outputs = _outputs_before(model, layer, self.image)
        self.frozen = [*_outermost(self._outputs), layer]
        self._freeze_weights()
        self._check()

    def features(self, images: Float[Tensor, "batch 3 height width"]) -> Tensor:
        """Return what the layer puts out for each image, in evaluation mode and without a graph."""
        with evaluation_mode(self.module), torch.no_grad():
            return _until(self.module, self.layer, images)

    def forward(self, features: Tensor) -> Float[Tensor, "batch classes"]:
        """Return one logit per class."""
        images = self.image.new_zeros(1, 1, 1, 1).expand(len(features), *self.image.shape[1:])
        instead: dict[str, Callable[[], Any]] = {self.layer: lambda: features}
        for name in self.frozen[:-1]:
            instead[name] = partial(_placeholder, self._outputs[name], self.image, len(features))
        with _replaced(self.module, instead):
            return logits_of(self.module(images))

    def train(self, mode: bool = True) -> "AfterLayer":
        """Set the mode of what is trained."""
        super().train(mode)
        for name in self.frozen:
            self.module.get_submodule(name).eval()
        return self

    def check_runs(self, layer: str, name: str) -> None:
        """Raise `UserError` if `layer`, the module `name` of the network, lies in what is frozen."""
        before = not name or name in self.frozen[:-1] or any(name.startswith(f"{it}.") for it in self.frozen)
        if before:
            raise UserError(
                f"layer '{layer}' comes before the frozen layer '{self.layer}', so its maps cannot be "
                "guided: choose a later one, or freeze less"
            )

    def frozen_state(self) -> dict[str, Tensor]:
        """Return the weights and running statistics on which the features depend, by name."""
        fixed = {name for name, weight in self.module.named_parameters() if not weight.requires_grad}
        return {
            name: value
            for name, value in self.module.state_dict().items()
            if name in fixed or any(name.startswith(f"{each}.") for each in self.frozen)
        }

    def _freeze_weights(self) -> None:
        with evaluation_mode(self.module), torch.enable_grad():
            found = _until(self.module, self.layer, self.image)
        for weight in _leaves(found.grad_fn):
            weight.requires_grad_(False)
        for name in self.frozen:
            self.module.get_submodule(name).requires_grad_(False)

    def _check(self) -> None:
        """Raise `UserError` unless the logits follow from the features alone."""
        with evaluation_mode(self), torch.no_grad():
            pair = torch.cat([self.image, 1 - self.image])
            expected = logits_of(self.module(pair))
            try:
                found = self(self.features(pair))
            except (RuntimeError, ValueError, TypeError, AttributeError) as error:
                raise UserError(self._passed_by(str(error))) from error
        if not (found - expected).abs().max() <= ALIKE * expected.abs().max():
            raise UserError(self._passed_by(f"logits differ by {(found - expected).abs().max():.2g}"))

    def _passed_by(self, found: str) -> str:
        return (
            f"frozen layer '{self.layer}': the network cannot go on from its output alone ({found}), part "
            "of the evidence passes it by: choose one of those that `model-guidance layers` lists"
        )


class _Reached(Exception):  # noqa: N818  (it ends a forward pass, and is no error)
    def __init__(self, output: object):
        self.output = output


def _until(model: nn.Module, layer: str, images: Tensor) -> Tensor:
    """Run the model until the layer has put something out, and return that."""

    def stop(_: nn.Module, __: Any, output: object) -> None:
        raise _Reached(output)

    handle = model.get_submodule(layer).register_forward_hook(stop)
    try:
        model(images)
    except _Reached as reached:
        if not isinstance(reached.output, Tensor) or len(reached.output) != len(images):
            raise UserError(
                f"frozen layer '{layer}' puts out {described(reached.output)}; one tensor with a row for "
                "each image is needed: choose another layer"
            ) from None
        return reached.output
    finally:
        handle.remove()
    raise UserError(f"frozen layer '{layer}' is not used in a forward pass: choose another layer")


def _outputs_before(model: nn.Module, layer: str, image: Tensor) -> dict[str, Any]:
    """Return what each module puts out that has ended when the layer ends, for two images, by its name."""
    found: dict[str, Any] = {}

    def keep(name: str, _: nn.Module, __: Any, output: object) -> None:
        found[name] = tree_map_only(Tensor, lambda each: each.new_empty(1).expand(each.shape), output)

    named = [(name, each) for name, each in model.named_modules() if name]
    hooks = [each.register_forward_hook(partial(keep, name)) for name, each in named if name != layer]
    try:
        with evaluation_mode(model), torch.no_grad():
            _until(model, layer, torch.cat([image, image]))
    finally:
        for hook in hooks:
            hook.remove()
    return {name: output for name, output in found.items() if not name.startswith(f"{layer}.")}


def _outermost(names: Any) -> list[str]:
    return [name for name in names if not any(name.startswith(f"{other}.") for other in names)]


def _placeholder(output: Any, image: Tensor, count: int) -> Any:
    """Return something of the shape of a module's output for so many images; nothing is computed from it."""

    def of(each: Tensor) -> Tensor:
        kind = image.dtype if each.is_floating_point() else each.dtype
        if not each.ndim:
            return image.new_zeros((), dtype=kind)
        rows = len(each) // 2 * count if len(each) % 2 == 0 else len(each)
        return image.new_zeros(1, dtype=kind).expand(rows, *each.shape[1:])

    return tree_map_only(Tensor, of, output)


@contextmanager
def _replaced(model: nn.Module, instead: dict[str, Callable[[], Any]]) -> Iterator[None]:
    """Have some modules put out something else, whatever they are given."""
    with ExitStack() as undo:
        for name, output in instead.items():
            undo.enter_context(replaced_forward(model.get_submodule(name), partial(_ignoring, output)))
        yield


def _ignoring(output: Callable[[], Any], *_: Any, **__: Any) -> Any:
    return output()


def _leaves(node: Node | None) -> Iterator[Tensor]:
    """Yield the weights from which a result was computed."""
    waiting, seen = [node], {node}
    while waiting:
        here = waiting.pop()
        if here is None:
            continue
        if hasattr(here, "variable"):
            yield here.variable
        ahead = [each for each, _ in here.next_functions if each not in seen]
        seen.update(ahead)
        waiting += ahead
