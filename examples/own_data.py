"""Photos of your own with a few boxes, from folder to report: `python examples/own_data.py`, a few minutes.

Drawn here, not photographed: a bright square is the object; in class "day" the sky gives the class away.
Replace `draw` by your images in `ROOT/{train,val,test}/CLASS/` and a table `ROOT/regions.csv`.
"""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from model_guidance import cli

COUNT, MARKED = 40, 12  # images of a class in a split, and how many of them have a box


def draw(root: Path) -> None:
    """Write the images and the table of boxes; in the test images the sky is no help."""
    rng = np.random.default_rng(0)
    with (root / "regions.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "xmin", "ymin", "xmax", "ymax"])
        for split in ("train", "val", "test"):
            for label, name in enumerate(("day", "night")):
                for i in range(COUNT):
                    path = root / split / name / f"{i}.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    pixels = rng.integers(60, 100, (64, 64, 3), dtype=np.uint8)
                    pixels[:16] += 120 if (label == 0) == (split != "test" or i % 2 == 0) else 0
                    x, y = rng.integers(0, 44), rng.integers(20, 44)
                    pixels[y : y + 16, x : x + 16, label] = 250
                    Image.fromarray(pixels).save(path)
                    if i < MARKED:
                        table.writerow([path.relative_to(root), x, y, x + 16, y + 16])


def main(folder: Path, epochs: int = 10) -> None:
    """Check the data, train without and with guidance, evaluate, and write a report."""
    root, runs = folder / "data", folder / "runs"
    root.mkdir(parents=True)
    draw(root)
    data = ["--data=folder", f"--root={root}", "--size=64", "--backbone=small", "--lr=1e-3"]
    same = ["--workers=0", f"--cache={folder / 'cache'}", f"--epochs={epochs}"]
    cli.main(["check-data", *data[:2], f"--out={folder / 'check-data'}"])
    cli.main(["train", f"--out={runs / 'baseline'}", *data, *same])
    cli.main(["train", f"--from={runs / 'baseline'}", f"--out={runs / 'guided'}", "--lambda=1", *same])
    cli.main(["evaluate", str(runs / "guided")])
    cli.main(["report", str(runs), f"--out={folder / 'report'}"])


if __name__ == "__main__":
    main(Path("own-data"))
