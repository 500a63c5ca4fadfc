"""`model-guidance study`: plan, run what is not finished, report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model_guidance.errors import UserError
from model_guidance.studies import STUDIES
from model_guidance.studies.planning.plan_table import plan
from model_guidance.studies.planning.planned_run import Job, with_starts
from model_guidance.studies.planning.sizes import SIZES, Place, Size
from model_guidance.studies.scheduling.executors import launcher
from model_guidance.studies.scheduling.schedule import conduct
from model_guidance.studies.scheduling.tasks import Task, tasks
from model_guidance.studies.scheduling.work import report


@dataclass(frozen=True)
class StudyOptions:
    """Where a study's data are and where its jobs run.

    Args:
        size: tiny (embedded data, minutes on two cores), small (real data, about an hour on two cores), or
            paper (the published settings).
        out: folder for the runs of all studies of a size, which share them, and for a report per study.
        voc: folder in which VOCdevkit lies.
        coco: folder in which annotations, train2014 and val2014 lie.
        waterbirds: folder in which waterbird_1.0_forest2water2 and CUB_200_2011 lie.
        xdnn: the published ImageNet weights of the X-DNN ResNet-50, for size paper.
        bcos: the published ImageNet weights of the B-cos ResNet-50, for size paper.
        parallel: jobs at a time; by default one per GPU, or two without.
        cluster: here, slurm, or submitit's local (separate processes) and debug (this process).
        slurm: parameters of submitit's executor, such as '{"slurm_partition": "gpu", "timeout_min": 600}'.
        machine: settings of every run, such as '{"workers": 8, "precision": "bf16-mixed"}'.
    """

    size: str = "tiny"
    out: str = "studies"
    voc: str | None = None
    coco: str | None = None
    waterbirds: str | None = None
    xdnn: str | None = None
    bcos: str | None = None
    parallel: int | None = None
    cluster: str = "here"
    slurm: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)


def study(name: str, options: StudyOptions, *, only_plan: bool = False) -> bool:
    """Run one study, or "all"; print the plan first and where the report is last; False if a job failed.

    With `only_plan`, nothing is run. Raises `UserError` for an unknown name or size, and for data and
    weights that the size needs.
    """
    names, size = _names(name), _size(options.size)
    _check_options(options)
    jobs = {each: with_starts(STUDIES[each].jobs(size, _place(options))) for each in names}
    every = with_starts(job for each in jobs.values() for job in each)
    folder = Path(options.out).resolve() / size  # the runs' settings name it
    for each in names:
        print(f"{each}: {STUDIES[each].title}. {STUDIES[each].claim} ({STUDIES[each].source})")
    print(plan(every, folder / "runs"))
    if only_plan:
        return True
    _check_weights(every, options)
    failed = _run(every, folder, options) | _reports(jobs, folder)
    if name == "all":
        _print_findings(every, with_starts(_of_paper(jobs)), folder)
    for key, reason in failed.items():
        print(f"failed: {key}: {reason}")
    return not failed


def _check_options(options: StudyOptions) -> None:
    if options.parallel is not None and options.parallel < 1:
        raise UserError(f"--parallel {options.parallel}: at least 1 is needed")
    if not all(path.is_dir() for path in (Path(options.out), *Path(options.out).parents) if path.exists()):
        raise UserError(f"--out {options.out}: this is a file, name a folder")


def _names(name: str) -> list[str]:
    if name != "all" and name not in STUDIES:
        raise UserError(f"there is no study '{name}': choose one of {', '.join(STUDIES)}, or all")
    return list(STUDIES) if name == "all" else [name]


def _size(name: str) -> Size:
    for size in SIZES:
        if name == size:
            return size
    raise UserError(f"--size {name}: choose one of {', '.join(SIZES)}")


def _place(options: StudyOptions) -> Place:
    roots = {name: getattr(options, name) for name in ("voc", "coco", "waterbirds")}
    given = {name: root for name, root in roots.items() if root is not None}
    return Place(given, {"xdnn": options.xdnn, "bcos": options.bcos}, options.machine)


def _check_weights(jobs: Sequence[Job], options: StudyOptions) -> None:
    for job in jobs:
        kind = str(job.settings["backbone"]).partition("_")[0]
        if options.size == "paper" and kind in ("xdnn", "bcos") and getattr(options, kind) is None:
            raise UserError(
                f"size paper starts from published weights: give --{kind} FILE (see docs/studies.md)"
            )


def _check_files(jobs: Sequence[Job], runs: Path) -> None:
    """Open the data and look for the weights that are still needed, or every job would fail alike."""
    from model_guidance.models.weights import check_exists
    from model_guidance.runs.setup import source_of

    left = [job for job in jobs if not job.finished(runs)]
    configs = [job.config(runs) for job in left]
    for config in {(each.data, each.root, str(each.options)): each for each in configs}.values():
        source_of(config, "train")
    for weights in {job.settings.get("weights") or "imagenet" for job in left} - {"imagenet"}:
        check_exists(Path(weights))


def _run(jobs: Sequence[Job], folder: Path, options: StudyOptions) -> dict[str, str]:
    import torch

    if options.cluster != "slurm":  # a cluster's nodes may have files that this machine has not
        _check_files(jobs, folder / "runs")
    parallel = options.parallel or torch.cuda.device_count() or 2
    with launcher(options.cluster, parallel, folder / "submitit", options.slurm) as submit:
        (folder / "runs").mkdir(parents=True, exist_ok=True)
        return conduct(tasks(jobs, folder / "runs"), submit, parallel)


def _reports(jobs: Mapping[str, Sequence[Job]], folder: Path) -> dict[str, str]:
    """Write the page of each study; drawing takes a while, so they share this machine's cores."""
    finished = {name: _finished(own, folder) for name, own in jobs.items()}
    pages = [
        Task(f"report of {name}", None, report, (name, runs, folder / name), False)
        for name, runs in finished.items()
        if runs
    ]
    with launcher("here", min(2, len(pages) or 1), folder, {}) as submit:
        failed = conduct(pages, submit, 2)
    for page in pages:
        print(f"{page.name}: {page.arguments[-1] / 'index.html'}")
    return failed


def _finished(jobs: Sequence[Job], folder: Path) -> list[Path]:
    return [folder / "runs" / job.key for job in jobs if job.finished(folder / "runs")]


def _of_paper(jobs: Mapping[str, Sequence[Job]]) -> Iterator[Job]:
    return (job for name, own in jobs.items() if not STUDIES[name].ours for job in own)


def _print_findings(jobs: Sequence[Job], evidence: Sequence[Job], folder: Path) -> None:
    """Write the page about `jobs`, and print which of the paper's findings come out of the `evidence`."""
    from model_guidance.report.page import write_report
    from model_guidance.studies.findings import findings

    runs, known = _finished(jobs, folder), _finished(evidence, folder)
    if not known:
        return
    found = findings(known)
    print(f"report of everything: {write_report(runs, folder, 'The whole study', found)}")
    for each in found:
        print(f"{each['finding']}  {each['paper']}: {each['verdict']}. {each['measured']}")
