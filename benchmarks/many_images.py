"""How long many images take until the first training step: `python benchmarks/many_images.py`.

Writes small JPEGs in ten class folders without splits, and boxes for 500 of them. Each row is a process of
its own, which ends with its first step: with an empty cache, with a full one, with boxes laid over that, and
with a full one of both.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from torch.optim.optimizer import register_optimizer_step_post_hook

from model_guidance.runs.train import train_run
from model_guidance.training.config import Config

CLASSES, KINDS, BOXES = 10, 400, 500


def written(root: Path, count: int) -> None:
    """Write so many images of 32 to 64 pixels; there are `KINDS` different ones."""
    rng, contents = np.random.default_rng(0), []
    for side in rng.integers(32, 65, KINDS).tolist():
        content = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8)).resize((side, side)).save(content, "JPEG")
        contents.append(content.getvalue())
    for number in range(CLASSES):
        (root / f"photos/class{number}").mkdir(parents=True)
    for number in range(count):
        place = root / f"photos/class{number % CLASSES}/{number:06}.jpg"
        place.write_bytes(contents[number % KINDS])
    rows = [f"{number:06}.jpg,2,2,20,20" for number in range(0, count, max(1, count // BOXES))]
    (root / "boxes.csv").write_text("\n".join(("file,xmin,ymin,xmax,ymax", *rows)))


def first_step(root: Path, boxes: bool) -> None:
    """Train until the first step is done; print the seconds and end the process."""
    begin = time.perf_counter()

    def stop(*_: object) -> None:
        print(json.dumps(time.perf_counter() - begin), flush=True)
        os._exit(0)

    register_optimizer_step_post_hook(stop)
    settings = {"backbone": "small", "layer": "mid2", "size": 32, "workers": 0, "accelerator": "cpu"}
    marks = str(root / "boxes.csv") if boxes else None
    config = Config(
        data="folder", root=str(root / "photos"), annotations=marks, cache=str(root / "cache"), **settings
    )
    train_run(config, root / f"run-{os.getpid()}")


def measured(root: Path, boxes: bool) -> tuple[float, float]:
    """Return the seconds until the first step, and the peak of resident memory in GB, of a new process."""
    command = [sys.executable, __file__, "--until-first-step", str(root), *["--boxes"] * boxes]
    with (root / "said.txt").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
    assert process.stdout
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit((root / "said.txt").read_text())
    return json.loads(said), usage.ru_maxrss / 1e6


def main() -> None:
    """Print a row for each number of images and state of the cache."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[25_000, 100_000])
    parser.add_argument("--until-first-step", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--boxes", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.until_first_step:
        first_step(options.until_first_step, options.boxes)
    print("| images | cache | seconds until the first step | images/s | peak memory |\n|---|---|---|---|---|")
    for count in options.images:
        with tempfile.TemporaryDirectory() as folder:
            written(Path(folder), count)
            for state in ("empty", "full", "full, boxes new", "full, boxes too"):
                seconds, memory = measured(Path(folder), "boxes" in state)
                speed = f"{count / seconds:.0f}"
                print(f"| {count} | {state} | {seconds:.1f} | {speed} | {memory:.2f} GB |", flush=True)


if __name__ == "__main__":
    main()
