"""Peak resident memory of training on a COCO data set of many images: `python benchmarks/coco_memory.py`.

Writes a synthetic data set in COCO's layout (each image file serves many entries, since only the number of
entries matters here), then builds the cache and trains one epoch in a process of its own.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

FILES, SIDE = 50, 64


def annotation(number: int, image: int, draw: random.Random) -> dict[str, object]:
    """One box with a polygon of 20 points inside of it."""
    x, y = draw.randint(0, 30), draw.randint(0, 30)
    width, height = draw.randint(4, 30), draw.randint(4, 30)
    points = [round(p, 2) for _ in range(20) for p in (x + draw.random() * width, y + draw.random() * height)]
    return {
        "id": number,
        "image_id": image,
        "category_id": draw.randint(1, 80),
        "bbox": [x, y, width, height],
        "segmentation": [points],
        "area": width * height,
        "iscrowd": 0,
    }


def write_split(root: Path, split: str, images: int, per_image: int) -> None:
    """Write `images` entries with `per_image` annotations each."""
    draw = random.Random(split)
    folder = root / split
    folder.mkdir(parents=True)
    for i in range(FILES):
        Image.effect_noise((SIDE, SIDE), 80).convert("RGB").save(folder / f"{i}.jpg")
    content = {
        "images": [
            {"id": i, "file_name": f"{i % FILES}.jpg", "width": SIDE, "height": SIDE} for i in range(images)
        ],
        "annotations": [annotation(n, n % images, draw) for n in range(images * per_image)],
        "categories": [{"id": c, "name": f"class {c}"} for c in range(1, 81)],
    }
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))


def peak_of(*command: str) -> float:
    """Run a process; return its peak resident memory in GB."""
    process = subprocess.Popen([sys.executable, *command])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit("the training process failed")
    return usage.ru_maxrss / 1e6


def main() -> None:
    """Print the peak."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=120_000)
    parser.add_argument("--per-image", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "coco"
        write_split(root, "train2014", options.images, options.per_image)
        write_split(root, "val2014", 100, options.per_image)
        data = ("--data=coco", f"--root={root}", f"--cache={folder}/cache", "--size=32", "--workers=0")
        model = ("--backbone=small", "--epochs=1", "--layer=mid2", "--lambda=0.1", f"--out={folder}/run")
        peak = peak_of("-m", "model_guidance.cli", "train", *data, *model)
    print(f"{options.images} images: {peak:.2f} GB at the peak of building the cache and training one epoch")


if __name__ == "__main__":
    main()
