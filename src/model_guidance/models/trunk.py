"""The trunk of a network: the outputs of modules that everything on the way to the logits passes through."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Size, Tensor, nn
from torch.autograd.graph import Node, get_gradient_edge

from model_guidance.checks import logits_of
from model_guidance.errors import UserError


class Output(NamedTuple):
    """What a module put out in a forward pass; `start` and `end` count the outputs before and up to it."""

    name: str
    shape: Size
    node: Node
    start: int
    end: int


def trunk(model: nn.Module, image: Tensor) -> tuple[list[Output], Size]:
    """Return the outputs, in order, that cut the way from an image to the logits, and the logits' shape.

    A branch of a residual block is none of them: what is explained there is a part of the evidence only.
    One forward pass in evaluation mode shows it. Modules that are used twice are left out. Raises
    `UserError` where no gradient reaches the image, as in quantised networks.
    """
    image = image.detach().clone().requires_grad_()
    outputs, logits = _traced(model, image)
    cuts = set(_cuts(logits, image))
    if not cuts:
        raise UserError(
            "the model: no gradient goes from its logits to the images, so nothing can be explained; a "
            "network that is quantised, or detaches its features, is none that can be guided"
        )
    times = Counter(output.name for output in outputs)
    return [each for each in outputs if each.node in cuts and times[each.name] == 1], logits.shape


def _traced(model: nn.Module, image: Tensor) -> tuple[list[Output], Tensor]:
    found: list[Output] = []
    starts: dict[str, int] = {}

    def begin(name: str, _: nn.Module, __: Any) -> None:
        starts[name] = len(found)

    def keep(name: str, _: nn.Module, __: Any, output: object) -> None:
        if isinstance(output, Tensor) and output.grad_fn is not None:
            found.append(Output(name, output.shape, output.grad_fn, starts[name], len(found) + 1))

    modes = {module: module.training for module in model.modules()}
    named = [(name, module) for name, module in model.named_modules() if name]
    hooks = [module.register_forward_pre_hook(partial(begin, name)) for name, module in named]
    hooks += [module.register_forward_hook(partial(keep, name)) for name, module in named]
    try:
        with torch.enable_grad():
            return found, logits_of(model.eval()(image))
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes.items():
            module.training = training


def _cuts(logits: Tensor, image: Tensor) -> Iterator[Node]:
    """Yield the nodes of autograd's graph that every path from the logits to the image passes.

    In topological order a node is one if all the edges that are open when its turn comes lead to it.
    """
    if logits.grad_fn is None:
        return
    order = _topological(logits.grad_fn, get_gradient_edge(image).node)
    waiting: Counter[Node] = Counter([*order][:1])
    still_open = 1
    for node in order:
        if still_open == waiting[node]:
            yield node
        ahead = [each for each, _ in node.next_functions if each in order]
        waiting.update(ahead)
        still_open += len(ahead) - waiting[node]


def _topological(root: Node, target: Node) -> dict[Node, None]:
    """Return the nodes on the way from `root` to `target`, each before those that it leads to."""
    reaches: dict[Node, bool] = {}
    done: list[Node] = []
    stack = [(root, False)]
    while stack:
        node, seen = stack.pop()
        ahead = [each for each, _ in node.next_functions if each is not None]
        if not seen and node not in reaches:
            reaches[node] = node == target
            stack += [(node, True), *((each, False) for each in ahead)]
        elif seen:
            reaches[node] = reaches[node] or any(reaches[each] for each in ahead)
            done.append(node)
    return dict.fromkeys(node for node in reversed(done) if reaches[node])
