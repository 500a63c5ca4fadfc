"""MS COCO 2014, and any data set in its format: boxes, polygons and run-length masks in one JSON file."""

from functools import partial
from pathlib import Path

from model_guidance.data.checks import check_box, check_size, needed
from model_guidance.data.formats.coco_index import Index, index_file
from model_guidance.data.formats.coco_masks import class_masks, run_lengths
from model_guidance.data.photos import read_photo
from model_guidance.data.readers.options import check_number, check_split
from model_guidance.data.readers.partition import hashed_order
from model_guidance.data.source import Sample, Source, annotated
from model_guidance.errors import UserError

SEED = 2014
REMEDY = "unpack the images and annotations of COCO 2014 there"


def read(root: Path, split: str, *, validation: float = 0.1) -> Source:
    """Read one split of COCO 2014 by the paper's protocol, or of any data set with these file names.

    "train" and "val" are a fixed partition of train2014, of which `validation` is the share of "val";
    "test" is val2014. The classes are the file's categories, sorted by id. Crowd regions count like any
    object, as label and as region (box and mask). Images without annotations stay, without labels. Boxes
    that reach past the image are cut, with a remark. Raises `UserError` when a file is missing or defective.
    """
    check_split(split)
    check_number("validation", validation, 0.0, 0.99)
    run_lengths()  # now rather than at the first image
    year = "val2014" if split == "test" else "train2014"
    file = needed(root / "annotations" / f"instances_{year}.json", REMEDY)
    images = needed(root / year, REMEDY)
    index = index_file(file)
    chosen = _part([picture.id for picture in index.pictures], split, validation)
    if not chosen:
        raise UserError(f"{file}: has no image for the split {split} with validation={validation}")
    names = [index.pictures[position].file_name for position in chosen]
    files = (file, *(images / name for name in names))
    version = f"coco {split}" + (f" {validation} {SEED}" if split != "test" else "")
    sample = partial(_sample, images, index, chosen)
    return Source(index.classes, names, sample, files, version, remarks=index.remarks)


def _part(ids: list[int], split: str, validation: float) -> list[int]:
    """Return the positions in `ids` of a split; the draw does not depend on the order of `ids`."""
    if split == "test":
        return list(range(len(ids)))
    order = hashed_order(ids, SEED)
    count = round(validation * len(ids))
    return sorted(order[:count] if split == "val" else order[count:])


def _sample(images: Path, index: Index, chosen: list[int], position: int) -> Sample:
    picture = index.pictures[chosen[position]]
    image, seen = read_photo(images / picture.file_name)
    check_size(
        image, (picture.width, picture.height), f"{index.file}, image {picture.id} ({picture.file_name})"
    )
    annotations = index.annotations(chosen[position])
    places = [f"{index.file}, annotation {each.id} ({picture.file_name})" for each in annotations]
    labels = [index.labels[each.category_id] for each in annotations]
    checked = [
        check_box(each.edges, image.size, place) for each, place in zip(annotations, places, strict=True)
    ]
    boxes = annotated("boxes", ((label, box) for label, (box, _) in zip(labels, checked, strict=True)))
    segmentations = [each.segmentation for each in annotations]
    masks, gaps = class_masks(segmentations, labels, places, (picture.height, picture.width))
    cuts = tuple(text for _, remarks in checked for text in remarks)
    return Sample(image, frozenset(labels), boxes + annotated("masks", masks), remarks=seen + cuts + gaps)
