"""Data sets: their readers, by name, and one split of them ready to load; regions for loops of one's own."""

from typing import TYPE_CHECKING

from model_guidance.lazy import attach

if TYPE_CHECKING:
    from model_guidance.data.annotations.settings import RegionSettings
    from model_guidance.data.cache.cached import cached
    from model_guidance.data.cache.split import Split
    from model_guidance.data.dataset import SplitDataset
    from model_guidance.data.given import from_boxes, from_masks
    from model_guidance.data.loading import loader
    from model_guidance.data.opening import DATASETS, open_source, open_split
    from model_guidance.data.source import Annotation, Sample, Source
    from model_guidance.data.targets import from_targets

__all__ = [
    "DATASETS",
    "Annotation",
    "RegionSettings",
    "Sample",
    "Source",
    "Split",
    "SplitDataset",
    "cached",
    "from_boxes",
    "from_masks",
    "from_targets",
    "loader",
    "open_source",
    "open_split",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "DATASETS": "opening",
        "Annotation": "source",
        "RegionSettings": "annotations.settings",
        "Sample": "source",
        "Source": "source",
        "Split": "cache.split",
        "SplitDataset": "dataset",
        "cached": "cache.cached",
        "from_boxes": "given",
        "from_masks": "given",
        "from_targets": "targets",
        "loader": "loading",
        "open_source": "opening",
        "open_split": "opening",
    },
)
