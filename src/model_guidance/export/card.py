"""The model card of a run: Hugging Face's layout, filled from what the run folder says."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from model_guidance.data.resizing import PADDING
from model_guidance.errors import UserError
from model_guidance.evaluation import Evaluation
from model_guidance.export import check_new
from model_guidance.export.description import decision, resized
from model_guidance.export.loading import loading
from model_guidance.export.scores import class_rows, group_rows, main_rows, reliance_rows
from model_guidance.files import write
from model_guidance.metrics.catalogue import SCORES, main_score
from model_guidance.metrics.verdict import of_model
from model_guidance.report.escape import markdown
from model_guidance.report.explain import Choice, explained
from model_guidance.report.figures.drawing import encoded
from model_guidance.report.figures.heatmaps import heatmap_sheets
from model_guidance.report.limitations import limitations
from model_guidance.report.read.comparable import of_section, sections
from model_guidance.report.read.labels import labelled
from model_guidance.report.read.reported import reported
from model_guidance.report.read.results import read_results
from model_guidance.report.read.roles import role, start
from model_guidance.report.rendering import render
from model_guidance.runs.evidence import judge
from model_guidance.runs.folder import Run
from model_guidance.runs.history import read_cost
from model_guidance.runs.predict import exclusive
from model_guidance.runs.start import started_from

CARD, MAPS = "README.md", "maps.png"
SHOWN = 6  # images with maps
FEW = 100  # images: below, an interval of a share may be 20 points wide
OPENED = {"stored": "photo", "upright": "ImageOps.exif_transpose(photo)"}
BROUGHT = {  # by Pillow
    "stretch": "photo.resize({size}, Image.Resampling.BILINEAR)",
    "fit": "ImageOps.pad(photo, {size}, Image.Resampling.BILINEAR, color={padding})",
    "crop": "ImageOps.fit(photo, {size}, Image.Resampling.BILINEAR)",
}
SETTINGS = ("weights", "epochs", "batch", "lr", "lambda_", "loss", "regions", "annotated", "seed")


def write_card(
    run: Run, out: Path, baseline: Run | None = None, checkpoint: str = "best", *, overwrite: bool = False
) -> list[Path]:
    """Write `README.md`, and `maps.png` where the data are at hand, to the folder `out`; return the files.

    The verdict is beside `baseline`, by default the run that this one started from. Raises `UserError` for a
    run that is not finished, a checkpoint that it did not score, and files that are there, unless
    `overwrite`.
    """
    found = _scored(run, checkpoint)
    check_new([out / CARD, out / MAPS], overwrite)
    beside = baseline or started_from(run)
    sheet, said = _maps(run, beside, checkpoint)
    content = _content(run, checkpoint, found, beside, out)
    page = render("card.md", maps=MAPS if sheet else "", caption=said if sheet else "", **content)
    files = [out / CARD]
    if sheet is not None:
        write(out / MAPS, sheet)
        files.append(out / MAPS)
    write(out / CARD, page.encode())
    return files


def _scored(run: Run, checkpoint: str) -> Evaluation:
    """Return the test scores of a checkpoint."""
    result = run.finished
    run.checkpoint(checkpoint)
    ends = {"best": result.best, "last": result.last}
    front = {f"front/epoch-{epoch:03}": found for epoch, found in result.front.items()}
    if checkpoint not in ends | front:
        raise UserError(f"--checkpoint {checkpoint}: {run.folder} holds no test scores of it")
    return (ends | front)[checkpoint]


def _maps(run: Run, baseline: Run | None, checkpoint: str) -> tuple[bytes | None, str]:
    """Return a picture of test images with the maps of the network, and of its baseline, and a line on it."""
    runs = [*([baseline] if baseline and baseline.classes == run.classes else []), run]
    choice = Choice(count=SHOWN, checkpoint=checkpoint)
    try:
        rows = explained(runs, choice)
    except UserError:  # the data, or the baseline's checkpoint, are no longer here
        return None, ""
    names = [each.folder.resolve().name for each in runs]
    return encoded(heatmap_sheets(rows, names)[0], "png"), f"Test images drawn at random; {checkpoint} epoch."


def _content(run: Run, checkpoint: str, found: Evaluation, baseline: Run | None, out: Path) -> dict[str, Any]:
    """Return what the template shows, but for the maps."""
    config, result = run.config, run.finished
    main, name = main_score(exclusive(run)), run.folder.resolve().name
    height, width = config.resizing.size
    ends = {"best": result.best_epoch, "last": result.epochs}
    epoch = ends[checkpoint] if checkpoint in ends else int(checkpoint.rpartition("-")[2])
    shown = f"{100 * found.scores[main]:.1f} %"
    kind = role(config)
    return {
        "front": _front(run, found, main),
        "title": markdown(name),
        "summary": f"An image classifier, {config.backbone}, trained on the data set {config.data} "
        f"({kind}). Test {SCORES[main].label}: {shown} on {found.images} images.",
        "details": {
            "network": config.backbone,
            "classes": ", ".join(map(markdown, run.classes)),
            "images": f"{width} x {height} pixels",
            "explained by": f"{config.own_method} at layer {markdown(config.layer)}",
            "checkpoint": f"{checkpoint}, epoch {epoch} of {result.epochs}",
            "started from": markdown(start(config, run.folder)),
        },
        "verdict": _verdict(run, found, baseline, epoch),
        "limits": [markdown(line) for line in _limits(run, found, baseline)],
        "resized": resized(config),
        "opened": OPENED[config.orientation],
        "brought": BROUGHT[config.resize].format(size=(width, height), padding=PADDING),
        "loading": loading(run, out),
        "decision": decision(run),
        "data": _data(run),
        "settings": _settings(run),
        "evaluation": f"On the test split, {found.images} images; maps by {config.explainer}.",
        "scores": list(main_rows(found)),
        "groups": list(group_rows(found)),
        "classes": list(class_rows(found)),
        "reliance": list(reliance_rows(found)),
        "made_with": result.versions or "trained with an earlier version",
    }


def _front(run: Run, found: Evaluation, main: str) -> str:
    """Return the YAML that Hugging Face reads."""
    config = run.config
    data = {"name": config.data, "type": config.data, "split": "test"}
    scored = [
        {"type": name, "name": SCORES[name].label, "value": round(found.scores[name], 4)}
        for name in dict.fromkeys((main, "worst_group", "epg"))
        if name in found.scores
    ]
    task = {"type": "image-classification"}
    return yaml.safe_dump(
        {
            "pipeline_tag": "image-classification",
            "library_name": config.backbone.split("/")[0] if "/" in config.backbone else "model-guidance",
            "tags": ["image-classification", "pytorch", "explainability", "model-guidance"],
            "metrics": [main],
            "model-index": [
                {
                    "name": run.folder.resolve().name,
                    "results": [{"task": task, "dataset": data, "metrics": scored}],
                }
            ],
        },
        sort_keys=False,
        allow_unicode=True,
    )


def _verdict(run: Run, found: Evaluation, baseline: Run | None, epoch: int) -> str:
    """Return what the behaviour on test images says: of this checkpoint alone, and beside the baseline."""
    last = run.finished.epochs
    judged = "It was judged"
    if epoch != last:
        judged = f"Not this checkpoint (epoch {epoch}) but the last one (epoch {last}) was judged"
    said = [of_model(found, len(run.classes))]
    if run.config.uses_regions and baseline is not None:
        try:
            sentence = judge(run, baseline).sentence
        except UserError as reason:
            said.append(f"Whether guidance repaired the model cannot be told: {reason}.")
        else:
            said.append(f"{judged} beside {baseline.folder.resolve().name}: {sentence}")
    return markdown(" ".join(said))


def _limits(run: Run, found: Evaluation, baseline: Run | None) -> Iterator[str]:
    """Yield what limits the claims of this card."""
    results = read_results([each.folder for each in (run, baseline) if each is not None])
    own = next(name for name, each in results.runs.items() if each.folder == run.folder.resolve())
    comparable = next(names for names in sections(results).values() if own in names)
    tested = labelled(of_section(results.tested, comparable))
    yield from limitations(tested, reported(tested))
    yield "One run with one seed: another seed gives other numbers, and no interval here says how different."
    few = [f"{name} ({each['images']:.0f})" for name, each in found.groups.items() if each["images"] < FEW]
    if few:
        yield f"Groups with fewer than {FEW} test images: {', '.join(few)}."
    if not found.groups:
        yield "The data name no groups of images, so accuracy on a minority of them is not known."
    yield (
        "The checkpoint was chosen on validation images and scored on test images of one data set; images "
        "from elsewhere may be classified worse."
    )
    yield "A map shows where evidence lies, not why: judge by what the network does, as the verdict does."


def _data(run: Run) -> str:
    config, cost = run.config, read_cost(run.folder)
    options = ", ".join(f"{name} {value}" for name, value in config.options.items())
    said = [f"Data set: {config.data}{f' ({options})' if options else ''}, split train."]
    if cost is not None and cost.images is not None:
        said.append(f"{cost.images} images with labels, of which {cost.annotated or 0} lent their regions.")
    return markdown(" ".join(said))


def _settings(run: Run) -> Mapping[str, str]:
    """Return the settings that a reader asks for first; a path says only what lies at its end."""
    values = {name.strip("_"): getattr(run.config, name) for name in SETTINGS}
    values["weights"] = start(run.config, run.folder)
    values["method and layer"] = run.config.explainer
    return {name: markdown(str(value)) for name, value in values.items()}
