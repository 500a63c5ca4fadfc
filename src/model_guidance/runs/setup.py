"""From settings to what they name: data, model, loaders, measurements."""

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from lightning_fabric import Fabric
from torch.utils.data import DataLoader

from model_guidance.data import RegionSettings, Source, Split, SplitDataset, loader, open_source, open_split
from model_guidance.data.annotations.settings import for_scores
from model_guidance.data.cache.features import Features
from model_guidance.data.composites import Composites
from model_guidance.data.mixing import AnnotatedImages, Beside, Mixed
from model_guidance.data.opening import drawn_at, reader_of
from model_guidance.errors import UserError
from model_guidance.guidance import Guidance
from model_guidance.metrics.evaluate import Altered
from model_guidance.models import build
from model_guidance.runs.frozen import after_frozen
from model_guidance.training.config import Config
from model_guidance.types import Batch

if sys.platform != "win32":
    import resource


VIEWS = 4


def source_of(config: Config, split: str) -> Source:
    """Return one split of the run's data, nothing decoded yet; what is drawn has the size of training."""
    options = drawn_at(config.data, config.size, config.options)
    how = {"annotations": config.annotation_files, "orientation": config.orientation, **options}
    return open_source(config.data, config.data_folder, split, **how)


def split_of(config: Config, name: str) -> Split:
    """Return one cached split of the run's data."""
    images = (config.data, config.data_folder, name, config.size, config.cache_folder, config.options)
    return open_split(*images, config.annotation_files, config.resize, config.orientation)


def guidance_of(config: Config, classes: int) -> Guidance:
    """Return the model, with its initial weights, and its localization loss."""
    model = build(config.backbone, classes, config.weights, one_logit=config.one_logit)
    return Guidance(
        model if config.frozen is None else after_frozen(model, config),
        config.own_method,
        config.layer,
        config.loss,
        reduction=config.reduction,
        compile=config.compile,
        checkpoint=config.checkpoint,
        part=config.guided_part,
        layout=config.layout,
    )


def regions_of(config: Config) -> RegionSettings:
    """Return which annotation guidance may use."""
    return RegionSettings(
        config.regions,
        config.dilate,
        config.outside,
        config.annotated,
        config.annotation_seed,
        Path(config.annotated_images) if config.annotated_images else None,
    )


def augments(config: Config) -> bool:
    """Return whether training images are cropped and flipped."""
    return reader_of(config.data).augments if config.augment is None else config.augment


def views_of(config: Config) -> int | None:
    """Return how many views of a training image there are; None: a new one in each epoch."""
    if config.views and not augments(config):
        raise UserError(f"--views {config.views}: the images are not augmented, so each has one view")
    if config.frozen is None:
        return None
    return config.views or VIEWS if augments(config) else 1


def training_loader(
    config: Config,
    split: Split,
    fabric: Fabric,
    normalises: bool,
    features: Sequence[Features] = (),
    of_composites: Sequence[Features] = (),
) -> DataLoader[Any]:
    """Return this process's part of the training batches, with the regions that guidance may use.

    Composites of the annotated images, and some of these again, are beside them if the settings want any.
    Where the network `normalises` over the batch, a last batch of a single image is left out. `features`
    stand in for the images, and those `of_composites` for these.
    """
    dataset = SplitDataset(
        split,
        regions_of(config),
        augments(config),
        config.seed,
        draw_one=True,
        views=views_of(config),
        features=features,
    )
    images = math.ceil(len(dataset) / fabric.world_size)
    single = normalises and images > config.batch > 1 and images % config.batch == 1
    shard = _shard(fabric)
    beside = _beside(config, dataset, of_composites)
    mixed = Mixed(dataset, beside) if beside else dataset
    return loader(mixed, config.batch, True, config.seed, config.workers, shard, drop_last=single)


def _beside(config: Config, dataset: SplitDataset, of_composites: Sequence[Features]) -> list[Beside]:
    """Return what stands beside the images of each batch."""
    found = []
    if config.composites:
        settings = (config.filler, config.replaced, config.composites_weight)
        count = math.ceil(config.composites * len(dataset))
        found.append(Beside(Composites(dataset, count, *settings, of_composites), config.composites))
    if config.annotated_batch:
        found.append(Beside(AnnotatedImages(dataset), config.annotated_batch / config.batch))
    return found


def images_of(loaded: DataLoader[Any]) -> SplitDataset:
    """Return the images of the data set behind a loader, without what is beside them."""
    dataset = loaded.dataset
    return dataset.images if isinstance(dataset, Mixed) else cast(SplitDataset, dataset)


def composites_of(loaded: DataLoader[Any]) -> Composites | None:
    """Return the composites beside the images behind a loader, if there are any."""
    beside = loaded.dataset.beside if isinstance(loaded.dataset, Mixed) else ()
    return next((each.items for each in beside if isinstance(each.items, Composites)), None)


@dataclass(frozen=True)
class Data:
    """Splits of a run's data by name, with the loaders of their images, or features, for evaluation.

    `altered` gives features of images with replaced pixels, for the splits whose batches are features.
    """

    splits: Mapping[str, Split]
    loaders: Mapping[str, DataLoader[Any]]
    fabric: Fabric
    altered: Mapping[str, Altered] = field(default_factory=dict)

    @classmethod
    def open(cls, config: Config, names: Iterable[str], fabric: Fabric) -> "Data":
        """Open the splits `names`; raises `UserError` for data that cannot be read."""
        _check_open_files(config.workers)
        splits = {name: split_of(config, name) for name in dict.fromkeys(names)}
        loaders = {name: evaluation_loader(config, split, fabric) for name, split in splits.items()}
        return cls(splits, loaders, fabric)

    def images(self, name: str) -> SplitDataset:
        """Return the images of a split, or their features, with the regions on which they are scored."""
        return cast(SplitDataset, self.loaders[name].dataset)

    def batches(self, name: str) -> Iterator[Batch]:
        """Return the batches of a split, each moved to the device when it is needed."""
        return on_device(self.fabric, self.loaders[name])


def scored_images(config: Config, split: Split, features: Sequence[Features] = ()) -> SplitDataset:
    """Return the images of a split, or their features, with the regions on which they are scored."""
    return SplitDataset(split, for_scores(split, config.regions, config.outside), features=features)


def evaluation_loader(
    config: Config, split: Split, fabric: Fabric, features: Sequence[Features] = ()
) -> DataLoader[Any]:
    """Return this process's part of the batches of a split, with all its boxes, in a fixed mixed order.

    Mixed, because reliance fills images with their neighbours' pixels, and data sets are often sorted.
    """
    dataset = scored_images(config, split, features)
    shard, batch = _shard(fabric), config.evaluation_batch or config.batch
    return loader(dataset, batch, True, workers=config.workers, shard=shard, evaluation=True)


def _check_open_files(workers: int) -> None:
    """Raise `UserError` if processes that load images would run out of open files, for which torch waits."""
    if workers and sys.platform != "win32":
        limit, needed = resource.getrlimit(resource.RLIMIT_NOFILE)[0], 64 + 16 * workers
        if 0 <= limit < needed:
            raise UserError(
                f"--workers {workers}: {needed} open files are needed and {limit} allowed: raise the limit "
                f"(ulimit -n {needed}), or give --workers 0"
            )


def _shard(fabric: Fabric) -> tuple[int, int]:
    return fabric.global_rank, fabric.world_size


def on_device(fabric: Fabric, batches: DataLoader[Any]) -> Iterator[Batch]:
    """Return the batches, each moved to the device when it is needed."""
    return (batch.to(fabric.device) for batch in batches)
