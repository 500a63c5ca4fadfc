"""Train image classifiers to be right for the right reasons.

`import model_guidance as mg` imports neither torch nor matplotlib; each name is loaded at its first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model_guidance import attribution, data, losses, metrics, models, selection
    from model_guidance.attribution import attribute
    from model_guidance.errors import UserError
    from model_guidance.guidance import Guidance

__version__ = "0.1.0"
__all__ = [
    "Guidance",
    "UserError",
    "attribute",
    "attribution",
    "data",
    "losses",
    "metrics",
    "models",
    "selection",
]

_HOMES = {"Guidance": "guidance", "UserError": "errors", "attribute": "attribution"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'model_guidance' has no attribute '{name}'")
    module = importlib.import_module(f"model_guidance.{_HOMES.get(name, name)}")
    return getattr(module, name) if name in _HOMES else module


def __dir__() -> list[str]:
    return __all__
