"""The five core packages are enough for guidance; every other one is an extra, which its absence names."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

CORE = ("torch", "torchvision", "numpy", "safetensors", "jaxtyping")
ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGES = [ROOT / "docs" / f"{name}.md" for name in ("python", "attributions-as-a-loss")]
REFUSE = """
import re
import sys
from importlib.machinery import PathFinder

def allowed(name):
    return name.partition(".")[0] in ALLOWED or name.startswith("_sysconfigdata")

class Core(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return super().find_spec(name, path, target) if allowed(name) else None

    @classmethod
    def find_distributions(cls, *context, **named):
        return (each for each in super().find_distributions(*context, **named) if known(each.name))

def known(name):
    return re.sub(r"[-_.]+", "-", name).lower() in THERE

sys.meta_path[:] = [Core if each is PathFinder else each for each in sys.meta_path]
"""


PUBLIC = """
import model_guidance as mg
import torch

images, size = torch.rand(2, 3, 16, 16), (16, 16)
regions = mg.from_boxes([[(0, (2, 2, 9, 9))], [(1, (3, 3, 12, 12))]], size=size)
model = mg.models.build("small", 2)
logits, loss = mg.Guidance(model, layer="mid2")(images, torch.tensor([0, 1]), regions)
(logits.sum() + loss).backward()
maps = mg.attribute(model, images, [0, 1])
for score in (*mg.losses.LOSSES.values(), mg.metrics.energy_pointing_game):
    score(maps, regions.masks)
mg.metrics.region_iou(maps, regions.masks, 0.1), mg.from_masks(torch.ones(1, 1, 4, 4).bool())
mg.metrics.on_object_energy(maps, regions.masks, regions.masks), mg.layers(model, images)
mg.from_targets([{"boxes": torch.tensor([[2.0, 2, 9, 9]]), "labels": torch.tensor([0])}], size=size)
mg.selection.pareto_front, mg.UserError, mg.Regions, mg.keep_freed_memory()
print("guided")
"""


def distribution(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\s;<>=!~\[(]", name)[0]).lower()


def closure(names: tuple[str, ...]) -> set[str]:
    """Return the distributions that are installed along with these."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [distribution(each) for each in _requires(name) if "extra ==" not in each]
    return found


def _requires(name: str) -> list[str]:
    try:
        return requires(name) or []
    except ModuleNotFoundError:  # for another system
        return []


def run_with(distributions: tuple[str, ...], code: str) -> "subprocess.CompletedProcess[str]":
    """Run a program that can import these, what is installed along with them, and nothing else."""
    there = closure(distributions)
    modules = {
        module for module, owners in packages_distributions().items() if {*map(distribution, owners)} & there
    }
    allowed = modules | set(sys.stdlib_module_names) | {"model_guidance", "__mp_main__"}
    program = f"ALLOWED, THERE = {allowed!r}, {there!r}\n{REFUSE}\n{code}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_the_core_is_what_the_package_says():
    assert {distribution(each) for each in PROJECT["dependencies"]} == {*CORE, "model-guidance"}
    assert "model-guidance[train,report]" in PROJECT["dependencies"]


@pytest.mark.slow
def test_guidance_needs_the_core_only():
    """What is public, and what the documentation shows of Python, runs where nothing else can be imported."""
    blocks = [re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL) for page in PAGES]
    done = run_with(CORE, "\n".join([*(block for each in blocks for block in each), PUBLIC]))
    assert done.returncode == 0, done.stderr
    assert "guided" in done.stdout


def test_the_command_line_names_what_it_needs():
    done = run_with(CORE, "from model_guidance.__main__ import main\nmain()")
    assert done.returncode == 1
    assert re.fullmatch(
        r"model-guidance: the command line needs \w+, .*'model-guidance\[train,report\]'", done.stderr.strip()
    )


@pytest.mark.slow
def test_a_plain_installation_has_what_the_commands_import():
    """All that `pip install model-guidance` brings; COCO's format and clusters name their extras."""
    extras = PROJECT["optional-dependencies"]
    plain = [distribution(each) for each in (*extras["train"], *extras["report"])]
    code = """
import sys
from model_guidance import cli
from model_guidance.errors import UserError
from model_guidance.studies.scheduling.executors import executor
from pathlib import Path
import model_guidance.commands.demo, model_guidance.report.page, model_guidance.runs.train
try:
    cli.main(["check-data", "--data=coco", "--root=."])
except SystemExit:
    try:
        with executor("local", 1, Path("."), {}): pass
    except UserError as error:
        print(error)
"""
    done = run_with((*CORE, *plain), code)
    assert done.returncode == 0, done.stderr
    assert "model-guidance[coco]" in done.stderr
    assert "model-guidance[cluster]" in done.stdout


@pytest.mark.slow
def test_a_public_name_says_what_brings_the_packages_that_it_needs():
    done = run_with(CORE, "import model_guidance as mg\nmg.train_run")
    assert "pip install 'model-guidance[train,report]'" in done.stderr
