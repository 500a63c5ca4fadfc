"""Every kind of page that a command writes, before axe-core."""

from pathlib import Path

import pytest
from rich.table import Table
from tests.training.helpers import small

from model_guidance import cli
from model_guidance.report.demo_page import write_demo_page
from model_guidance.runs.train import train_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Two runs, of which one is guided, and a page for each command."""
    home = tmp_path_factory.mktemp("pages")
    for name, weight in {"baseline": 0.0, "guided": 1.0}.items():
        settings = {"backbone": "small", "epochs": 1, "annotated": 0.75, "lambda_": weight}
        train_run(small(home / "cache", **settings), home / "runs" / name)
    run = str(home / "runs/guided")
    images = [str(file) for file in sorted(Path("docs").glob("*.jpg"))[:2]]
    cli.main(["suggest", run, "--count=2", f"--out={home / 'suggest'}"])
    cli.main(["inspect", run, f"--out={home / 'inspect'}"])
    cli.main(["report", str(home / "runs"), "--inspect=val", f"--out={home / 'report'}"])
    cli.main(["predict", run, *images, f"--overlays={home / 'predict'}"])
    table = Table("", "baseline")
    table.add_row("accuracy", "50")
    config = small(home / "cache")
    write_demo_page(home / "demo/index.html", table, ["Repaired."], [], ["baseline"], config)
    return home


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["suggest", "inspect", "report", "predict", "demo"])
def test_no_rule_of_accessibility_is_broken(home: Path, browser, violations, name: str, width: int):
    tab = browser.new_page(viewport={"width": width, "height": 844})
    tab.goto((home / name / "index.html").as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert violations(tab) == []
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    tab.close()
