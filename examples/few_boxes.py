"""Boxes for a tenth of the images repair a shortcut: `python examples/few_boxes.py`, a minute or two.

The drawn data of `model-guidance demo`: in training, pattern and background always go together.
"""

from pathlib import Path

import model_guidance as mg

COMMON = {"data": "shapes", "size": 64, "backbone": "small", "batch": 32, "lr": 1e-3, "accelerator": "cpu"}


def compare(out: Path, epochs: int = 8, **options: object) -> dict[str, dict[str, float]]:
    """Train a baseline, go on from its weights without and with guidance; return the test scores of both."""
    base = mg.Config(**COMMON, options=options, epochs=3)
    mg.train_run(base, out / "baseline")
    start = str(mg.Run.open(out / "baseline").checkpoint("last"))
    same = {**COMMON, "options": options, "epochs": epochs, "weights": start}
    mg.train_run(mg.Config(**same), out / "continued")
    mg.train_run(mg.Config(**same, lambda_=2.0, annotated=0.1), out / "guided")
    runs = {name: mg.Run.open(out / name) for name in ("continued", "guided")}
    return {name: run.result.last.scores for name, run in runs.items() if run.result}


if __name__ == "__main__":
    for name, scores in compare(Path("runs/few-boxes")).items():
        print(f"{name}: worst group {100 * scores['worst_group']:.0f} %, EPG {100 * scores['epg']:.0f} %")
