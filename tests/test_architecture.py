"""The way the data goes, read from the imports; and what importing the package costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import model_guidance

PACKAGE = Path(model_guidance.__file__).parent
FOLDERS = ["data", "models", "attribution", "losses", "training", "metrics", "selection", "report"]
CONDUCTORS = {"studies"}  # like the modules at the top, they know all stages
EVERYWHERE = {"types", "errors", "progress", "versions", "__version__"}
FILES = sorted(file for folder in FOLDERS for file in (PACKAGE / folder).rglob("*.py"))


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


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_each_folder_imports_only_folders_to_its_left(file: Path):
    folder = file.relative_to(PACKAGE).parts[0]
    allowed = EVERYWHERE | set(FOLDERS[: FOLDERS.index(folder) + 1])
    assert imported(file) <= allowed


def test_every_folder_has_its_place():
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders == set(FOLDERS) | CONDUCTORS


@pytest.mark.parametrize("module", ["model_guidance", "model_guidance.cli"])
def test_importing_is_light(module: str):
    code = f"import sys, {module}; print(*(n for n in ('torch', 'matplotlib') if n in sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.split() == []
