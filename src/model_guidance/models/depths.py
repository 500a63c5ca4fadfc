"""What `mid1` to `final` mean in a network that does not say so, seen in one forward pass."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from torch import Size, Tensor, nn
from torch.autograd.graph import Node

from model_guidance.autodiff.layout import Layout
from model_guidance.errors import UserError
from model_guidance.models.layout import layout_of, proportional
from model_guidance.models.trunk import Output, trunk

DEPTHS = ("mid1", "mid2", "mid3", "final")
POOLED = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)  # what is behind the last features


class Place(NamedTuple):
    """A module on the trunk whose output can become a map."""

    name: str
    node: Node
    start: int
    end: int
    sides: tuple[int, int]
    layout: Layout


def places_of(model: nn.Module, images: Tensor) -> tuple[list[Place], dict[str, str]]:
    """Return the trunk's outputs that can become maps, in order, and which of them `mid1` to `final` are.

    The depths are the last outputs before the resolution changes for the last times. A network with fewer
    than four resolutions is divided at a quarter, a half and three quarters of its trunk. Of tokens, `final`
    is what the last block takes: behind it patches speak neither to each other nor to a class token. There
    are no depths where the trunk goes on with tokens that cannot become a map.
    """
    outputs, logits = trunk(model, images[:1])
    size = (images.shape[-2], images.shape[-1])
    places = [each for each in (_place(model, output, size, logits) for output in outputs) if each]
    names = {place.name for place in places}
    rest = [output for output in outputs if output.name not in names]
    if not places or _goes_on(places, rest):
        return _outermost(places), {}
    return _outermost(places), _depths(_outermost(_up_to_final(model, places, outputs)), places)


def _outermost(places: Sequence[Place]) -> list[Place]:
    """Return one of the places with the same output: what made it, or the whole of which that was the end."""
    found: dict[Node, Place] = {}
    for place in places:
        if place.node not in found or place.name.count(".") < found[place.node].name.count("."):
            found[place.node] = place
    return [*found.values()]


def _place(model: nn.Module, output: Output, size: tuple[int, int], logits: Size) -> Place | None:
    module = model.get_submodule(output.name)
    if len(output.shape) not in (3, 4) or isinstance(module, POOLED):
        return None
    try:
        layout = layout_of(model, size, output.shape)
    except UserError:
        return None
    sides = layout.sides(output.shape)
    if layout.axes != "tokens" and not proportional(sides, size):
        return None
    classifies = layout.axes == "NCHW" and output.shape[1] == logits[1]
    return (
        None
        if min(sides) < 2 or classifies
        else Place(output.name, output.node, output.start, output.end, sides, layout)
    )


def _goes_on(places: Sequence[Place], rest: Sequence[Output]) -> bool:
    """Return whether tokens that cannot become a map come after all that can."""
    return any(
        len(each.shape) == 3 and min(each.shape[1:]) > 1 and each.end > places[-1].end for each in rest
    )


def _up_to_final(model: nn.Module, places: Sequence[Place], outputs: Sequence[Output]) -> Sequence[Place]:
    """Return the places without those behind the final one."""
    if places[-1].layout.axes != "tokens":
        return places
    blocks = [
        each
        for each in outputs
        if len(each.shape) == 3
        and re.search(r"\d$", each.name)
        and any(model.get_submodule(each.name).children())
    ]
    same = [each for each in blocks if each.node is blocks[-1].node]
    last = max(same, key=lambda each: each.name.count("."), default=None)
    before = [place for place in places if last is None or place.end <= last.start]
    return before or places


def _depths(places: Sequence[Place], every: Sequence[Place]) -> dict[str, str]:
    count = len(DEPTHS)
    changes = [here for here, after in pairwise(places) if here.sides != after.sides]
    ends = [*(_before_the_change(here, places, every) for here in changes), places[-1]]
    if len(ends) < count <= len(places):
        ends = [places[len(places) * quarter // count - 1] for quarter in range(1, count + 1)]
    names = [each.name for each in ends[-count:]]
    return dict(zip(DEPTHS[-len(names) :], names, strict=True))


def _before_the_change(place: Place, places: Sequence[Place], every: Sequence[Place]) -> Place:
    """Return what the module takes that changes the resolution, where `place` is one of its first steps."""
    around = [
        each for each in every if place.name.startswith(f"{each.name}.") and _changes(each, places) == 1
    ]
    start = max((each.start for each in around), default=place.end)
    before = [each for each in places if each.sides == place.sides and each.end <= start]
    return before[-1] if before else place


def _changes(whole: Place, places: Sequence[Place]) -> int:
    """Return how often the resolution changes inside of a module."""
    inner = [each for each in places if whole.start < each.end <= whole.end]
    return sum(here.sides != after.sides for here, after in pairwise(inner))
