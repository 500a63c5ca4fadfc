"""`model-guidance layers`: which layers of a network can be explained."""

from collections.abc import Sequence
from typing import Any

from model_guidance.commands.parser import Parser
from model_guidance.errors import UserError
from model_guidance.report.escape import terminal

CLASSES = 1000  # as many as the libraries' weights are for


def parser(_: Sequence[str]) -> Parser:
    """Return the options of `layers`."""
    parser = Parser(description="List the layers of a network that can be explained, from the input on.")
    parser.add_argument("name", type=str, help="small, resnet50, ..., torchvision/NAME or timm/NAME")
    parser.add_argument("--size", type=str, default="224", help="side of the images, or WIDTHxHEIGHT")
    return parser


def run(given: dict[str, Any]) -> None:
    """Print the table."""
    print(layer_table(given["name"], given["size"]))


def layer_table(name: str, size: str) -> str:
    """Return a row for each layer of a network with random weights: name, map, layout, and which depth it is.

    Raises `UserError` for a network that does not exist, or that does not take images of this size.
    """
    import torch

    from model_guidance.data.resizing import Resizing
    from model_guidance.models import build
    from model_guidance.models.layers import layers
    from model_guidance.report.tables.text import rendered, text_table

    height, width = Resizing.of(size).size
    model, table = build(name, CLASSES), text_table(("map", "layout", "depth"))
    try:
        found = layers(model, torch.zeros(1, 3, height, width))
    except UserError as error:
        raise UserError(f"{name} --size {size}: {error}") from error
    for layer in found:
        table.add_row(terminal(layer.name), f"{layer.rows} x {layer.columns}", layer.layout, layer.depth)
    return rendered(table)
