"""A study of eight small runs: a baseline and seven guided ones. Called with the folder to work in."""

import sys
from pathlib import Path

from model_guidance.studies.planning.planned_run import PlannedRun
from model_guidance.studies.scheduling.executors import executor
from model_guidance.studies.scheduling.schedule import run_tasks
from model_guidance.studies.scheduling.task import tasks_of

GUIDED = 7


def grid(cache: Path) -> list[PlannedRun]:
    settings = {
        "data": "shapes",
        "options": {"labels": "multi", "count": 24},
        "size": 32,
        "backbone": "small",
        "epochs": 1,
        "batch": 16,
        "workers": 0,
        "accelerator": "cpu",
        "cache": str(cache),
    }
    start = PlannedRun(settings)
    return [start, *(PlannedRun({**settings, "lambda_": (place + 1) / 10}, start) for place in range(GUIDED))]


def main(folder: Path) -> int:
    runs = folder / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    with executor("here", 2, folder / "submitit", {}) as submit:
        failed = run_tasks(tasks_of(grid(folder / "cache"), runs), submit, 2)
    print(failed)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
