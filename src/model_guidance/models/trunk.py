"""The trunk of a network: the outputs of modules that everything on the way to the logits passes through."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Size, Tensor, nn
from torch.autograd.graph import Node, get_gradient_edge

from model_guidance.autodiff.capture import first_of
from model_guidance.autodiff.dispatch import nothing_hidden
from model_guidance.autodiff.evaluation_mode import evaluation_mode
from model_guidance.checks import described, logits_of
from model_guidance.errors import UserError


class Output(NamedTuple):
    """What a module put out in a forward pass; `start` and `end` count the outputs before and up to it.

    Of a tuple it is the first, as blocks have it that put out more than their tokens.
    """

    name: str
    shape: Size
    node: Node
    start: int
    end: int


class Trunk(NamedTuple):
    """The outputs that cut the way from an image to the logits, those of every module, the logits' shape."""

    cuts: list[Output]
    every: list[Output]
    logits: Size


def trunk(model: nn.Module, image: Tensor) -> Trunk:
    """Return the outputs of modules, in order, and which of them all evidence passes through.

    A branch of a residual block is none of them: what is explained there is a part of the evidence only.
    One forward pass in evaluation mode shows it. Modules that are used twice are left out. Raises
    `UserError` where the network cannot take the image, or no gradient reaches it.
    """
    image = image.detach().clone().requires_grad_()
    every, logits = _traced(model, image)
    cuts = set(_cuts(logits, image))
    if not cuts:
        raise UserError(
            "the model: no gradient goes from its logits to the images, so nothing can be explained; a "
            "network that detaches its features is none that can be guided"
        )
    times = Counter(output.name for output in every)
    single = [each for each in every if each.node in cuts and times[each.name] == 1]
    return Trunk(single, every, logits.shape)


def check_accepted(model: nn.Module, images: Tensor) -> None:
    """Raise `UserError`, with the network's own words, where it does not take images of this shape."""
    _traced(model, images)


@contextmanager
def _accepted(images: Tensor) -> Iterator[None]:
    try:
        yield
    except (AssertionError, RuntimeError, ValueError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise UserError(f"images: this network cannot take {described(images)}: {error}") from error


def _traced(model: nn.Module, image: Tensor) -> tuple[list[Output], Tensor]:
    found: list[Output] = []
    starts: dict[str, int] = {}

    def begin(name: str, _: nn.Module, __: Any) -> None:
        starts[name] = len(found)

    def keep(name: str, _: nn.Module, __: Any, output: object) -> None:
        first = first_of(output)
        if isinstance(first, Tensor) and first.grad_fn is not None:
            found.append(Output(name, first.shape, first.grad_fn, starts[name], len(found) + 1))

    named = [(name, module) for name, module in model.named_modules() if name]
    hooks = [module.register_forward_pre_hook(partial(begin, name)) for name, module in named]
    hooks += [module.register_forward_hook(partial(keep, name)) for name, module in named]
    try:
        with nothing_hidden(), evaluation_mode(model), torch.enable_grad(), _accepted(image):
            return found, logits_of(model(image))
    finally:
        for hook in hooks:
            hook.remove()


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
