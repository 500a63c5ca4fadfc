"""What `mid1` to `final` mean in a network that does not say so, seen in one forward pass."""

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from torch import Size, Tensor, nn
from torch.autograd.graph import Node

from model_guidance.autodiff.layout import Layout
from model_guidance.errors import UserError
from model_guidance.models.layout import layout_of, proportional
from model_guidance.models.trunk import Output, Trunk, trunk

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

    The depths are the last outputs before the resolution changes for the last times. In a network with fewer
    than four resolutions the longest stretches of its trunk are halved. Of tokens, `final` is what the last
    block takes: behind it patches speak neither to each other nor to a class token. There are no depths
    where the trunk goes on with tokens that cannot become a map.
    """
    found = trunk(model, images[:1])
    size = (images.shape[-2], images.shape[-1])
    places = [each for each in (_place(model, output, size, found.logits) for output in found.cuts) if each]
    listed = _outermost(places)
    if not places or _goes_on(places, found.cuts):
        return listed, {}
    return listed, _depths(_outermost(_up_to_final(model, places, found)), places)


def _outermost(places: Sequence[Place]) -> list[Place]:
    """Return one of the places with the same output: what made it, or the whole of which that was the end."""
    found: dict[Node, Place] = {}
    for place in places:
        if place.node not in found or place.name.count(".") < found[place.node].name.count("."):
            found[place.node] = place
    return [*found.values()]


def _place(model: nn.Module, output: Output, size: tuple[int, int], logits: Size) -> Place | None:
    module = model.get_submodule(output.name)
    if len(output.shape) not in (3, 4) or output.shape[0] != 1 or isinstance(module, POOLED):
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


def _goes_on(places: Sequence[Place], outputs: Sequence[Output]) -> bool:
    """Return whether tokens that cannot become a map, no further channels of the last, come behind them."""
    last = places[-1]
    known = (last.layout.prefix + math.prod(last.sides), 1)
    return any(
        len(each.shape) == 3 and each.shape[1] not in known and each.shape[2] > 1 and each.end > last.end
        for each in outputs
    )


def _up_to_final(model: nn.Module, places: Sequence[Place], found: Trunk) -> Sequence[Place]:
    """Return the places without those behind the final one."""
    if places[-1].layout.axes != "tokens":
        return places
    blocks = [each for each in found.every if _is_block(model, each)]
    if not blocks:
        return places
    last = blocks[-1]
    while inner := [each for each in blocks if each in found.cuts and each.name.startswith(f"{last.name}.")]:
        last = inner[-1]
    return [place for place in places if place.end <= last.start]


def _is_block(model: nn.Module, output: Output) -> bool:
    """Return whether this is of one of several like it, by its number, and about tokens."""
    numbered = re.search(r"\d$", output.name) and any(model.get_submodule(output.name).children())
    return bool(numbered) and len(output.shape) == 3


def _depths(places: Sequence[Place], every: Sequence[Place]) -> dict[str, str]:
    if not places:
        return {}
    changes = [here for here, after in pairwise(places) if here.sides != after.sides]
    last = [*(_before_the_change(here, places, every) for here in changes), places[-1]]
    ends = _divided([places.index(each) for each in last], len(DEPTHS))[-len(DEPTHS) :]
    return {depth: places[i].name for depth, i in zip(DEPTHS[-len(ends) :], ends, strict=True)}


def _divided(ends: list[int], count: int) -> list[int]:
    """Return so many ends of stretches, if there are places enough, by halving the longest."""
    while len(ends) < count:
        starts = [-1, *ends[:-1]]
        length, start = max((end - start, -start) for start, end in zip(starts, ends, strict=True))
        if length < 2:
            break
        ends = sorted([*ends, -start + length // 2])
    return ends


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
