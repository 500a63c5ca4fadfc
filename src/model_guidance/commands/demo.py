"""The demonstration: a shortcut, its repair with a few boxes, a control, and what could be reached."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_guidance.commands.parser import Parser
from model_guidance.errors import UserError
from model_guidance.evaluation import Evaluation, Scores
from model_guidance.files import check_output_folder, is_there
from model_guidance.runs.folder import CONFIG, RESULT, Run
from model_guidance.training.config import Config
from model_guidance.training.config_file import load

if TYPE_CHECKING:
    from model_guidance.metrics.repair import Repair

SETTINGS: dict[str, Any] = {
    "data": "shapes",
    "size": 64,
    "backbone": "small",
    "layer": "final",
    "batch": 32,
    "lr": 1e-3,
    "workers": 0,
    "accelerator": "cpu",
}
OPTIONS: dict[str, Any] = {"count": None}
START, REST = 3, 8  # epochs of the common start, and of each model from there
GUIDED: dict[str, Any] = {"lambda_": 2.0, "annotated": 0.1}
MODELS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "guided": GUIDED,
    "random boxes": {**GUIDED, "regions": "random"},
    "ceiling": {"background": "independent"},
}
Results = dict[str, list[Evaluation]]


def parser(_: Sequence[str]) -> Parser:
    """Return the options of `demo`."""
    parser = Parser(description="Train a baseline, two guided models and their ceiling on drawn shapes.")
    parser.add_argument("--out", type=str, default="demo", help="folder for the runs and the page")
    parser.add_argument("--seeds", type=int, default=1, help="how many times to repeat everything")
    return parser


def run(given: dict[str, Any]) -> None:
    """Show a shortcut and its repair."""
    demo(Path(given["out"]), given["seeds"])


def demo(out: Path, seeds: int) -> None:
    """Train the four models for each seed, print them side by side and write `out/index.html`.

    What an earlier call has finished is not trained again.
    """
    from model_guidance.report.demo_page import write_demo_page
    from model_guidance.report.explain import Choice, explained
    from model_guidance.report.tables.console import spread_table
    from model_guidance.report.tables.text import rendered

    check_output_folder(out)
    if seeds < 1:
        raise UserError(f"--seeds {seeds}: at least 1 is needed")
    runs = {name: [_train(name, seed, out / f"seed-{seed}") for seed in range(seeds)] for name in MODELS}
    results: Results = {name: [run.result.last for run in each if run.result] for name, each in runs.items()}
    table = spread_table({name: [_read(scores) for scores in each] for name, each in results.items()})
    verdicts = _verdicts(runs)
    print(rendered(table), *verdicts, sep="\n")
    if seeds > 1:
        print(_seed_by_seed(results))
    rows = explained([each[0] for each in runs.values()], Choice(checkpoint="last", count=6, seed=1))
    settings = runs["guided"][0].config
    page = write_demo_page(out / "index.html", table, verdicts, rows, list(runs), settings)
    print(f"heat maps and numbers: {page}")


def _train(name: str, seed: int, out: Path) -> Run:
    """Return the finished run of one model, of `START + REST` epochs like all others.

    The ceiling starts anew; the others, which have seen the same images, continue from a common start.
    """
    if name == "ceiling":
        return _finished(seed, out / name, epochs=START + REST, **MODELS[name])
    start = _finished(seed, out / "start", epochs=START)
    weights = str(start.checkpoint("last"))
    return _finished(seed, out / name.replace(" ", "-"), epochs=REST, weights=weights, **MODELS[name])


def _finished(seed: int, folder: Path, background: str = "biased", **changes: Any) -> Run:
    """Return the run in `folder`, trained unless it is finished.

    Its weights come from the start beside it: the path to them changes with the folder's name, they do not.
    """
    from model_guidance.runs.claim import differing
    from model_guidance.runs.train import train_run

    config = Config(
        options={**OPTIONS, "seed": seed, "background": background},
        seed=seed,
        annotation_seed=seed,
        cache=str(folder.parent / "cache"),
        **SETTINGS,
        **changes,
    )
    others = differing(config, load(folder / CONFIG), folder) if is_there(folder / CONFIG) else []
    if set(others) - {"weights"}:
        raise UserError(f"{folder}: this run is none of this demonstration, choose another --out")
    if not is_there(folder / RESULT):
        train_run(config, folder, overwrite=bool(others))
    return Run.open(folder)


def _read(found: Evaluation) -> Scores:
    """Return the scores by what a newcomer reads."""
    scores, groups = found.scores, {f"group: {name}": each["accuracy"] for name, each in found.groups.items()}
    outside = found.reliance.outside if found.reliance else {}
    named = {
        "accuracy": scores["accuracy"],
        "accuracy of the worst group": scores["worst_group"],
        "attribution inside the box (EPG)": scores["epg"],
        "of that, on the object itself": scores["on_object_epg"],
        "accuracy, outside of the box made grey": outside["mean"],
        "accuracy, outside blurred": outside["blur"],
    }
    return named | groups


def _verdicts(runs: Mapping[str, Sequence[Run]]) -> list[str]:
    """Return the verdict on the guided models, what is beyond random boxes, and those on the others."""
    from model_guidance.metrics.repair import beyond, repair
    from model_guidance.runs.evidence import evidence_of_run

    seen = {name: [evidence_of_run(run, run) for run in each] for name, each in runs.items()}
    found = {name: repair(each, seen["baseline"]) for name, each in seen.items() if name != "baseline"}
    return [
        f"Guided, beside the baseline. {found['guided'].sentence}",
        beyond(seen["guided"], seen["random boxes"]).sentence,
        *(_beside(name, found[name]) for name in ("random boxes", "ceiling")),
    ]


def _beside(name: str, found: "Repair") -> str:
    before, after, _ = found.figures[found.behaviour]
    change = f"{found.behaviour} {100 * before:.1f} to {100 * after:.1f}"
    return f"{name[0].upper()}{name[1:]}, beside the baseline: {found.outcome}; {change}."


def _seed_by_seed(results: Mapping[str, Sequence[Evaluation]]) -> str:
    """Say in one sentence what the worst group gained with each seed, beside random boxes."""
    worst = {name: [found.scores["worst_group"] for found in each] for name, each in results.items()}
    gains = {
        name: [100 * (after - before) for before, after in zip(worst["baseline"], worst[name], strict=True)]
        for name in ("guided", "random boxes")
    }
    shown = {name: ", ".join(f"{gain:+.0f}" for gain in each) for name, each in gains.items()}
    return (
        f"Worst group, points gained over the baseline, seed by seed: guided {shown['guided']}; "
        f"random boxes {shown['random boxes']}."
    )
