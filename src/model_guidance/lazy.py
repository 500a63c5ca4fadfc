"""Packages whose public names are loaded at their first use, so that importing one costs nothing."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def attach(
    package: str, homes: Mapping[str, str], modules: tuple[str, ...] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` of `package`.

    `homes` says in which module of the package each name lies; `modules` are names of modules themselves. A
    name that needs a package which is not installed raises `ModuleNotFoundError` that says what brings it.
    """

    def getattribute(name: str) -> Any:
        if name in modules:
            return imported(name, name)
        if name not in homes:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(imported(homes[name], name), name)

    def imported(module: str, name: str) -> Any:
        try:
            return importlib.import_module(f"{package}.{module}")
        except ModuleNotFoundError as error:
            if str(error.name).startswith("model_guidance"):
                raise
            need = f"{package}.{name} needs {error.name}: pip install 'model-guidance[train,report]'"
            raise ModuleNotFoundError(need, name=error.name) from error

    return getattribute, lambda: sorted([*homes, *modules])
