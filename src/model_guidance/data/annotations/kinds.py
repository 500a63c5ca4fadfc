"""All kinds of annotation, by the name that readers and `--regions` give them."""

from model_guidance.data.annotations.boxes import Boxes
from model_guidance.data.annotations.ignore import Ignore, IgnoreMasks
from model_guidance.data.annotations.kind import Kind
from model_guidance.data.annotations.masks import Masks
from model_guidance.data.annotations.points import Points

KINDS: dict[str, Kind] = {
    "boxes": Boxes(),
    "masks": Masks(),
    "points": Points(),
    "ignore": Ignore(),
    "ignore_masks": IgnoreMasks(),
}
