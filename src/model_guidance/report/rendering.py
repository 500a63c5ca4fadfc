"""What all pages share: templates, embedded images, and the versions that are named on them."""

import base64
import re
from typing import Any

import numpy as np
from jaxtyping import UInt8
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from PIL import Image

from model_guidance.data.photos import encoded
from model_guidance.report.escape import printable
from model_guidance.report.figures.heatmaps import legend_text
from model_guidance.report.figures.overlay import colour_bar
from model_guidance.versions import VERSIONS

QUALITY = 82
INTERVAL = re.compile(r"[-+]?[0-9.]+ to [-+]?[0-9.]+\)")


def render(template: str, **content: Any) -> str:
    """Return the page that a template makes of `content`; text in it is escaped.

    Bytes of a file's name that are no character are shown by their code.
    """
    environment = Environment(
        loader=PackageLoader("model_guidance.report"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "jpeg": jpeg,
        "breakable": breakable,
        "colour_bar": colour_bar,
        "legend_text": legend_text,
    }
    page = environment.get_template(template).render(versions=VERSIONS, **content)
    return re.sub("[\ud800-\udfff]", lambda found: printable(found.group()), page)


def breakable(cell: str) -> Markup:
    """Return a cell's text as HTML: its interval apart, and long names with places where a line may end."""
    value, opening, interval = cell.partition(" (")
    if opening and INTERVAL.fullmatch(interval):
        return Markup('{} <span class="interval">({}</span>').format(value, interval)
    parts = (escape(part) for part in re.split(r"(?<=[@/_])", cell))
    return Markup("<wbr>").join(parts)


def jpeg(pixels: UInt8[np.ndarray, "height width 3"]) -> str:
    """Return a picture as an address that needs no file."""
    content = encoded(Image.fromarray(pixels), "JPEG", QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
