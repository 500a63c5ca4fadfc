"""Regions of a file of their own, laid over a split: for any of the images."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path

from model_guidance.data.checks import class_index
from model_guidance.data.formats.annotated_file import AnnotatedFile
from model_guidance.data.formats.known import open_annotations
from model_guidance.data.marks import IGNORE, Mark
from model_guidance.data.matching import Images
from model_guidance.data.source import Annotation, Sample, Source
from model_guidance.errors import NAMED, UserError, first_of
from model_guidance.files import is_folder


@dataclass(frozen=True)
class Overlay:
    """The regions that a file has for the images of a split.

    `entries` are, by the image's number in the split, its numbers in the file: one, or several where the
    file names it more than once. `own_class` says that the file's classes are none of the data's: each
    region is then one of its image's class. `remarks` say so, and what was left out.
    """

    file: AnnotatedFile
    entries: Mapping[int, Sequence[int]]
    own_class: bool
    remarks: tuple[str, ...]

    def sample(self, source: Source, index: int) -> Sample:
        """Return an image of the source with its regions of this file; its own ones if there are none."""
        sample = source.read(index)
        annotations: list[Annotation] = []
        remarks = list(sample.remarks)

        def numbers(mark: Mark) -> Sequence[int]:
            return self._numbers(mark, sample.labels, source.classes)

        for entry in self.entries.get(index, ()):
            drawn, seen = self.file.read(entry).drawn(sample.image, sample.labels, numbers)
            annotations += drawn
            remarks += seen
        kept = tuple(annotations) or sample.annotations
        return replace(sample, annotations=kept, remarks=tuple(remarks))

    def _numbers(self, mark: Mark, labels: frozenset[int], classes: Sequence[str]) -> Sequence[int]:
        """Return the classes that a mark is of: the one that it names, or those of its image."""
        if mark.ignored or not mark.label or self.own_class:
            if len(labels) > 1 and not mark.ignored:
                raise UserError(f"{mark.where}: names no class, but its image has several: name one")
            return sorted(labels)
        return [class_index(mark.label, {name: number for number, name in enumerate(classes)}, mark.where)]


def overlay(path: Path, source: Source, others: Sequence[str]) -> Overlay:
    """Read a file of annotations for the images of `source`; `others` are those of the other splits.

    Raises `UserError` for a file in no known format, for a name that means several images, and where no
    name means any image of any split.
    """
    file = open_annotations(path)
    numbers = {name: number for number, name in enumerate(source.names)}
    _check_other_files(file, source.root, {*numbers, *others})
    known = Images([*numbers, *others])
    entries: defaultdict[int, list[int]] = defaultdict(list)
    strangers = []
    for entry, name in enumerate(known.meant(file.images, path)):
        if name in numbers:
            entries[numbers[name]].append(entry)
        elif name is None:
            strangers.append(file.images[entry])
    if len(strangers) == len(file.images):
        shown = ", ".join(strangers[:NAMED]) or "none"
        raise UserError(
            f"{path}: its images ({shown}) are none of the data set's, such as {next(iter(source.names))}"
        )
    own_class = source.exclusive and _are_strange(file.classes, source.classes)
    return Overlay(file, dict(entries), own_class, tuple(_remarks(file, strangers, own_class)))


def _check_other_files(file: AnnotatedFile, root: Path | None, names: AbstractSet[str]) -> None:
    """Raise `UserError` where the photos themselves would be read as masks."""
    if root is None:
        return
    home = (root if is_folder(root) else root.parent).absolute()
    below = (each.relative_to(home) for each in map(Path.absolute, file.files) if each.is_relative_to(home))
    if any(each.as_posix() in names for each in below):
        raise UserError(f"{file.path}: holds the photos themselves, but there must be regions of them")


def _are_strange(found: Sequence[str], known: Sequence[str]) -> bool:
    """Tell whether a file's classes are none of the data's; one in other letters is a mistake in its name."""
    named = {each.casefold() for each in found} - {IGNORE}
    return bool(named) and not named & {each.casefold() for each in known}


def _remarks(file: AnnotatedFile, strangers: Sequence[str], own_class: bool) -> list[str]:
    found = list(file.remarks)
    if own_class:
        shown = ", ".join([each for each in file.classes if each.casefold() != IGNORE][:NAMED])
        found.append(f"{file.path}: its classes ({shown}) are none of the data's: each region is its image's")
    if strangers:
        shown = f"{len(strangers)} images are in no split, and were left out ({first_of(strangers)})"
        found.append(f"{file.path}: {shown}")
    return found


def laid_over(source: Source, found: Overlay) -> Source:
    """Return the source with the regions of the file, where it has any, instead of its own."""
    return replace(
        source,
        read=lambda index: found.sample(source, index),
        files=(*source.files, *found.file.files),
        version=f"{source.version} + {found.file.path.absolute()}",
        remarks=(*source.remarks, *found.remarks),
    )
