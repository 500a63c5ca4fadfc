"""The three sizes of the studies: embedded data in minutes, real data in hours, published settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from model_guidance.errors import UserError
from model_guidance.studies.planning.experiment import Experiment
from model_guidance.training.config import Config

Size = Literal["tiny", "small", "paper"]
SIZES: tuple[Size, ...] = ("tiny", "small", "paper")
RESNETS = {"plain": "resnet50", "xdnn": "xdnn_resnet50", "bcos": "bcos_resnet50"}
SMALL = {"plain": "small", "xdnn": "xdnn_small", "bcos": "bcos_small"}
LITE0 = {"plain": "timm/tf_efficientnet_lite0"}
FROZEN = "network.blocks.6"  # 6 x 6 features at 192 px; only a convolution and the classifier follow


@dataclass(frozen=True)
class Locations:
    """Where the user has the data and the published weights, and `machine`: settings of that machine."""

    roots: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, str | None] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {each.name for each in fields(Config)}
        for name in self.machine:
            if name not in known:
                raise UserError(f"--machine {name}: there is no such setting of a run")


# Averaged over the annotated images of a batch, hence the same for all boxes and for few.
MEAN = {"energy": (0.1, 1.0), "l1": (0.2, 1.0), "ppce": (0.02, 0.1), "rrr": (1e-3, 1e-2)}
# For the embedded data: the weaker losses have one, so that everything takes less than twenty minutes.
TINY = MEAN | {"ppce": (0.02,), "rrr": (1e-3,)}
# For features of a pretrained network, with which the classification loss is soon nearly 0.
FEATURES = {
    "energy": (0.03, 0.1, 0.3, 1.0),
    "l1": (0.1, 0.3, 1.0, 3.0),
    "ppce": (0.01, 0.1, 1.0),
    "rrr": (1e-6, 1e-5, 1e-4),  # a sum over all pixels, in the thousands
}
# The published reproductions' grids: the loss is summed over the annotated images of a batch of 64.
PUBLISHED_LAMBDAS = {
    "energy": (5e-4, 1e-3, 5e-3),
    "l1": (1e-3, 5e-3, 1e-2),
    "ppce": (1e-4, 5e-4, 1e-3),
    "rrr": (5e-6, 1e-5, 5e-5),
}
PUBLISHED_LAMBDAS_FEW = {"energy": (0.05, 0.1, 0.5), "l1": (0.01, 0.1, 1.0)}
IMAGES = {  # train, validation and test images of the full releases
    "voc": (2501, 2510, 4952),
    "coco": (74505, 8278, 40504),
    "waterbirds": (4795, 921, 5794),
}
GPU = 1500.0  # forward passes of a ResNet-50 at 224 px a second: an assumption about a GPU, not measured
CORE = 2500.0  # of the small network on one core
LITE0_CORE = 100.0  # of EfficientNet-Lite0 at 192 px on one core
LITE0_TRAINED = 0.04  # of such a pass: what comes after the frozen part


def multilabel(size: Size, locations: Locations) -> list[Experiment]:
    """Return the data with several classes per image: VOC and COCO as far as they are there, or `shapes`."""
    if size == "tiny":
        return [_tiny("shapes-multi", locations, {"labels": "multi", "count": 200})]
    if size == "small":
        return [_pretrained("voc", locations, _given(locations, "voc"))]
    epochs = {"voc": (300, 50), "coco": (60, 10)}
    given = [name for name in epochs if name in locations.roots]
    if not given:
        raise UserError("the paper's data are not there: give --voc FOLDER, --coco FOLDER or both")
    return [_paper(name, locations, locations.roots[name], epochs[name]) for name in given]


def waterbirds(size: Size, locations: Locations, task: str, correlation: float = 1.0) -> Experiment:
    """Return the data whose background misleads, of one release.

    At size tiny it is its stand-in, which has no reversed task and one release.
    """
    if size == "tiny":
        return _shortcut(locations)
    make = _pretrained if size == "small" else _paper
    made = make("waterbirds", locations, _given(locations, "waterbirds"))
    if correlation == 1:  # the default is not named: runs of 0.1 did not know it
        return replace(made, name=f"waterbirds-{task}", options={"task": task})
    options = {"task": task, "correlation": correlation}
    return replace(made, name=f"waterbirds-{100 * correlation:g}-{task}", options=options)


def _given(locations: Locations, name: str) -> str:
    if name not in locations.roots:
        raise UserError(f"this size needs the real data: give --{name} FOLDER, where {name} lies")
    return locations.roots[name]


def _tiny(name: str, locations: Locations, options: Mapping[str, Any]) -> Experiment:
    count = options.get("count", 1000)
    return Experiment(
        name=name,
        common={"data": "shapes", "size": 40, "batch": 32, "workers": 0, **locations.machine},
        options=options,
        backbones=SMALL,
        weights={},
        baseline={"epochs": 20, "lr": 3e-3},
        guided={"epochs": 4, "lr": 1e-3},
        lambdas=TINY,
        few=TINY,
        images=(count, count, count),
        forwards=CORE,
    )


def _shortcut(locations: Locations) -> Experiment:
    """Return the demonstration's data and settings; the start of three epochs learns the background."""
    return replace(
        _tiny("shapes-single", locations, {"labels": "single"}),
        common={"data": "shapes", "size": 64, "batch": 32, "lr": 1e-3, "workers": 0, **locations.machine},
        baseline={"epochs": 3},
        guided={"epochs": 8},
        few={"energy": (2.0,), "l1": (2.0,)},
        lambdas={"energy": (2.0,)},
        images=(1000, 200, 400),
    )


def _pretrained(name: str, locations: Locations, root: str) -> Experiment:
    """Return EfficientNet-Lite0 from ImageNet, of which only what comes after its last stage is trained."""
    voc = name == "voc"
    own = {"size": 224, "batch": 32} if voc else {"size": 192, "augment": False}
    kept = {"frozen": FROZEN, "layer": FROZEN, "freeze_statistics": True, "workers": 0}
    budget = {"epochs": 10, "lr": 1e-3} if voc else {"epochs": 3, "lr": 1e-4}
    return Experiment(
        name=name,
        common={"data": name, "root": root, **own, **kept, **locations.machine},
        backbones=LITE0,
        weights={"plain": locations.weights.get("lite0") or "imagenet"},
        baseline=budget,
        guided=budget,
        lambdas=FEATURES,
        few=FEATURES,
        images=(500, 250, 500) if voc else IMAGES["waterbirds"],
        forwards=LITE0_CORE * (192 / own["size"]) ** 2,
        trained=LITE0_TRAINED,
        seeds=(0, 1, 2),
        from_baseline=voc,
    )


def _paper(name: str, locations: Locations, root: str, epochs: tuple[int, int] = (350, 350)) -> Experiment:
    waterbirds = name == "waterbirds"
    rate = 1e-5 if waterbirds else 1e-4
    return Experiment(
        name=name,
        common={"data": name, "root": root, "reduction": "sum", **locations.machine},
        backbones=RESNETS,
        weights={"plain": "imagenet", **{kind: locations.weights.get(kind) for kind in ("xdnn", "bcos")}},
        baseline={"epochs": epochs[0], "lr": rate},
        guided={"epochs": epochs[1], "lr": rate},
        lambdas=PUBLISHED_LAMBDAS,
        few=PUBLISHED_LAMBDAS_FEW,
        images=IMAGES[name],
        forwards=GPU,
        from_baseline=not waterbirds,
    )
