"""What a run needs before it can train, checked from the cheapest to the dearest: data, model, devices."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from lightning_fabric import Fabric
from torch.utils.data import DataLoader

from model_guidance.data import SplitDataset
from model_guidance.data.annotations.kinds import KINDS
from model_guidance.data.annotations.settings import RANDOM, check_fraction, named_images
from model_guidance.data.composites import check_settings
from model_guidance.data.source import by_remark
from model_guidance.errors import UserError
from model_guidance.guidance import Guidance
from model_guidance.metrics.catalogue import main_score
from model_guidance.models import AfterLayer
from model_guidance.models.backbone import Backbone
from model_guidance.models.layers import unwrapped
from model_guidance.progress import say
from model_guidance.runs.devices import fabric_of
from model_guidance.runs.frozen import FrozenPart, Wanted
from model_guidance.runs.log import check_loggers
from model_guidance.runs.setup import (
    Data,
    composites_of,
    evaluation_loader,
    guidance_of,
    images_of,
    regions_of,
    source_of,
    training_loader,
)
from model_guidance.runs.trial import check_step, first_with_region, normalises
from model_guidance.runs.weighting import weighting_of
from model_guidance.training.classification import (
    ClassificationLoss,
    check_classification,
    shares_of,
)
from model_guidance.training.config import Config
from model_guidance.training.optimisation import check_optimizer
from model_guidance.training.weighting import Weighting


@dataclass(frozen=True)
class Prepared:
    """Everything that a run needs, checked and loaded."""

    config: Config
    folder: Path
    fabric: Fabric
    guidance: Guidance
    data: Data
    training: DataLoader[Any]
    weighting: Weighting | None = None

    @property
    def main(self) -> str:
        """The score by which epochs are chosen."""
        return main_score(self.data.splits["val"].exclusive)

    @property
    def classification(self) -> ClassificationLoss:
        """The loss of the logits."""
        split, balanced = self.data.splits["train"], self.config.class_weights == "balanced"
        shares = shares_of(split.labels).to(self.fabric.device) if balanced else None
        return ClassificationLoss(self.config.classification, shares)

    @property
    def model(self) -> Backbone:
        """The whole network."""
        return cast(Backbone, unwrapped(self.guidance.model)[0])

    @property
    def classes(self) -> list[str]:
        """The names of the classes."""
        return list(self.data.splits["train"].classes)

    @property
    def names(self) -> dict[str, list[str]]:
        """The names of the images of each split."""
        return {name: split.names for name, split in self.data.splits.items()}


def prepare(config: Config, folder: Path) -> Prepared:
    """Check the settings from the cheapest to the dearest: the data are read last."""
    check_loggers(config)
    source, regions = source_of(config, "train"), regions_of(config)
    check_classification(config.classification, source.exclusive, len(source.classes))
    check_settings(config.filler, config.replaced)
    check_fraction(config.annotated, len(source.names))
    if regions.images is not None:
        named_images(regions.images, source.names)
    guidance, fabric = guidance_of(config, len(source.classes)), fabric_of(config)
    data = Data.open(config, ("train", "val", "test"), fabric)
    if fabric.is_global_zero:
        remarks = by_remark({name: split.remarks for name, split in data.splits.items()})
        for remark, names in remarks.items():
            place = "" if len(names) == len(data.splits) else f"{' and '.join(names)}: "
            say(f"{folder.name}: {place}{remark}")
    if any(split.classes != source.classes for split in data.splits.values()):
        raise UserError(f"--data {config.data}: train, val and test do not have the same classes")
    model = guidance.model.to(fabric.device)
    training = training_loader(config, data.splits["train"], fabric, normalises(model, config))
    training_set, validation_set = images_of(training), images_of(data.loaders["val"])
    _check_regions(config, training_set, validation_set)
    check_step(model, config, training_set, fabric.device)
    check_optimizer(config, guidance.parameters())
    weighting = weighting_of(config, training_set, fabric)
    run = Prepared(config, folder, fabric, guidance, data, training, weighting)
    if config.frozen is not None:
        FrozenPart.check(*_wanted(run))
    return run


def _wanted(run: Prepared) -> tuple[FrozenPart, dict[str, list[Wanted]]]:
    """Return the frozen part, and the features that the run needs of it."""
    model, quiet = cast(AfterLayer, run.guidance.model), not run.fabric.is_global_zero
    part = FrozenPart(model, run.config, run.folder.name, quiet)
    images = {name: run.data.images(name) for name in ("val", "test")} | {"train": images_of(run.training)}
    wanted = {name: part.views(each, name) for name, each in images.items()}
    composites = composites_of(run.training)
    wanted["composites"] = part.views(composites, "composites") if composites else []
    return part, wanted | {"replaced": part.replaced(run.data.loaders["test"], "test")}


def on_features(run: Prepared) -> Prepared:
    """Return the run with features in the place of all images, computed where the cache has none."""
    config, fabric, splits = run.config, run.fabric, run.data.splits
    part, wanted = _wanted(run)
    kept = part.kept(wanted)
    normal = normalises(run.guidance.model, config)
    training = training_loader(config, splits["train"], fabric, normal, kept["train"], kept["composites"])
    loaders = {name: evaluation_loader(config, splits[name], fabric, kept[name]) for name in ("val", "test")}
    data = replace(run.data, loaders=loaders)
    if kept["replaced"]:
        data = replace(data, altered={"test": part.altered(run.data.loaders["test"], kept["replaced"][0])})
    return replace(run, data=data, training=training)


def _evident(training: SplitDataset) -> bool:
    """Return whether any annotation says where the evidence lies, and not only where it must not."""
    kinds = [each for each in training.settings.kinds if not KINDS[each].excludes]
    return bool((training.split.has(*kinds) & training.annotated).any())


def _check_regions(config: Config, training: SplitDataset, validation: SplitDataset) -> None:
    """Raise `UserError` if there is nothing to guide with, or nothing to measure a goal by."""
    goals = {"--target_epg": config.target_epg, "--allowed_loss": config.allowed_loss}
    named = [f"{name} {value}" for name, value in goals.items() if value is not None]
    if config.guided and first_with_region(training) is None:
        raise UserError(
            f"{(named or [f'--lambda {config.lambda_:g}'])[0]}: there is nothing to guide with, none of the "
            f"{len(training)} training images has a region of a class that it has; mark about 25 of them"
        )
    only_banned = config.regions != RANDOM and not _evident(training)
    if config.guided and config.loss == "ppce" and only_banned:
        raise UserError(
            "--loss ppce: looks inside of regions only, but training has nothing but what must not be used; "
            "choose energy, l1 or rrr"
        )
    if named and first_with_region(validation) is None:
        raise UserError(
            f"{named[0]}: EPG cannot be measured, none of the {len(validation)} validation images has a "
            "region; mark about 25 of them, or give --lambda instead"
        )
