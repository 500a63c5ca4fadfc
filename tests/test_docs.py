"""The Python examples in the documentation run as written; links in README and docs lead somewhere."""

import re
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_CODE = [page for page in PAGES[2:] if "```python" in page.read_text()]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.name)
def test_the_examples_run(page):
    torch.manual_seed(0)  # of some random networks no unit is alive
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        exec(block, names)
    assert names["model"].training, page
    assert any(weight.grad is not None and weight.grad.any() for weight in names["model"].parameters())


def test_the_loops_are_those_that_are_tested():
    shown = re.findall(r"```py\n(.*?)```", (ROOT / "docs" / "loops.md").read_text(), re.DOTALL)
    files = [path.read_text() for path in (ROOT / "examples" / "loops").glob("*.py")]
    assert len(shown) == 10
    assert [block for block in shown if not any(block in file for file in files)] == []


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2]
    assert sorted(re.findall(r"[\w-]+\.md", navigation)) == [
        page.name for page in sorted((ROOT / "docs").glob("*.md"))
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_every_option_in_the_docs_exists():
    from model_guidance import cli

    parser = cli._parser([])
    subcommands = next(action for action in parser._actions if hasattr(action, "_name_parser_map"))
    parsers = [parser, *subcommands._name_parser_map.values()]
    known = {option for parser in parsers for action in parser._actions for option in action.option_strings}
    for script in (ROOT / "benchmarks").glob("*.py"):
        known |= set(re.findall(r'add_argument\("(--[\w-]+)"', script.read_text()))
    used = {option for page in PAGES for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", page.read_text())}
    of_others = {"--nproc-per-node", "--logdir", "--hypothesis-profile"}  # torchrun, tensorboard, pytest
    assert used - known == of_others
