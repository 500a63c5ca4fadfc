"""What `check-data` prints and draws."""

from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from model_guidance.data import open_source
from model_guidance.data.inspection import Inspection, inspect
from model_guidance.data.readers.options import SPLITS
from model_guidance.data.source import Source
from model_guidance.report.figures.data_sheet import data_sheet
from model_guidance.report.tables.text import rendered

SHOWN = 20  # remarks and defects; there may be thousands


def check_data(name: str, root: str | None, options: dict[str, Any], out: Path) -> bool:
    """Check all splits of a data set; return whether they are without defects.

    Prints counts, groups, a class table, remarks and defects, and writes one sheet per split to `out`.
    """
    sources = {split: open_source(name, Path(root) if root else None, split, **options) for split in SPLITS}
    sound = True
    for split, source in sources.items():
        found = inspect(source)
        print(f"{name} {split}: {found.total} images, {found.unlabelled} without any class")
        print(_class_table(found, source))
        for group, count in found.groups.items():
            print(f"  {group}: {count}")
        for remark in source.remarks:
            print(f"  {remark}")
        _list("remark", found.remarks)
        _list("defect", found.defects)
        out.mkdir(parents=True, exist_ok=True)
        data_sheet(source, out / f"{split}.png")
        print(f"  sheet: {out / f'{split}.png'}\n")
        sound = sound and not found.defects
    return sound


def _class_table(found: Inspection, source: Source) -> str:
    table = Table("class", "images", *found.objects, box=box.SIMPLE_HEAD)
    for name in source.classes:
        table.add_row(name, *(str(counts[name]) for counts in (found.images, *found.objects.values())))
    return rendered(table)


def _list(kind: str, lines: list[str]) -> None:
    for line in lines[:SHOWN]:
        print(f"  {kind}: {line}")
    if len(lines) > SHOWN:
        print(f"  ... and {len(lines) - SHOWN} more {kind}s")
