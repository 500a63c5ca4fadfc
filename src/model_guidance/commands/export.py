"""`model-guidance export`: a run's network for use without this package, and its model card."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model_guidance.commands.parser import Parser
from model_guidance.errors import UserError, listed
from model_guidance.runs.folder import Run

CARD = "model-card"
FORMATS = ("safetensors", "timm", "torchvision", "onnx", "torch.export", CARD)


def parser(_: Sequence[str]) -> Parser:
    """Return the options of `export`."""
    parser = Parser(description="Write a finished run's network for others, and compare what was written.")
    parser.add_argument("run", type=str, help="the run's folder")
    parser.add_argument("--format", type=str, required=True, help=", ".join(FORMATS))
    parser.add_argument("--out", type=str, default="exported", help="folder to write to")
    parser.add_argument("--checkpoint", type=str, default="best", help="best, last or front/epoch-NNN")
    parser.add_argument("--baseline", type=str, help="of a model card: the run that the verdict is beside")
    parser.add_argument("--overwrite", action="store_true", help="replace the files of this format in --out")
    return parser


def run(given: dict[str, Any]) -> None:
    """Write, and print the files and how far their logits are from the run's."""
    kind, baseline = given["format"], given["baseline"]
    if kind not in FORMATS:
        raise UserError(f"--format {kind}: choose one of {listed(FORMATS, kind)}")
    if baseline and kind != CARD:
        raise UserError(f"--baseline {baseline}: only a model card has a verdict: add --format {CARD}")
    opened, out = Run.open(Path(given["run"])), Path(given["out"])
    same = {"checkpoint": given["checkpoint"], "overwrite": given["overwrite"]}
    if kind == CARD:
        from model_guidance.export.card import write_card

        print(*write_card(opened, out, Run.open(Path(baseline)) if baseline else None, **same), sep="\n")
        return
    from model_guidance.export import COMPARED, export

    exported = export(opened, kind, out, **same)
    print(*exported.files, sep="\n")
    print(
        f"loaded again, logits differ by at most {exported.difference:.2g} from the run's (of logits up to "
        f"{exported.largest:.3g}, {COMPARED} images)"
    )
