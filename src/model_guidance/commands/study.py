"""`model-guidance study`: plan, run what is not finished, report."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model_guidance.commands.parser import Parser, mapping
from model_guidance.errors import UserError, listed, meant
from model_guidance.files import check_output_folder, is_folder, is_there
from model_guidance.studies import STUDIES
from model_guidance.studies.planning.experiments import SIZES, Locations, Size
from model_guidance.studies.planning.plan_table import announcement, plan_table
from model_guidance.studies.planning.planned_run import PlannedRun, with_starts
from model_guidance.studies.scheduling.executors import CLUSTERS, executor
from model_guidance.studies.scheduling.schedule import run_tasks
from model_guidance.studies.scheduling.task import Task, tasks_of
from model_guidance.studies.scheduling.worker import report

ROOTS, WEIGHTS = ("voc", "coco", "waterbirds"), ("lite0", "xdnn", "bcos")


@dataclass(frozen=True)
class StudyOptions:
    """Where a study's data are and where its runs are trained.

    Args:
        size: tiny (embedded data, minutes on two cores), small (real data, about an hour on two cores), or
            paper (the published settings).
        out: folder for the runs of all studies of a size, which share them, and for a report per study.
        voc: folder in which VOCdevkit lies.
        coco: folder in which annotations, train2014 and val2014 lie.
        waterbirds: folder in which waterbird_1.0_forest2water2 (for waterbirds-95:
            waterbird_complete95_forest2water2) and CUB_200_2011 lie.
        lite0: ImageNet weights of timm's tf_efficientnet_lite0, for size small; downloaded if not given.
        xdnn: the published ImageNet weights of the X-DNN ResNet-50, for size paper.
        bcos: the published ImageNet weights of the B-cos ResNet-50, for size paper.
        parallel: runs at a time; by default one per GPU, or two without.
        cluster: here, slurm, or submitit's local (separate processes) and debug (this process).
        slurm: parameters of submitit's executor, such as '{"slurm_partition": "gpu", "timeout_min": 600}'.
        machine: settings of every run, such as '{"workers": 8, "precision": "bf16-mixed"}'.
    """

    size: str = "tiny"
    out: str = "studies"
    voc: str | None = None
    coco: str | None = None
    waterbirds: str | None = None
    lite0: str | None = None
    xdnn: str | None = None
    bcos: str | None = None
    parallel: int | None = None
    cluster: str = "here"
    slurm: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)


def parser(_: Sequence[str]) -> Parser:
    """Return the options of the command."""
    parser = Parser(description="Repeat a figure or table of the paper; the same command continues it.")
    parser.add_argument("name", type=str, help=f"{', '.join(STUDIES)}, or all")
    parser.add_argument("--plan", action="store_true", help="only print what would be run, and the cost")
    parser.add_class_arguments(StudyOptions, skip={"slurm", "machine"})
    parser.add_argument(
        "--slurm",
        type=mapping,
        default={},
        help='parameters of submitit\'s executor: \'{"slurm_partition": "gpu", "timeout_min": 600}\'',
    )
    parser.add_argument(
        "--machine",
        type=mapping,
        default={},
        help='settings of every run: \'{"workers": 8, "precision": "bf16-mixed"}\'',
    )
    return parser


def run(given: dict[str, Any]) -> None:
    """Run a study; exits with 1 if one of its runs failed."""
    name, only_plan = given.pop("name"), given.pop("plan")
    if not study(name, StudyOptions(**given), only_plan=only_plan):
        sys.exit(1)


def study(name: str, options: StudyOptions, *, only_plan: bool = False) -> bool:
    """Run one study, or "all"; print the plan first and where the report is last; False if a run failed.

    With `only_plan`, nothing is run. Raises `UserError` for an unknown name or size, and for data and
    weights that the size needs.
    """
    names, size = _names(name), _size(options.size)
    _check_options(options)
    planned = {each: with_starts(STUDIES[each].plan(size, _locations(options))) for each in names}
    every = with_starts(run for each in planned.values() for run in each)
    _check_machine(every, options.machine)
    folder = Path(options.out).resolve() / size  # the runs' settings name it
    for each in names:
        print(announcement(each, STUDIES[each], planned[each]))
    print(plan_table(every, folder / "runs"))
    if size == "small":
        print("size small: the plain network only, no small X-DNN or B-cos network has published weights")
    if unused := _unused(every, options):
        print(f"not used by these runs: {', '.join(unused)}")
    if only_plan:
        return True
    check_output_folder(folder / "runs")
    _check_weights(every, options)
    failed = _run(every, folder, options) | _reports(planned, folder)
    if name == "all":
        _print_findings(every, with_starts(_of_paper(planned)), folder)
    for key, reason in failed.items():
        print(f"failed: {key}: {reason}")
    return not failed


def _check_options(options: StudyOptions) -> None:
    if options.cluster not in CLUSTERS:
        raise UserError(f"--cluster {options.cluster}: choose one of {listed(CLUSTERS, options.cluster)}")
    if options.slurm and options.cluster == "here":
        raise UserError(f"--slurm {options.slurm}: is for --cluster slurm, local or debug, not for here")
    if options.parallel is not None and options.parallel < 1:
        raise UserError(f"--parallel {options.parallel}: at least 1 is needed")
    out = Path(options.out)
    if not all(is_folder(path) for path in (out, *out.parents) if is_there(path)):
        raise UserError(f"--out {out}: this is a file, name a folder")


def _names(name: str) -> list[str]:
    if name != "all" and name not in STUDIES:
        known = f"choose one of {', '.join(STUDIES)}, or all{meant(name, STUDIES)}"
        raise UserError(f"there is no study '{name}': {known}")
    return [each for each, study in STUDIES.items() if study.in_all] if name == "all" else [name]


def _size(name: str) -> Size:
    for size in SIZES:
        if name == size:
            return size
    raise UserError(f"--size {name}: choose one of {listed(SIZES, name)}")


def _locations(options: StudyOptions) -> Locations:
    roots = {name: getattr(options, name) for name in ROOTS}
    given = {name: root for name, root in roots.items() if root is not None}
    return Locations(given, {name: getattr(options, name) for name in WEIGHTS}, options.machine)


def _check_machine(planned: Sequence[PlannedRun], machine: Mapping[str, Any]) -> None:
    for name, value in machine.items():
        if any(run.settings.get(name) != value for run in planned):
            raise UserError(f"--machine {name}: the study itself says what this is; leave it out")


def _unused(planned: Sequence[PlannedRun], options: StudyOptions) -> list[str]:
    """Return the data and weights that were given and that none of the runs takes."""
    used = {run.settings.get(name) for run in planned for name in ("root", "weights")}
    names = (*ROOTS, *WEIGHTS)
    return [f"--{name}" for name in names if getattr(options, name) not in (None, *used)]


def _check_weights(planned: Sequence[PlannedRun], options: StudyOptions) -> None:
    for run in planned:
        kind = str(run.settings["backbone"]).partition("_")[0]
        if options.size == "paper" and kind in ("xdnn", "bcos") and getattr(options, kind) is None:
            raise UserError(
                f"size paper starts from published weights: give --{kind} FILE (see docs/studies.md)"
            )


def _check_files(planned: Sequence[PlannedRun], runs: Path) -> None:
    """Open the data and look for the weights that are still needed, or every run would fail alike."""
    from model_guidance.models.weights import check_exists
    from model_guidance.runs.setup import source_of

    left = [run for run in planned if not run.finished(runs)]
    configs = [run.config(runs) for run in left]
    for config in {(each.data, each.root, str(each.options)): each for each in configs}.values():
        source_of(config, "train")
    for weights in {run.settings.get("weights") or "imagenet" for run in left} - {"imagenet"}:
        check_exists(Path(weights))


def _run(planned: Sequence[PlannedRun], folder: Path, options: StudyOptions) -> dict[str, str]:
    import torch

    if options.cluster != "slurm":  # a cluster's nodes may have files that this machine has not
        _check_files(planned, folder / "runs")
    parallel = min(options.parallel or torch.cuda.device_count() or 2, len(planned))
    with executor(options.cluster, parallel, folder / "submitit", options.slurm) as submit:
        (folder / "runs").mkdir(parents=True, exist_ok=True)
        return run_tasks(tasks_of(planned, folder / "runs"), submit, parallel)


def _reports(planned: Mapping[str, Sequence[PlannedRun]], folder: Path) -> dict[str, str]:
    """Write the page of each study; drawing takes a while, so they share this machine's cores."""
    finished = {name: _finished(own, folder) for name, own in planned.items()}
    pages = [
        Task(f"report of {name}", None, report, (name, runs, folder / name), False)
        for name, runs in finished.items()
        if runs
    ]
    with executor("here", min(2, len(pages) or 1), folder, {}) as submit:
        failed = run_tasks(pages, submit, 2)
    for page in (each for each in pages if each.name not in failed):
        print(f"{page.name}: {page.arguments[-1] / 'index.html'}")
    return failed


def _finished(planned: Sequence[PlannedRun], folder: Path) -> list[Path]:
    return [folder / "runs" / run.key for run in planned if run.finished(folder / "runs")]


def _of_paper(planned: Mapping[str, Sequence[PlannedRun]]) -> Iterator[PlannedRun]:
    return (run for name, own in planned.items() if not STUDIES[name].ours for run in own)


def _print_findings(planned: Sequence[PlannedRun], evidence: Sequence[PlannedRun], folder: Path) -> None:
    """Write the page about `planned`, and print which of the paper's findings come out of the `evidence`."""
    from model_guidance.report.page import write_report
    from model_guidance.studies.findings import findings

    runs, known = _finished(planned, folder), _finished(evidence, folder)
    if not known:
        return
    found = findings(known)
    report = write_report(runs, folder, "The whole study", found)
    print(*report.warnings, f"report of everything: {report.page}", sep="\n")
    for each in found:
        print(f"{each['finding']}  {each['paper']}: {each['verdict']}. {each['measured']}")
