"""What can be explained and guided in the networks that people have: `python benchmarks/models.py`.

Each network of `networks.NETWORKS` gets random weights, three classes and a process of its own, in which
`network_row.py` measures it. Finished rows are kept in `--out`/models.json, so that the same command goes on
where it was stopped (other settings begin anew); the table is written to `--table`. NAME ... measures these
only.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from networks import NETWORKS
from rich.progress import track

from model_guidance.files import write

Row = dict[str, Any]
HERE = Path(__file__).parent
INTRODUCTION = """---
hide: [toc]
---

# Networks of torchvision and timm

Written by `python benchmarks/models.py` with torch {torch} on a CPU, {threads} threads, batch {batch},
random weights.

- **by**: how maps at the input are made: `tape`, or the first operation for which autograd must do it.
- **at input**, **at final**: a guided step in units of F, one forward pass of the same network in evaluation
  mode; in brackets how many times longer plain double backward takes, in turns with it. Medians of at least
  three rounds.
- **MB**: peak memory of the guided step at the input over the network and its batch; in brackets plain
  double backward.
- **final**: the module that `final` means, the size of its map for images of so many pixels, and its layout;
  **layers**: how many `mg.layers` lists.
- **map**: the largest difference of the IxG map at `final` from one computed by plain autograd with a hook,
  in float64, relative to the map's largest value.
- **fd**: relative error of the localization loss's directional derivative in float64 against central
  differences, at the input; the best of three step sizes, since ReLU networks have kinks.

| network | pixels | by | at input | at final | MB | final | layers | map | fd |
|---|---|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Measure what is not measured yet, and write the table."""
    given = options()
    settings = {"torch": torch.__version__, "threads": torch.get_num_threads(), "batch": given.batch}
    rows = kept(given.out / "models.json", settings)
    missing = [name for name in NETWORKS if name not in rows]
    for name in track(given.names or missing, "networks"):
        rows[name] = row_of(name, given)
        write(given.out / "models.json", json.dumps({"settings": settings, "rows": rows}, indent=1).encode())
        print(cells(name, rows[name]), flush=True)
    if not given.names:
        write(given.table, table(rows, settings).encode())
        print(f"written: {given.table}")


def kept(path: Path, settings: dict[str, Any]) -> dict[str, Row]:
    """Return the rows that were measured under the same settings; what failed is tried again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(path.read_text()) if path.exists() else {}
    if before.get("settings") != settings:
        return {}
    return {name: row for name, row in before["rows"].items() if "error" not in row}


def options() -> argparse.Namespace:
    """Return the settings of this run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NETWORKS, []], metavar="NAME")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3, help="the least of each median")
    parser.add_argument(
        "--least", type=float, default=6.0, help="seconds of all rounds: three of a small network are noise"
    )
    parser.add_argument("--seconds", type=int, default=300, help="the most that one network may take")
    parser.add_argument("--out", type=Path, default=Path("models"))
    parser.add_argument("--table", type=Path, default=HERE.parent / "docs" / "models.md")
    return parser.parse_args()


def row_of(name: str, given: argparse.Namespace) -> Row:
    """Return the row of one network, from a process whose memory nothing else has raised."""
    settings = [str(each) for each in (given.batch, given.rounds, given.least)]
    command = [sys.executable, str(HERE / "network_row.py"), name, *settings]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=given.seconds, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"took longer than {given.seconds} s"}
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def table(rows: dict[str, Row], settings: dict[str, Any]) -> str:
    """Return the page of the networks; one that was not measured says so."""
    lines = [cells(name, rows.get(name, {"error": "not measured"})) for name in NETWORKS]
    return INTRODUCTION.format(**settings) + "\n".join(lines) + "\n"


def cells(name: str, row: Row) -> str:
    """Return a row of the table; what could not be measured says why."""
    pixels = NETWORKS[name].size
    if "error" in row:
        return f"| {name} | {pixels} | {row['error'].replace('|', '/')} |" + " |" * 7
    steps = [f"{row[f'step {layer}']} ({row[f'ratio {layer}']})" for layer in ("input", "final")]
    found = [row["input"], *steps, *(row[key] for key in ("MB", "final", "layers", "map", "fd"))]
    return f"| {name} | {pixels} | {' | '.join(map(str, found))} |"


if __name__ == "__main__":
    main()
