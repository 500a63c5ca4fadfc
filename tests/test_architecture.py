"""The way the data goes, read from the imports; and what importing the package costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import model_guidance

PACKAGE = Path(model_guidance.__file__).parent
FLOORS = [  # from the bottom up; a floor imports what stands before it, and its own members
    {
        "lazy",
        "errors",
        "types",
        "evaluation",
        "progress",
        "versions",
        "files",
        "lookup",
        "allocation",
        "checks",
        "guided",
        "__version__",
    },
    {"data"},
    {"autodiff"},
    {"models"},
    {"attribution"},
    {"losses"},
    {"effect"},
    {"guidance"},
    {"selection"},
    {"metrics"},
    {"training"},
    {"runs"},
    {"finding"},
    {"report"},
    {"export"},
    {"studies"},
    {"annotate"},
    {"commands"},
    {"cli", "run"},
]
TOP = {"__init__.py", "__main__.py"}  # they name everything
FILES = sorted(file for file in PACKAGE.rglob("*.py") if file.parent != PACKAGE or file.name not in TOP)


def imported(file: Path) -> set[str]:
    """Return the members of the package that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports are not read here"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in found if name.startswith(f"{PACKAGE.name}.")}


def floor(member: str) -> int:
    return next(number for number, members in enumerate(FLOORS) if member in members)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_each_floor_imports_only_floors_before_it(file: Path):
    own = floor(file.relative_to(PACKAGE).parts[0].removesuffix(".py"))
    assert {name for name in imported(file) if floor(name) > own} == set()


@pytest.mark.parametrize("module", ["model_guidance", "model_guidance.cli"])
def test_importing_is_light(module: str):
    code = f"import sys, {module}; print(*(n for n in ('torch', 'matplotlib') if n in sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.split() == []
