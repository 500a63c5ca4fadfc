"""What each way of training needed: counted along the chain of runs, said in the terminal and on the page."""

from pathlib import Path

import pytest
from tests.report.folders import scores, write_run

from model_guidance.cli import main
from model_guidance.report.comparison import compared
from model_guidance.runs.history import Cost, write_cost

SHAPES = {"data": "shapes", "size": 32}


def grouped(accuracy: float, worst: float) -> dict[str, object]:
    row = {name: value for name, value in scores(0.0, 0.4).items() if name not in ("f1", "map")}
    return row | {"accuracy": accuracy, "worst_group": worst}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    base = write_run(tmp_path / "base", [grouped(0.6, 0.1)] * 3, **SHAPES)
    weights = str(base / "best.safetensors")
    for seed in (0, 1):
        at = write_run(
            tmp_path / f"dro-{seed}",
            [grouped(0.7, 0.4 + 0.1 * seed)] * 2,
            seed=seed,
            **SHAPES,
            weighting="group_dro",
            weights=weights,
        )
        write_cost(at, Cost(0.1, 20.0 + 10 * seed, 100, 0, 100, 600))
        at = write_run(
            tmp_path / f"guided-{seed}",
            [grouped(0.8, 0.5)] * 2,
            seed=seed,
            **SHAPES,
            lambda_=1.0,
            annotated=0.1,
            weights=weights,
        )
        write_cost(at, Cost(0.2, 40.0, 100, 10 + seed, 0, 620 + 20 * seed))
    held = {"options": {"background": "independent"}, "weighting": "groups"}
    write_run(tmp_path / "dfr", [grouped(0.8, 0.6)] * 2, **SHAPES, **held, weights=weights)
    return tmp_path


def row(text: str, name: str) -> list[str]:
    found = next(line for line in text.splitlines() if line.strip().startswith(name + "  "))
    return [cell for cell in found.strip().split("  ") if cell]


def test_each_configuration_beside_what_it_needed(runs: Path):
    text = "\n".join(compared([runs]))
    cells = [each.strip() for each in row(text, "GroupDRO")]
    assert cells == [
        "GroupDRO",
        "2",
        "100",
        "0",
        "100",
        "5",
        "25",
        "0.6",
        "70.0 ± 0.0",
        "45.0 ± 7.1",
        "40.0 ± 0.0",
    ]
    cells = [each.strip() for each in row(text, "Energy")]
    assert cells[1:8] == ["2", "100", "10 to 11", "0", "5", "40", "0.6"]
    cells = [each.strip() for each in row(text, "balanced groups on data without the shortcut")]
    assert cells[1:7] == ["1", "100", "10", "0", "5", "10"]


def test_what_an_earlier_version_did_not_record_is_no_number(runs: Path):
    (runs / "dro-0" / "timing.json").unlink()
    (runs / "dro-1" / "timing.json").write_text('{"seconds_per_step": 0.5}')
    cells = [each.strip() for each in row("\n".join(compared([runs])), "GroupDRO")]
    assert cells[1:8] == ["2", "–", "–", "–", "5", "–", "–"]


def test_a_run_that_names_itself_as_its_start_is_counted_once(tmp_path: Path):
    own = str(tmp_path / "own" / "best.safetensors")
    write_run(tmp_path / "own", [grouped(0.6, 0.1)] * 3, **SHAPES, weights=own)
    assert row("\n".join(compared([tmp_path])), "baseline, continued")[5].strip() == "3"


def test_in_the_terminal(runs: Path, capsys):
    main(["compare", str(runs)])
    printed = capsys.readouterr().out
    assert "What each way of training needed" in printed
    with pytest.raises(SystemExit):
        main(["compare", str(runs / "nothing")])
    assert "there is no run in this folder" in capsys.readouterr().err


def test_composites_without_maps_are_called_so(tmp_path: Path):
    write_run(tmp_path / "base", [grouped(0.6, 0.1)], **SHAPES)
    write_run(tmp_path / "composites", [grouped(0.7, 0.4)], **SHAPES, composites=0.5)
    assert row("\n".join(compared([tmp_path])), "composites")[0] == "composites"
