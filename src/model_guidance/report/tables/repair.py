"""The figures of a verdict, before and after, as text."""

from model_guidance.metrics.repair import Repair
from model_guidance.report.tables.text import rendered, text_table


def repair_table(found: Repair) -> str:
    """Return a table of a verdict's figures in percent, with the 95 % interval of each change."""
    table = text_table(["baseline", "guided", "change", "95 % interval"])
    for name, (before, after, change) in found.figures.items():
        values = (before, after)
        ends = f"{100 * change.low:+z.1f} to {100 * change.high:+z.1f}"
        table.add_row(name, *(f"{100 * each:.1f}" for each in values), f"{100 * change.value:+z.1f}", ends)
    ends = f"{100 * found.gap.low:z.1f} to {100 * found.gap.high:z.1f}"
    table.add_row("gap left", "", f"{100 * found.gap.value:z.1f}", "", ends)
    return rendered(table)
