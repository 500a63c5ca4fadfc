"""`model-guidance train`: a baseline, or a guided model that starts from one."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from model_guidance.commands.earlier_run import (
    INHERITED,
    OF_DATA,
    check_unfinished,
    defaults,
    run_of_seed,
    weights_of,
)
from model_guidance.commands.located import located
from model_guidance.commands.parser import Parser, mapping
from model_guidance.errors import UserError
from model_guidance.files import is_there
from model_guidance.runs.folder import RESULT, Run
from model_guidance.training.config import Config
from model_guidance.training.settings import (
    DataSettings,
    GuidanceSettings,
    InterventionSettings,
    MachineSettings,
    ModelSettings,
    OptimisationSettings,
)
from model_guidance.training.unused import unused

GROUPS = {
    "data": DataSettings,
    "model": ModelSettings,
    "guidance": GuidanceSettings,
    "intervention and weighting": InterventionSettings,
    "optimisation": OptimisationSettings,
    "machine and evaluation": MachineSettings,
}
OPTIONS = ("out", "from", *(field.name.strip("_") for field in fields(Config)))  # what --config may say


def parser(arguments: Sequence[str]) -> Parser:
    """Return the options of `train`; of the `arguments`, `--from RUN` and `--resume` decide the defaults."""
    parser = Parser(description="Train a baseline (--lambda 0) or a guided model; test it; save everything.")
    _add_folder_options(parser)
    for title, settings in GROUPS.items():
        group = parser.add_argument_group(title)
        group.add_class_arguments(settings, as_group=False, skip={"lambda_", "options"})
        if settings is DataSettings:
            help_ = "options of the data set's reader, such as --options.task reversed"
            group.add_argument("--options", type=mapping, default={}, help=help_)
        elif settings is GuidanceSettings:
            help_ = "weight of the localization loss; 0: baseline"
            group.add_argument("--lambda", type=float, default=0.0, help=help_)
    parser.set_defaults(defaults(arguments))
    return parser


def _add_folder_options(parser: Parser) -> None:
    group = parser.add_argument_group("run")
    group.add_argument("--out", type=str, required=True, help="the run's folder")
    group.add_argument(
        "--from",
        type=str,
        help=f"start from the best weights of this run, with its {', '.join(INHERITED)} unless given "
        f"(with other --data, {', '.join(OF_DATA)} are the defaults)",
    )
    help_ = "train a run with each of these seeds, OUT/seed0 and so on; finished ones are not trained again"
    group.add_argument("--seeds", type=int, nargs="+", help=help_)
    group.add_argument(
        "--resume",
        action="store_true",
        help="continue the run in --out as it was begun; only what depends on the machine may be given anew",
    )
    group.add_argument(
        "--overwrite",
        action="store_true",
        help="replace a run in --out, but continue an unfinished one of the same settings",
    )
    group.add_argument("--config", type=str, help="YAML file with any of these options")
    group.add_argument("--print_config", type=str, nargs="?", help="only print the settings, for --config")


def run(given: dict[str, Any]) -> None:
    """Train, and print what came out."""
    out, source, seeds = (given.pop(name) for name in ("out", "from", "seeds"))
    resume, overwrite = given.pop("resume"), given.pop("overwrite")
    given.pop("config")
    only_print = given.pop("print_config") is not None  # jsonargparse makes it an empty text
    if seeds is not None:
        _check_seeds(seeds, given["seed"], resume)
    if resume:
        _check_resume(Path(out), overwrite)
    if only_print:
        print(_config(given, source).yaml(), end="")
    elif seeds is not None:
        configs = {seed: _config(given | {"seed": seed}, source) for seed in seeds}
        _train_seeds(configs, Path(out), overwrite)
    else:
        _train(_config(given, source), Path(out), overwrite)


def _config(given: dict[str, Any], source: str | None) -> Config:
    """Return the settings that were given; `source` is the run, or the folder of seeds, of `--from`."""
    given = dict(given)
    given["data"], given["root"] = located(given["data"], given["root"])
    if source is not None:
        given["weights"] = weights_of(run_of_seed(Path(source), given["seed"]), given)
    return Config(lambda_=given.pop("lambda"), **given)


def _train(config: Config, out: Path, overwrite: bool) -> None:
    from model_guidance.report.tables.console import result_table
    from model_guidance.runs.devices import is_first
    from model_guidance.runs.train import train_run

    _say_unused(config)
    result = train_run(config, out, overwrite=overwrite)
    if not is_first():
        return
    print(result_table({"best": result.best, "last": result.last}))
    if config.uses_regions:
        print(_verdict(Run.open(out)))


def _train_seeds(configs: Mapping[int, Config], out: Path, overwrite: bool) -> None:
    """Train a run for each seed, but for those that are finished; print the mean and the spread."""
    from model_guidance.report.tables.console import seeds_table
    from model_guidance.runs.claim import differing
    from model_guidance.runs.devices import is_first
    from model_guidance.runs.train import train_run

    _say_unused(next(iter(configs.values())))
    results = []
    for seed, config in configs.items():
        folder = out / f"seed{seed}"
        found = Run.open(folder) if is_there(folder / RESULT) and not overwrite else None
        if found is not None and found.result is not None and not differing(config, found.config, folder):
            print(f"{folder} is finished", file=sys.stderr)
            results.append(found.result)
        else:
            results.append(train_run(config, folder, overwrite=overwrite))
    if not is_first():
        return
    print(seeds_table({"best": [each.best for each in results], "last": [each.last for each in results]}))
    print(f"mean ± standard deviation over {len(results)} seeds, in percent, on test")


def _say_unused(config: Config) -> None:
    sentence = unused(config)
    if sentence is not None:
        print(sentence, file=sys.stderr)


def _check_resume(out: Path, overwrite: bool) -> None:
    if overwrite:
        raise UserError("--resume continues the run in --out, --overwrite replaces it: leave one of them out")
    check_unfinished(out)


def _check_seeds(seeds: Sequence[int], seed: int, resume: bool) -> None:
    if len(set(seeds)) < len(seeds):
        raise UserError(f"--seeds {' '.join(map(str, seeds))}: each only once")
    if resume:
        raise UserError("--resume continues one run: leave it out, --seeds goes on with what is not finished")
    if seed != Config.seed:
        raise UserError(f"--seed {seed} and --seeds exclude each other: give one of them")


def _verdict(finished: Run) -> str:
    """Return what a guided run's behaviour says, where the run that it started from was explained alike."""
    from model_guidance.runs.evidence import judge
    from model_guidance.runs.start import started_from

    start = started_from(finished)
    if start is None or start.config.explainer != finished.config.explainer:
        return f"model-guidance verdict {finished.folder} --baseline RUN tells whether guidance repaired it."
    try:
        return judge(finished, start).sentence
    except UserError as reason:
        return f"{reason}."
