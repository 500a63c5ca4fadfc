"""The plans of all studies at all sizes: valid, in order, without repetition, shared, as published."""

import json
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.studies.planned import ROOTS, WEIGHTS, guided, keys, place, planned

from model_guidance.errors import UserError
from model_guidance.evaluation import Evaluation
from model_guidance.runs.folder import MACHINE
from model_guidance.runs.result import Result, write_result
from model_guidance.studies import STUDIES
from model_guidance.studies.planning.plan_table import plan
from model_guidance.studies.planning.planned_run import Job, with_starts
from model_guidance.studies.planning.sizes import SIZES, Place
from model_guidance.studies.recipes import limited
from model_guidance.training.config import Config

every_study = pytest.mark.parametrize("study", STUDIES)
every_size = pytest.mark.parametrize("size", SIZES)
REAL = [study for study in STUDIES if study not in ("waterbirds", "qualitative")]


@every_study
@every_size
def test_every_job_has_valid_settings_of_its_own(study, size):
    jobs = planned(study, size)
    assert jobs
    assert all(isinstance(job.config(Path("runs")), Config) for job in jobs)
    assert len({job.key for job in jobs}) == len(jobs)


@every_study
@every_size
def test_a_start_comes_before_the_jobs_that_need_it(study, size):
    before: set[str] = set()
    for job in planned(study, size):
        assert job.start is None or job.start.key in before
        before.add(job.key)


@every_study
@every_size
def test_a_start_is_a_baseline_of_the_same_network_and_seed(study, size):
    for job in planned(study, size):
        if job.start:
            assert not job.start.config(Path()).guided
            same = ("data", "size", "backbone", "seed")
            assert all(job.start.settings.get(name) == job.settings.get(name) for name in same)


@every_study
@every_size
def test_a_start_was_trained_on_the_same_images(study, size):
    for job in planned(study, size):
        assert job.start is None or job.start.settings["options"] == job.settings["options"]


@every_study
@every_size
def test_guided_jobs_have_a_baseline_and_random_regions_or_equal_baselines_to_compare_with(study, size):
    jobs = planned(study, size)
    unguided = {
        (job.settings["backbone"], job.settings["seed"]) for job in jobs if not job.config(Path()).guided
    }
    assert {(job.settings["backbone"], job.settings["seed"]) for job in jobs} == unguided


def test_repetitions_are_removed_and_starts_added():
    start = Job({"seed": 1})
    one, other = Job({"lambda_": 0.1}, start), Job({"lambda_": 0.2}, start)
    assert with_starts([one, other, one, start]) == [start, one, other]


@every_size
def test_fronts_of_other_scores_share_all_jobs(size):
    assert keys("epg-f1", size) == keys("iou-f1", size) == keys("map", size)


@every_size
def test_exact_boxes_are_all_boxes(size):
    undilated = {job.key for job in guided("coarse", size) if config(job).dilate == 0}
    all_boxes = {job.key for job in guided("limited", size) if config(job).annotated == 1}
    assert undilated == all_boxes
    assert 0 < len(undilated) < len(guided("coarse", size))


@every_size
@pytest.mark.parametrize("study", ["gradcam", "depths", "on-object", "limited", "coarse"])
def test_baselines_are_shared_with_the_fronts(study, size):
    def baselines(name: str) -> set[str]:
        return {job.key for job in planned(name, size) if not config(job).guided}

    assert baselines(study)
    assert baselines(study) <= baselines("epg-f1")


@every_size
def test_the_heat_maps_need_no_job_of_their_own(size):
    others = {key for study in ("epg-f1", "coarse", "waterbirds") for key in keys(study, size)}
    assert set(keys("qualitative", size)) == others


def settings() -> st.SearchStrategy[dict[str, Any]]:
    """Settings of a run, each at its default or at another value."""
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(OTHER[name]) for name in OTHER})


OTHER: dict[str, list[Any]] = {
    "data": ["voc", "waterbirds"],
    "options": [{"labels": "multi"}, {"count": 24}, {"task": "reversed"}],
    "size": [32, 225],
    "freeze_statistics": [True],
    "augment": [True, False],
    "backbone": ["small", "bcos_resnet50"],
    "weights": ["imagenet", "a/best.safetensors"],
    "method": ["ixg", "gradcam"],
    "layer": ["input", "mid1"],
    "loss": ["l1", "rrr"],
    "lambda_": [1e-7, 0.5, 0.500001],
    "target_epg": [0.6, 0.6000001],
    "allowed_loss": [0.05],
    "reduction": ["sum"],
    "regions": ["random", "masks"],
    "dilate": [0.1, 0.25],
    "outside": [True],
    "annotated": [0.01, 0.1],
    "annotation_seed": [1, 2],
    "guided_part": [0.5],
    "epochs": [1, 51],
    "batch": [16, 65],
    "lr": [1e-5, 1.0000001e-4],
    "seed": [1, 12],
}
MACHINES: dict[str, list[Any]] = {
    "workers": [0, 8],
    "cache": ["/tmp/cache"],
    "root": ["/elsewhere"],
    "accelerator": ["cpu", "cuda"],
    "devices": [2],
    "nodes": [2],
    "precision": ["bf16-mixed"],
    "compile": [True],
    "checkpoint": [True],
    "evaluation_batch": [128],
}


def test_every_setting_is_tried():
    assert set(OTHER) | set(MACHINES) == {each.name for each in fields(Config)}
    assert set(MACHINES) == MACHINE


def job_of(given: dict[str, Any]) -> Job:
    return Job({"weights": "imagenet", **given} if "allowed_loss" in given else given)


@given(settings(), settings())
def test_keys_are_equal_exactly_if_the_settings_are(one, other):
    equal = job_of(one).config(Path()) == job_of(other).config(Path())
    assert (job_of(one).key == job_of(other).key) == equal


@given(settings(), st.sampled_from(sorted(OTHER)), st.data())
def test_any_one_changed_setting_changes_the_key(own, name, data):
    own.setdefault("weights", "imagenet")
    value = data.draw(st.sampled_from(OTHER[name]))
    changed = Job({**own, name: value})
    same = changed.config(Path()) == Job(own).config(Path())
    assert (changed.key == Job(own).key) == same


@given(settings(), st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in MACHINES.items()}))
def test_the_machine_does_not_change_the_key(own, machine):
    assert Job({**job_of(own).settings, **machine}).key == job_of(own).key


@given(settings(), settings())
def test_the_start_belongs_to_the_key(one, other):
    child = {"lambda_": 0.5}
    starts = [job_of(one), job_of(other)]
    found = [Job(child, start).key for start in starts]
    assert (found[0] == found[1]) == (starts[0].key == starts[1].key)
    assert Job(child).key not in found


@given(settings())
def test_a_key_names_a_folder(own):
    key = job_of(own).key
    assert Path(key).name == key
    assert not key.startswith(".")
    assert key.isascii()
    assert len(key) < 120
    assert not set(key) & set(" '\"*?:;<>|&$()[]{}\\")


@every_study
@every_size
def test_the_users_machine_does_not_change_the_plan(study, size):
    there = {name: f"/elsewhere/{name}" for name in ROOTS}
    machine = {"workers": 12, "precision": "bf16-mixed", "cache": "/fast", "accelerator": "cuda"}
    elsewhere = Place(there, WEIGHTS, machine)
    assert keys(study, size, elsewhere) == keys(study, size)
    for job in planned(study, size, elsewhere):
        assert machine.items() <= job.settings.items()
        assert job.settings.get("root") in (None, there.get(job.settings["data"]))


SUM = {
    "energy": [5e-4, 1e-3, 5e-3],
    "l1": [1e-3, 5e-3, 1e-2],
    "ppce": [1e-4, 5e-4, 1e-3],
    "rrr": [5e-6, 1e-5, 5e-5],
}
FEW = {"energy": [0.05, 0.1, 0.5], "l1": [0.01, 0.1, 1.0]}
EPOCHS = {"voc": (300, 50), "coco": (60, 10), "waterbirds": (350, 350)}
RATE = {"voc": 1e-4, "coco": 1e-4, "waterbirds": 1e-5}


def lambdas(jobs: list[Job]) -> list[float]:
    return sorted({job.settings["lambda_"] for job in jobs if job.settings["regions"] == "boxes"})


def with_defaults(jobs: list[Job]) -> list[Job]:
    return [replace(job, settings=asdict(job.config(Path("runs")))) for job in jobs]


@pytest.mark.parametrize("loss", SUM)
@pytest.mark.parametrize("data", ["voc", "coco"])
@pytest.mark.parametrize("study", ["epg-f1", "iou-f1", "map"])
def test_published_lambdas_for_all_boxes(study, data, loss):
    jobs = with_defaults(guided(study, "paper", data=data, loss=loss))
    for backbone in ("resnet50", "xdnn_resnet50", "bcos_resnet50"):
        for layer in ("input", "final"):
            own = [j for j in jobs if j.settings["backbone"] == backbone and j.settings["layer"] == layer]
            assert lambdas(own) == SUM[loss]


@pytest.mark.parametrize("loss", FEW)
@pytest.mark.parametrize("fraction", limited.FRACTIONS)
def test_published_lambdas_for_few_boxes(fraction, loss):
    jobs = with_defaults(guided("limited", "paper", loss=loss, annotated=fraction))
    assert lambdas(jobs) == (SUM if fraction == 1 else FEW)[loss]


@every_study
def test_published_settings(study):
    for job in planned(study, "paper"):
        config, (first, second) = job.config(Path("runs")), EPOCHS[job.settings["data"]]
        assert (config.size, config.lr) == (224, RATE[config.data])
        assert config.augment in (None, config.data == "waterbirds")
        assert config.backbone in ("resnet50", "xdnn_resnet50", "bcos_resnet50")
        if study not in ("lambda", "reduction"):
            assert config.batch == 64
            assert config.epochs == (first if job.start is None else second)
        if study not in ("lambda", "reduction") and config.guided:
            assert config.reduction == "sum"


@every_study
def test_published_weights(study):
    expected = {"resnet50": "imagenet", "xdnn_resnet50": WEIGHTS["xdnn"], "bcos_resnet50": WEIGHTS["bcos"]}
    for job in planned(study, "paper"):
        if job.start is None:
            assert job.settings["weights"] == expected[job.settings["backbone"]]
        else:
            start = f"runs/{job.start.key}/best.safetensors"
            assert job.config(Path("runs")).weights == start


@pytest.mark.parametrize("task", ["conventional", "reversed"])
@pytest.mark.parametrize("backbone", ["resnet50", "xdnn_resnet50", "bcos_resnet50"])
def test_waterbirds_is_four_runs_of_two_seeds_and_two_subsets(task, backbone):
    jobs = [
        job
        for job in planned("waterbirds", "paper")
        if job.settings["backbone"] == backbone and job.settings["options"].get("task") == task
    ]
    assert all(job.start is None for job in jobs)
    assert all(config(job).data == "waterbirds" for job in jobs)
    boxes = [job for job in jobs if config(job).guided and config(job).regions == "boxes"]
    assert {config(job).annotated for job in boxes} == {0.01}
    groups: dict[tuple[Any, ...], set[tuple[int, int]]] = {}
    for job in boxes:
        own = config(job)
        drawn = groups.setdefault((own.layer, own.loss, own.lambda_), set())
        drawn.add((own.seed, own.annotation_seed))
    assert all(drawn == {(0, 0), (0, 1), (1, 0), (1, 1)} for drawn in groups.values())
    expected = {(layer, loss, value) for layer in ("input", "final") for loss in FEW for value in FEW[loss]}
    assert set(groups) == expected
    bare = [config(job) for job in jobs if not config(job).guided]
    trained = [(own.seed, own.options.get("training")) for own in bare]
    assert sorted(trained, key=str) == [(0, "mixed"), (0, None), (1, "mixed"), (1, None)]


def config(job: Job) -> Config:
    return job.config(Path("runs"))


def rejection(study: str, size: Any, roots: dict[str, str]) -> str:
    with pytest.raises(UserError) as caught:
        list(STUDIES[study].jobs(size, Place(roots, WEIGHTS)))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("study", REAL)
def test_data_that_are_not_there_are_asked_for(study):
    assert "--voc FOLDER" in rejection(study, "small", {})
    assert "--voc FOLDER, --coco FOLDER or both" in rejection(study, "paper", {"waterbirds": "/data"})


@pytest.mark.parametrize("size", ["small", "paper"])
@pytest.mark.parametrize("study", ["waterbirds", "qualitative"])
def test_waterbirds_that_are_not_there_are_asked_for(study, size):
    assert "--waterbirds FOLDER" in rejection(study, size, {"voc": "/data", "coco": "/data"})


@every_study
def test_tiny_needs_no_data_of_the_users(study):
    assert {job.settings["data"] for job in with_starts(STUDIES[study].jobs("tiny", Place()))} == {"shapes"}


@pytest.mark.parametrize("name", ["voc", "coco"])
def test_one_of_the_papers_data_sets_is_enough(name):
    jobs = list(STUDIES["epg-f1"].jobs("paper", Place({name: "/data"}, WEIGHTS)))
    assert {job.settings["data"] for job in jobs} == {name}


@every_study
def test_every_study_says_what_it_is(study):
    for text in (STUDIES[study].title, STUDIES[study].source, STUDIES[study].claim):
        assert text.strip()
    assert len({each.title for each in STUDIES.values()}) == len(STUDIES)


def finish(job: Job, runs: Path) -> None:
    folder = runs / job.key
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(job.config(runs).yaml())
    (folder / "classes.json").write_text(json.dumps(["cat", "dog"]))
    nothing = Evaluation(0, {})
    write_result(folder / "result.json", Result(1, 1, nothing, nothing))


def cells(table: str, row: str) -> list[str]:
    lines = [line.split() for line in table.splitlines() if line.strip().startswith(row)]
    assert len(lines) == 1, table
    return lines[0]


def test_the_table_counts_what_is_finished(tmp_path):
    jobs = planned("lambda", "tiny")
    assert cells(plan(jobs, tmp_path), "all")[:3] == ["all", str(len(jobs)), "0"]
    hours = float(cells(plan(jobs, tmp_path), "all")[3])
    for count, job in enumerate(jobs, 1):
        finish(job, tmp_path)
        _, every, finished, left = cells(plan(jobs, tmp_path), "all")
        assert (every, finished) == (str(len(jobs)), str(count))
        assert float(left) <= hours
        hours = float(left)
    assert hours == 0


def test_the_rows_of_the_table_add_up(tmp_path):
    jobs = planned("limited", "tiny")
    finish(jobs[0], tmp_path)
    lines = [line.split() for line in plan(jobs, tmp_path).splitlines() if line.strip().startswith("shapes")]
    assert sum(int(line[-3]) for line in lines) == len(jobs)
    assert sum(int(line[-2]) for line in lines) == 1
    assert len([line for line in lines if "baseline" in line and line[-2] == "1"]) == 1


@every_study
def test_no_unguided_job_is_called_guided_in_the_table(study, tmp_path):
    jobs = [job for job in planned(study, "tiny") if not job.config(Path()).guided]
    assert "guided" not in plan(jobs, tmp_path).split()


def test_an_unfinished_run_is_not_counted(tmp_path):
    jobs = planned("lambda", "tiny")
    finish(jobs[0], tmp_path)
    (tmp_path / jobs[0].key / "result.json").unlink()
    assert not jobs[0].finished(tmp_path)
    assert cells(plan(jobs, tmp_path), "all")[2] == "0"


def test_a_setting_of_the_machine_that_is_none_is_the_users_mistake():
    with pytest.raises(UserError, match="wrokers"):
        [job.key for job in planned("lambda", "tiny", place(wrokers=8))]
