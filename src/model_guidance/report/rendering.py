"""What all pages share: templates, embedded images, and the versions that are named on them."""

import base64
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from model_guidance.versions import VERSIONS


def render(template: str, **content: Any) -> str:
    """Return the page that a template makes of `content`; text in it is escaped."""
    environment = Environment(
        loader=PackageLoader("model_guidance.report"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(versions=VERSIONS, **content)


def embedded(png: bytes) -> str:
    """Return a PNG image as an address that needs no file."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
