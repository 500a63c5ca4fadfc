"""Reading a whole split to count what is in it and to collect every defect."""

from collections import Counter
from dataclasses import dataclass, field

from model_guidance.data.source import Sample, Source
from model_guidance.errors import UserError
from model_guidance.progress import steps


@dataclass
class Inspection:
    """What a split holds; `images` and `groups` count by class or group name, `objects` by kind and class.

    `total` counts all names; `unlabelled` those without any class, `annotated` are the numbers of those
    with an object. Objects are those of classes that their images have. `remarks` say what was mended,
    `defects` which images cannot be used and why, both in reading order.
    """

    total: int
    images: Counter[str] = field(default_factory=Counter)
    objects: dict[str, Counter[str]] = field(default_factory=dict)
    groups: Counter[str] = field(default_factory=Counter)
    unlabelled: int = 0
    annotated: list[int] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)


def inspect(source: Source) -> Inspection:
    """Read every image of `source`; a defective one is listed and left out of the counts."""
    found = Inspection(len(source.names))
    with steps("checking", found.total) as bar:
        for index in range(found.total):
            try:
                _count(found, source, index, source.read(index))
            except UserError as defect:
                found.defects.append(str(defect))
            bar.advance()
    return found


def _count(found: Inspection, source: Source, index: int, sample: Sample) -> None:
    found.images.update(source.classes[label] for label in sample.labels)
    for each in sample.own:
        found.objects.setdefault(each.kind, Counter())[source.classes[each.label]] += 1
    if sample.own:
        found.annotated.append(index)
    found.unlabelled += not sample.labels
    found.remarks += sample.remarks
    if sample.group >= 0:
        found.groups[source.groups[sample.group]] += 1
