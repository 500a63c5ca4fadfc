"""The plans of all studies at all sizes: valid, in order, without repetition, shared, as published."""

import hashlib
import json
import re
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.studies.planned import ROOTS, WEIGHTS, guided, keys, place, planned

from model_guidance.errors import UserError
from model_guidance.evaluation import Evaluation
from model_guidance.runs.folder import MACHINE
from model_guidance.runs.result import Result, write_result
from model_guidance.studies import STUDIES
from model_guidance.studies.planning.experiments import SIZES, Locations
from model_guidance.studies.planning.plan_table import announcement, features_left, plan_table
from model_guidance.studies.planning.planned_run import STEP, PlannedRun, with_starts
from model_guidance.studies.recipes import fronts
from model_guidance.training.config import Config

every_study = pytest.mark.parametrize("study", STUDIES)
every_size = pytest.mark.parametrize("size", SIZES)
REAL = [study for study in STUDIES if study not in ("waterbirds", "waterbirds-95", "rivals", "qualitative")]


@every_study
@every_size
def test_every_run_has_valid_settings_of_its_own(study, size):
    runs = planned(study, size)
    assert runs
    assert all(isinstance(run.config(Path("runs")), Config) for run in runs)
    assert len({run.key for run in runs}) == len(runs)


@every_study
@every_size
def test_a_start_comes_before_the_jobs_that_need_it(study, size):
    before: set[str] = set()
    for run in planned(study, size):
        assert run.start is None or run.start.key in before
        before.add(run.key)


@every_study
@every_size
def test_a_start_is_a_baseline_of_the_same_network_and_seed(study, size):
    for run in planned(study, size):
        if run.start:
            assert not run.start.config(Path()).guided
            same = ("data", "size", "backbone", "seed")
            assert all(run.start.settings.get(name) == run.settings.get(name) for name in same)


@every_study
@every_size
def test_a_start_was_trained_on_the_same_images(study, size):
    for run in planned(study, size):
        assert run.start is None or run.start.settings["options"] == run.settings["options"]


@every_study
@every_size
def test_guided_jobs_have_a_baseline_and_random_regions_or_equal_baselines_to_compare_with(study, size):
    runs = planned(study, size)
    unguided = {
        (run.settings["backbone"], run.settings["seed"]) for run in runs if not run.config(Path()).guided
    }
    assert {(run.settings["backbone"], run.settings["seed"]) for run in runs} == unguided


# How many, and their hash: folders of studies that were begun with 0.1 are continued. At size paper, limited,
# coarse and with them qualitative have since got the other networks; at size small all have a pretrained one.
# Waterbirds-95 and rivals are younger.
KEYS_OF_0_1 = {
    ("epg-f1", "tiny"): (48, "6982940821e8e6fa"),
    ("iou-f1", "tiny"): (48, "6982940821e8e6fa"),
    ("map", "tiny"): (48, "6982940821e8e6fa"),
    ("gradcam", "tiny"): (36, "1ae9a61f47c7bf67"),
    ("depths", "tiny"): (42, "4af913e00d942819"),
    ("on-object", "tiny"): (36, "d1c5276ff005d2cf"),
    ("limited", "tiny"): (16, "1c171c432c4c11cb"),
    ("coarse", "tiny"): (20, "e415817a8c213749"),
    ("waterbirds", "tiny"): (12, "b61355c8966c5845"),
    ("waterbirds-95", "tiny"): (12, "b61355c8966c5845"),
    ("qualitative", "tiny"): (72, "604bea7d4c62ec5e"),
    ("rivals", "tiny"): (23, "795be7289b1080cf"),
    ("rivals", "small"): (69, "c2a7bfceb725ba91"),
    ("rivals", "paper"): (23, "21bafd053f616130"),
    ("lambda", "tiny"): (10, "ab08d8c2b0c75597"),
    ("reduction", "tiny"): (11, "a99c1121ef41878d"),
    ("epg-f1", "small"): (60, "159a478bf913f1d8"),
    ("iou-f1", "small"): (60, "159a478bf913f1d8"),
    ("map", "small"): (60, "159a478bf913f1d8"),
    ("gradcam", "small"): (66, "93d4aa21edbd788b"),
    ("depths", "small"): (42, "99eec4a64ddc3384"),
    ("on-object", "small"): (42, "caa1b9f1c6d6cb4c"),
    ("limited", "small"): (90, "fc500236e55e9819"),
    ("coarse", "small"): (114, "3c965ead51523fc0"),
    ("waterbirds", "small"): (60, "2e0cd35aaafe8385"),
    ("waterbirds-95", "small"): (30, "286edc91c7e2069f"),
    ("qualitative", "small"): (192, "379c35fc0e660df8"),
    ("lambda", "small"): (36, "3fea98a002038a53"),
    ("reduction", "small"): (33, "2ab7b7bcae6a93f5"),
    ("epg-f1", "paper"): (174, "dbbf2c57932069df"),
    ("iou-f1", "paper"): (174, "dbbf2c57932069df"),
    ("map", "paper"): (174, "dbbf2c57932069df"),
    ("gradcam", "paper"): (102, "63baceb597003617"),
    ("depths", "paper"): (120, "93eaad296ceada1d"),
    ("on-object", "paper"): (102, "5391783021537c01"),
    ("limited", "paper"): (246, "d0c35db23037c05e"),
    ("coarse", "paper"): (318, "3379f3c559fe023c"),
    ("waterbirds", "paper"): (348, "272d71dc1be5ac4e"),
    ("waterbirds-95", "paper"): (174, "87f13cdc451ca4b3"),
    ("qualitative", "paper"): (756, "8943ae2aa01c5cfc"),
    ("lambda", "paper"): (66, "89b3eae501ef6e07"),
    ("reduction", "paper"): (22, "6e0a8ae1711eac8f"),
}


@every_study
@every_size
def test_the_keys_are_those_of_version_0_1(study, size):
    found = keys(study, size)
    assert (len(found), hashlib.sha256("\n".join(found).encode()).hexdigest()[:16]) == KEYS_OF_0_1[
        study, size
    ]


BIRDS = ("waterbirds", "waterbirds-95", "rivals")


@pytest.mark.parametrize("study", BIRDS)
def test_waterbirds_at_size_small_is_a_frozen_pretrained_network_with_equal_budgets(study):
    for run in planned(study, "small"):
        own = config(run)
        assert (run.start, own.weights) == (None, WEIGHTS["lite0"])
        assert own.backbone == "timm/tf_efficientnet_lite0"
        assert own.layer == own.frozen
        rate = 1e-2 if own.layer == "final" else 1e-4  # the last layer alone
        assert (own.size, own.augment, own.freeze_statistics, own.lr) == (192, False, True, rate)
        assert (
            own.epochs == 3
            or (not own.uses_regions and own.options.get("training") == "mixed")
            or (own.epochs == 10 and not own.uses_regions)
        )
        assert own.annotation_seed == own.seed * own.uses_regions


@pytest.mark.parametrize("study", BIRDS)
def test_every_row_of_waterbirds_has_three_seeds(study):
    found: dict[str, set[int]] = {}
    for run in planned(study, "small"):
        facts = {**asdict(config(run)), "seed": 0, "annotation_seed": 0}
        found.setdefault(json.dumps(facts), set()).add(config(run).seed)
    assert all(seeds == {0, 1, 2} for seeds in found.values())
    assert len(found) == {"waterbirds": 20, "waterbirds-95": 10, "rivals": 23}[study]


@pytest.mark.parametrize("study", ["epg-f1", "on-object", "limited", "coarse", "gradcam", "lambda"])
def test_voc_at_size_small_is_a_frozen_pretrained_network_guided_from_a_baseline(study):
    for run in planned(study, "small"):
        own = config(run)
        assert (own.backbone, own.layer, own.frozen) == (
            "timm/tf_efficientnet_lite0",
            "network.blocks.6",
            "network.blocks.6",
        )
        assert run.settings["weights"] == (None if run.start else WEIGHTS["lite0"])
        assert own.epochs == 10 or (study, own.epochs) == ("lambda", 30)
        assert (own.annotated_batch is None) == (own.annotated == 1)
    assert {config(run).seed for run in planned(study, "small")} == {0, 1, 2}


@pytest.mark.parametrize(("loss", "count"), [("energy", 4), ("l1", 4), ("ppce", 3), ("rrr", 3)])
def test_each_loss_has_its_lambdas_at_size_small(loss, count):
    runs = [run for run in guided("epg-f1", "small", loss=loss) if config(run).regions == "boxes"]
    assert len({config(run).lambda_ for run in runs}) == count
    assert len(runs) == 3 * count


@every_size
def test_rivals_share_the_baseline_and_energy_with_waterbirds(size):
    shared = set(keys("rivals", size)) & set(keys("waterbirds", size))
    assert len(shared) >= {"tiny": 2, "small": 12, "paper": 2}[size]


def test_weights_that_are_not_given_are_downloaded():
    assert {run.settings["weights"] for run in planned("waterbirds", "small", Locations(ROOTS))} == {
        "imagenet"
    }


def test_features_are_counted_once_and_no_longer_when_a_run_has_used_them(tmp_path):
    runs = planned("rivals", "small")
    left = features_left(runs, tmp_path)
    assert {config(run).frozen for run in left} == {"network.blocks.6", "final"}
    finish(runs[0], tmp_path)
    (still,) = features_left(runs, tmp_path)
    assert still.features != runs[0].features
    assert features_left(planned("lambda", "tiny"), tmp_path) == []


@pytest.mark.parametrize("study", ["limited", "coarse"])
def test_budgets_and_dilations_are_tried_with_all_networks_at_both_ends(study):
    guided = [run.settings for run in planned(study, "paper") if run.config(Path()).regions == "boxes"]
    found = {(run["backbone"], run["layer"]) for run in guided if "layer" in run}
    networks = ("resnet50", "xdnn_resnet50", "bcos_resnet50")
    assert found == {(name, layer) for name in networks for layer in ("input", "final")}


def test_the_other_release_of_waterbirds_is_named_in_its_settings():
    found = [run.settings["options"] for run in planned("waterbirds-95", "paper")]
    assert all(each["correlation"] == 0.95 and each["task"] == "conventional" for each in found)
    assert not any("correlation" in run.settings["options"] for run in planned("waterbirds", "paper"))


def test_repetitions_are_removed_and_starts_added():
    start = PlannedRun({"seed": 1})
    one, other = PlannedRun({"lambda_": 0.1}, start), PlannedRun({"lambda_": 0.2}, start)
    assert with_starts([one, other, one, start]) == [start, one, other]


@every_size
def test_fronts_of_other_scores_share_all_runs(size):
    assert keys("epg-f1", size) == keys("iou-f1", size) == keys("map", size)


@every_size
def test_exact_boxes_are_all_boxes(size):
    undilated = {run.key for run in guided("coarse", size) if config(run).dilate == 0}
    all_boxes = {run.key for run in guided("limited", size) if config(run).annotated == 1}
    assert undilated == all_boxes
    assert 0 < len(undilated) < len(guided("coarse", size))


@every_size
@pytest.mark.parametrize("study", ["gradcam", "depths", "on-object", "limited", "coarse"])
def test_baselines_are_shared_with_the_fronts(study, size):
    def baselines(name: str) -> set[str]:
        return {run.key for run in planned(name, size) if not config(run).guided}

    assert baselines(study)
    assert baselines(study) <= baselines("epg-f1")


@every_size
def test_the_heat_maps_need_no_run_of_their_own(size):
    others = {key for study in ("epg-f1", "coarse", "waterbirds") for key in keys(study, size)}
    assert set(keys("qualitative", size)) == others


def settings() -> st.SearchStrategy[dict[str, Any]]:
    """Settings of a run, each at its default or at another value."""
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(OTHER[name]) for name in OTHER})


OTHER: dict[str, list[Any]] = {
    "data": ["voc", "waterbirds"],
    "options": [{"labels": "multi"}, {"count": 24}, {"task": "reversed"}],
    "annotations": ["boxes.json"],
    "size": [32, 225, "48x32"],
    "resize": ["fit", "crop"],
    "orientation": ["upright"],
    "freeze_statistics": [True],
    "augment": [True, False],
    "backbone": ["small", "bcos_resnet50"],
    "weights": ["imagenet", "a/best.safetensors"],
    "method": ["ixg", "gradcam"],
    "layer": ["input", "mid1"],
    "layout": ["NCHW", "NHWC"],
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
    "annotated_batch": [8, 16],
    "composites": [0.5, 1.0],
    "replaced": ["inside", "both"],
    "filler": ["mean"],
    "composites_weight": [4.0],
    "weighting": ["groups", "group_dro"],
    "errors_of": ["a", "b"],
    "upweight": [5.0, 50.0],
    "reliance_images": [100, 500],
    "frozen": ["mid1", "mid2"],
    "annotated_images": ["names.txt"],
    "views": [2, 8],
    "feature_precision": ["32"],
    "guided_part": [0.5],
    "classification": ["ce", "binary"],
    "class_weights": ["balanced"],
    "epochs": [1, 51],
    "batch": [16, 65],
    "optimizer": ["adamw"],
    "weight_decay": [0.0, 1e-4],
    "momentum": [0.9],
    "schedule": ["cosine"],
    "warmup": [0.1, 1.0],
    "ema": [0.9, 0.999],
    "patience": [3, 5],
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
    "keep_state": [True, False],
    "logger": ["csv"],
}


def test_every_setting_is_tried():
    assert set(OTHER) | set(MACHINES) == {each.name for each in fields(Config)}
    assert set(MACHINES) == MACHINE


COMPOSITES = ("composites", "replaced", "filler", "composites_weight")  # which weighting by errors excludes
NEEDS = {  # settings that mean something only beside another one
    "allowed_loss": {"weights": "imagenet"},
    "annotated_batch": {"lambda_": 0.25},
    **{name: {"composites": 0.25} for name in COMPOSITES[1:]},
    **{name: {"frozen": "final"} for name in ("views", "feature_precision")},
}


def run_of(given: dict[str, Any]) -> PlannedRun:
    if given.keys() & {"errors_of", "upweight"}:
        free = {name: value for name, value in given.items() if name not in COMPOSITES}
        given = {"errors_of": "c", **free, "weighting": "errors"}
    if "annotated_images" in given:  # which excludes a fraction
        given = {name: value for name, value in given.items() if name != "annotated"}
    needed = {name: value for each in given for name, value in NEEDS.get(each, {}).items()}
    return PlannedRun({**needed, **given})


@given(settings(), settings())
def test_keys_are_equal_exactly_if_the_settings_are(one, other):
    equal = run_of(one).config(Path()) == run_of(other).config(Path())
    assert (run_of(one).key == run_of(other).key) == equal


@given(settings(), st.sampled_from(sorted(OTHER)), st.data())
def test_any_one_changed_setting_changes_the_key(own, name, data):
    own = {"weights": "imagenet", **run_of({**own, name: OTHER[name][0]}).settings}
    value = data.draw(st.sampled_from(OTHER[name]))
    changed = run_of({**own, name: value})
    same = changed.config(Path()) == PlannedRun(own).config(Path())
    assert (changed.key == PlannedRun(own).key) == same


@given(settings(), st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in MACHINES.items()}))
def test_the_machine_does_not_change_the_key(own, machine):
    assume(not (machine.keys() & {"compile", "checkpoint"} and run_of(own).settings.get("frozen")))
    assert PlannedRun({**run_of(own).settings, **machine}).key == run_of(own).key


@given(settings(), settings())
def test_the_start_belongs_to_the_key(one, other):
    child = {"lambda_": 0.5}
    starts = [run_of(one), run_of(other)]
    found = [PlannedRun(child, start).key for start in starts]
    assert (found[0] == found[1]) == (starts[0].key == starts[1].key)
    assert PlannedRun(child).key not in found


@given(settings())
def test_a_key_names_a_folder(own):
    key = run_of(own).key
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
    elsewhere = Locations(there, WEIGHTS, machine)
    assert keys(study, size, elsewhere) == keys(study, size)
    for run in planned(study, size, elsewhere):
        assert machine.items() <= run.settings.items()
        assert run.settings.get("root") in (None, there.get(run.settings["data"]))


SUM = {
    "energy": [5e-4, 1e-3, 5e-3],
    "l1": [1e-3, 5e-3, 1e-2],
    "ppce": [1e-4, 5e-4, 1e-3],
    "rrr": [5e-6, 1e-5, 5e-5],
}
FEW = {"energy": [0.05, 0.1, 0.5], "l1": [0.01, 0.1, 1.0]}
EPOCHS = {"voc": (300, 50), "coco": (60, 10), "waterbirds": (350, 350)}
RATE = {"voc": 1e-4, "coco": 1e-4, "waterbirds": 1e-5}


def lambdas(runs: list[PlannedRun]) -> list[float]:
    return sorted({run.settings["lambda_"] for run in runs if run.settings["regions"] == "boxes"})


def with_defaults(runs: list[PlannedRun]) -> list[PlannedRun]:
    return [replace(run, settings=asdict(run.config(Path("runs")))) for run in runs]


@pytest.mark.parametrize("loss", SUM)
@pytest.mark.parametrize("data", ["voc", "coco"])
@pytest.mark.parametrize("study", ["epg-f1", "iou-f1", "map"])
def test_published_lambdas_for_all_boxes(study, data, loss):
    runs = with_defaults(guided(study, "paper", data=data, loss=loss))
    for backbone in ("resnet50", "xdnn_resnet50", "bcos_resnet50"):
        for layer in ("input", "final"):
            own = [j for j in runs if j.settings["backbone"] == backbone and j.settings["layer"] == layer]
            assert lambdas(own) == SUM[loss]


@pytest.mark.parametrize("loss", FEW)
@pytest.mark.parametrize("fraction", fronts.FRACTIONS)
def test_published_lambdas_for_few_boxes(fraction, loss):
    runs = with_defaults(guided("limited", "paper", loss=loss, annotated=fraction))
    assert lambdas(runs) == (SUM if fraction == 1 else FEW)[loss]


@every_study
def test_published_settings(study):
    for run in planned(study, "paper"):
        config, (first, second) = run.config(Path("runs")), EPOCHS[run.settings["data"]]
        rate = RATE[config.data] if config.frozen is None else 1e-2  # the last layer alone, of rivals
        assert (config.size, config.lr) == (224, rate)
        assert config.augment in (None, config.data == "waterbirds")
        assert config.backbone in ("resnet50", "xdnn_resnet50", "bcos_resnet50")
        if study not in ("lambda", "reduction"):
            assert config.batch == 64
            assert config.epochs == (first if run.start is None else second)
        if study not in ("lambda", "reduction") and config.guided:
            assert config.reduction == "sum"


@every_study
def test_published_weights(study):
    expected = {"resnet50": "imagenet", "xdnn_resnet50": WEIGHTS["xdnn"], "bcos_resnet50": WEIGHTS["bcos"]}
    for run in planned(study, "paper"):
        if run.start is None:
            assert run.settings["weights"] == expected[run.settings["backbone"]]
        else:
            start = f"runs/{run.start.key}/best.safetensors"
            assert run.config(Path("runs")).weights == start


@pytest.mark.parametrize("task", ["conventional", "reversed"])
@pytest.mark.parametrize("backbone", ["resnet50", "xdnn_resnet50", "bcos_resnet50"])
def test_waterbirds_is_four_runs_of_two_seeds_and_two_subsets(task, backbone):
    runs = [
        run
        for run in planned("waterbirds", "paper")
        if run.settings["backbone"] == backbone and run.settings["options"].get("task") == task
    ]
    assert all(run.start is None for run in runs)
    assert all(config(run).data == "waterbirds" for run in runs)
    boxes = [run for run in runs if config(run).guided and config(run).regions == "boxes"]
    assert {config(run).annotated for run in boxes} == {0.01}
    groups: dict[tuple[Any, ...], set[tuple[int, int]]] = {}
    for run in boxes:
        own = config(run)
        drawn = groups.setdefault((own.layer, own.loss, own.lambda_), set())
        drawn.add((own.seed, own.annotation_seed))
    assert all(drawn == {(0, 0), (0, 1), (1, 0), (1, 1)} for drawn in groups.values())
    expected = {(layer, loss, value) for layer in ("input", "final") for loss in FEW for value in FEW[loss]}
    assert set(groups) == expected
    bare = [config(run) for run in runs if not config(run).guided]
    trained = [(own.seed, own.options.get("training")) for own in bare]
    assert sorted(trained, key=str) == [(0, "mixed"), (0, None), (1, "mixed"), (1, None)]


def config(run: PlannedRun) -> Config:
    return run.config(Path("runs"))


def rejection(study: str, size: Any, roots: dict[str, str]) -> str:
    with pytest.raises(UserError) as caught:
        list(STUDIES[study].plan(size, Locations(roots, WEIGHTS)))
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
    assert {run.settings["data"] for run in with_starts(STUDIES[study].plan("tiny", Locations()))} == {
        "shapes"
    }


@pytest.mark.parametrize("name", ["voc", "coco"])
def test_one_of_the_papers_data_sets_is_enough(name):
    runs = list(STUDIES["epg-f1"].plan("paper", Locations({name: "/data"}, WEIGHTS)))
    assert {run.settings["data"] for run in runs} == {name}


@every_study
@every_size
def test_the_announcement_names_what_is_run_and_what_was_published(study, size):
    runs = planned(study, size)
    first, here, published = announcement(study, STUDIES[study], runs).splitlines()
    assert first == f"{study}: {STUDIES[study].title}"
    for run in runs:
        own = config(run)
        assert {own.data, own.backbone} <= set(re.split(r"[ ,;]+", here))
        assert not own.guided or {own.explainer, own.loss} <= set(re.split(r"[ ,;]+", here))
    assert here.endswith(f" ({len(runs)} runs)")
    assert STUDIES[study].claim in published


@every_study
def test_every_study_says_what_it_is(study):
    for text in (STUDIES[study].title, STUDIES[study].source, STUDIES[study].claim):
        assert text.strip()
    assert len({each.title for each in STUDIES.values()}) == len(STUDIES)


def finish(run: PlannedRun, runs: Path) -> None:
    folder = runs / run.key
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(run.config(runs).yaml())
    (folder / "classes.json").write_text(json.dumps(["cat", "dog"]))
    nothing = Evaluation(0, {})
    write_result(folder / "result.json", Result(1, 1, nothing, nothing))


def minutes(row: list[str]) -> float:
    """The time left in a row of the table."""
    value, unit = row[-2:]
    return float(value) * {"s": 1 / 60, "min": 1, "h": 60}[unit]


def cells(table: str, row: str) -> list[str]:
    lines = [line.split() for line in table.splitlines() if line.strip().startswith(row)]
    assert len(lines) == 1, table
    return lines[0]


def test_the_table_counts_what_is_finished(tmp_path):
    runs = planned("lambda", "tiny")
    assert cells(plan_table(runs, tmp_path), "all")[:3] == ["all", str(len(runs)), "0"]
    least = minutes(cells(plan_table(runs, tmp_path), "all"))
    for count, run in enumerate(runs, 1):
        finish(run, tmp_path)
        row = cells(plan_table(runs, tmp_path), "all")
        _, every, finished, *left = row
        assert (every, finished) == (str(len(runs)), str(count))
        assert minutes(row) <= least
        assert (left == ["0", "s"]) == (count == len(runs))
        least = minutes(row)


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (0, "0 s"),
        (1e-6, "1 s"),
        (0.03, "108 s"),
        (0.2, "12 min"),
        (1.99, "119 min"),
        (2, "2.0 h"),
        (9.94, "9.9 h"),
        (106.4, "106 h"),
    ],
)
def test_times_are_said_in_a_unit_that_shows_them(hours, expected, tmp_path):
    run = PlannedRun({"epochs": 1}, images=(3600, 0, 0), forwards=STEP["baseline"] / hours if hours else 1e30)
    assert plan_table([run] if hours else [], tmp_path).splitlines()[-1].endswith(f" {expected}")


def test_the_rows_of_the_table_add_up(tmp_path):
    runs = planned("limited", "tiny")
    finish(runs[0], tmp_path)
    lines = [
        line.split() for line in plan_table(runs, tmp_path).splitlines() if line.strip().startswith("shapes")
    ]
    assert sum(int(line[-4]) for line in lines) == len(runs)
    assert sum(int(line[-3]) for line in lines) == 1
    assert len([line for line in lines if "baseline" in line and line[-3] == "1"]) == 1


@every_study
def test_no_unguided_run_is_called_guided_in_the_table(study, tmp_path):
    runs = [run for run in planned(study, "tiny") if not run.config(Path()).guided]
    assert "guided" not in plan_table(runs, tmp_path).split()


def test_an_unfinished_run_is_not_counted(tmp_path):
    runs = planned("lambda", "tiny")
    finish(runs[0], tmp_path)
    (tmp_path / runs[0].key / "result.json").unlink()
    assert not runs[0].finished(tmp_path)
    assert cells(plan_table(runs, tmp_path), "all")[2] == "0"


def test_a_setting_of_the_machine_that_is_none_is_the_users_mistake():
    with pytest.raises(UserError, match="wrokers"):
        [run.key for run in planned("lambda", "tiny", place(wrokers=8))]
