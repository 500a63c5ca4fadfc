"""`model-guidance check-data`: what a data set holds, what is wrong with it, and how its regions lie."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from model_guidance.commands.located import located
from model_guidance.commands.parser import Parser, mapping
from model_guidance.errors import UserError, one_line
from model_guidance.files import check_output_folder, write
from model_guidance.report.escape import printable, terminal
from model_guidance.training.config import paths

if TYPE_CHECKING:
    from model_guidance.data.inspection import Inspection
    from model_guidance.data.source import Source

COMPOSED, DRAWN, SIZE = 120, 12, 224  # images of which composites are drawn, how many, and at which size
SHOWN = 20  # remarks and defects; there may be thousands
ENOUGH = 25  # annotated images, from which a score can be told with an interval that says something


def parser(_: Sequence[str]) -> Parser:
    """Return the options of `check-data`."""
    parser = Parser(description="Read a whole data set; print counts and defects; draw its regions.")
    parser.add_argument("--data", type=str, required=True, help="a path to photos, or the name of a data set")
    parser.add_argument("--root", type=str, help="the folder in which it lies")
    parser.add_argument(
        "--annotations", type=str | list[str] | None, help="file or folder with more regions, or several"
    )
    parser.add_argument(
        "--orientation", type=str, default="stored", help="of photos, regions: stored, upright"
    )
    parser.add_argument("--options", type=mapping, default={}, help="options of its reader")
    parser.add_argument("--out", type=str, default="check-data", help="folder for one sheet per split")
    parser.add_argument(
        "--composites",
        type=str,
        help="draw composites of train as well, filled by swap, mean, blur, noise or crop: composites.png",
    )
    parser.add_argument(
        "--replaced", type=str, help="in them: outside, inside or both; by default both, with crop outside"
    )
    parser.add_argument("--regions", type=str, help="of which annotation: masks, ...; by default boxes")
    return parser


def run(given: dict[str, Any]) -> None:
    """Check a data set; exits with 1 if it has defects."""
    composed = _composed(given["composites"], given["replaced"], given["regions"])
    data, root = located(given["data"], given["root"])
    more = (paths(given["annotations"]), given["orientation"])
    if not check_data(data, root, given["options"], Path(given["out"]), composed, *more):
        sys.exit(1)


def _composed(filler: str | None, replaced: str | None, regions: str | None) -> tuple[str, str, str] | None:
    """Return what composites are drawn of, if they are; `UserError` for options of theirs if they are not."""
    if filler is None:
        for name, value in (("replaced", replaced), ("regions", regions)):
            if value is not None:
                raise UserError(
                    f"--{name} {value}: no composites are drawn without --composites FILLER, such as swap"
                )
        return None
    return filler, replaced or ("outside" if filler == "crop" else "both"), regions or "boxes"


def check_data(
    name: str,
    root: str | None,
    options: dict[str, Any],
    out: Path,
    composed: tuple[str, str, str] | None = None,
    annotations: Sequence[Path] = (),
    orientation: str = "stored",
) -> bool:
    """Check all splits of a data set; return whether they are without defects.

    Prints counts, groups, a class table, remarks and defects, and what cannot be measured; writes one sheet
    per split to `out`, and one of composites if these are `composed` (filler, what is replaced, regions).
    """
    from model_guidance.data import open_source
    from model_guidance.data.inspection import inspect
    from model_guidance.data.readers.options import SPLITS
    from model_guidance.data.source import by_remark
    from model_guidance.report.figures.data_sheet import data_sheet
    from model_guidance.report.figures.drawing import encoded

    if composed:
        _check_composed(*composed)
    check_output_folder(out)
    home = Path(root) if root else None
    how = {"annotations": annotations, "orientation": orientation, **options}
    sources = {split: open_source(name, home, split, **how) for split in SPLITS}
    remarks = by_remark({split: source.remarks for split, source in sources.items()})
    shared = [remark for remark, splits in remarks.items() if len(splits) == len(SPLITS)]
    for remark in shared:
        print(f"{name}: {one_line(printable(remark))}")
    found = {}
    for split, source in sources.items():
        found[split] = inspect(source)
        print(f"{name} {split}: {_counts(found[split])}")
        print(_class_table(found[split], source))
        for line in _lines(found[split], source, shared):
            print(f"  {one_line(printable(line))}")
        sheet = out / f"{split}.png"
        write(sheet, encoded(data_sheet(source, found[split].annotated), "png"))
        print(f"  sheet: {sheet}\n")
    if composed:
        print(f"composites: {_draw_composites(sources['train'], found['train'].annotated, out, *composed)}")
    for sentence in unmeasured({split: len(each.annotated) for split, each in found.items()}):
        print(sentence)
    return not any(each.defects for each in found.values())


def _check_composed(filler: str, replaced: str, regions: str) -> None:
    from model_guidance.data import RegionSettings
    from model_guidance.data.composites import check_settings

    check_settings(filler, replaced, option="composites")
    RegionSettings(regions)


def _draw_composites(
    source: "Source", annotated: Sequence[int], out: Path, filler: str, replaced: str, regions: str
) -> Path:
    """Draw composites of some annotated images; the cache is left alone."""
    from model_guidance.data import RegionSettings, SplitDataset, cached
    from model_guidance.data.composites import Composites
    from model_guidance.report.figures.data_sheet import composite_sheet, spread
    from model_guidance.report.figures.drawing import encoded

    some = [annotated[place] for place in spread(len(annotated), [], COMPOSED)] or [0]
    names, version = [source.names[place] for place in some], f"{source.version} {some}"
    part = replace(source, names=names, read=lambda place: source.read(some[place]), version=version)
    with TemporaryDirectory() as folder:
        dataset = SplitDataset(cached(part, SIZE, Path(folder), "composites"), RegionSettings(regions))
        sides = ("outside", "inside") if replaced == "both" else (replaced,)
        drawn = [Composites(dataset, DRAWN, filler, side) for side in sides]
        items = [each[index] for each in drawn for index in range(DRAWN // len(sides))]
        figure = composite_sheet(items, source.classes)
    write(out / "composites.png", encoded(figure, "png"))
    return out / "composites.png"


def unmeasured(annotated: Mapping[str, int]) -> list[str]:
    """Return what cannot be done with so many annotated images in each split, and what would help."""
    remedy = f"annotate about {ENOUGH} images of each split"
    if not any(annotated.values()):
        return [f"no image is annotated: only a baseline can be trained (--lambda 0); {remedy}"]
    sentences = []
    if not annotated["train"]:
        sentences.append("train has no annotated image: nothing to guide with")
    without = [split for split in ("val", "test") if not annotated[split]]
    if without:
        wanted = f"annotate about {ENOUGH} images in each, or score with evaluate --split train"
        sentences.append(
            f"{' and '.join(without)}: no annotated image, so EPG and IoU cannot be measured there; {wanted}"
        )
    few = [
        f"{split} ({count})" for split, count in annotated.items() if split != "train" and 0 < count < ENOUGH
    ]
    if few:
        sentences.append(
            f"{' and '.join(few)}: few annotated images; scores of maps will have wide intervals"
        )
    return sentences


def _counts(found: "Inspection") -> str:
    return f"{found.total} images, {found.unlabelled} without any class, {len(found.annotated)} annotated"


def _class_table(found: "Inspection", source: "Source") -> str:
    from model_guidance.report.tables.text import rendered, text_table

    table = text_table(["images", *found.objects])
    for name in source.classes:
        counts = (str(counts[name]) for counts in (found.images, *found.objects.values()))
        table.add_row(terminal(name), *counts)
    return rendered(table)


def _lines(found: "Inspection", source: "Source", shared: Sequence[str]) -> Iterator[str]:
    """Yield what there is to say about a split besides its table, and besides what all splits `shared`."""
    yield from (f"{group}: {count}" for group, count in found.groups.items())
    absent = [name for name in source.classes if not found.images[name]]
    if absent:
        yield f"remark: no image of {_listed(absent)}"
    yield from (remark for remark in source.remarks if remark not in shared)
    yield from _some("remark", found.remarks)
    yield from _some("defect", found.defects)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _some(kind: str, lines: Sequence[str]) -> Iterator[str]:
    yield from (f"{kind}: {line}" for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"... and {len(lines) - SHOWN} more {kind}s"
