"""Heat maps of a few test images, kept in the run folder: a report then needs neither model nor data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from lightning_fabric import Fabric
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from model_guidance.attribution import capture
from model_guidance.data import Split, SplitDataset
from model_guidance.data.annotations.settings import for_scores
from model_guidance.data.dataset import Item
from model_guidance.data.loading import collate
from model_guidance.errors import UserError
from model_guidance.files import check_file, is_there, write
from model_guidance.metrics import energy_pointing_game
from model_guidance.metrics.reliance import replaced
from model_guidance.runs.folder import CONFIG, EXAMPLES
from model_guidance.training.classification import probabilities_of
from model_guidance.training.config import Config
from model_guidance.training.config_file import load
from model_guidance.types import Batch, unit_range

COUNT, SEED = 36, 0
BANNED = "banned"  # which runs of earlier versions did not keep
SHOULD = 0.8  # EPG from which on a map claims that the region alone decides


@dataclass(frozen=True)
class Examples:
    """A run's last epoch on the fixed sample of test images; `outside` is the probability without the rest.

    Fractions, but for `images` in [0, 255], `labels`, and the signed `maps` in [-1, 1]. Where an image is
    `banned`, nothing but what must not be used is annotated: `masks` are then everything else.
    """

    names: list[str]
    images: UInt8[np.ndarray, "n 3 height width"]
    masks: Bool[np.ndarray, "n height width"]
    maps: Float[np.ndarray, "n height width"]
    epg: Float[np.ndarray, "n"]
    labels: Int[np.ndarray, "n"]
    probability: Float[np.ndarray, "n"]
    outside: Float[np.ndarray, "n"]
    banned: Bool[np.ndarray, "n"]


def read_examples(folder: Path, explainer: str) -> Examples | None:
    """Return what a run kept under `explainer`, or None; raises `UserError` if the file is damaged."""
    path = _file(folder, explainer)
    if not is_there(path):
        return None
    check_file(path)
    tensors = [field.name for field in fields(Examples) if field.name not in ("names", BANNED)]
    try:
        with safe_open(path, framework="numpy") as file:
            names = json.loads(file.metadata()["names"])
            found = {name: file.get_tensor(name) for name in tensors}
            banned = file.get_tensor(BANNED) if BANNED in set(file.keys()) else np.zeros(len(names), bool)
            return Examples(names, **found, banned=banned)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: this is damaged or of another version of model-guidance") from error


def _file(folder: Path, explainer: str) -> Path:
    """Return where the maps lie: those of an X-DNN may be called `ixg`, as they were once."""
    path, layer = folder / EXAMPLES / f"{explainer}.safetensors", explainer.partition("@")[2]
    if is_there(path) or load(folder / CONFIG).explained_by("ixg", layer).explainer != explainer:
        return path
    return path.with_name(f"ixg@{layer}.safetensors")


def write_examples(folder: Path, model: nn.Module, config: Config, split: Split, fabric: Fabric) -> None:
    """Write the maps of `COUNT` images with a region to `folder/examples/METHOD@LAYER.safetensors`.

    The images are drawn at random, the same ones for all runs on the same data; of each, the first class
    that has a region is explained. Tensors: `images` uint8 [n, 3, h, w]; `masks` bool [n, h, w]; `maps`
    float16 [n, h, w], signed, divided by their largest magnitude; `epg`, `labels` (the class),
    `probability` of that class, and `outside`, its probability when everything outside the region is
    replaced by the mean colour, [n] each. The metadata holds the images' `names`.
    """
    if not fabric.is_global_zero:
        return
    drawn = np.random.default_rng(SEED).permutation(len(split))
    dataset = SplitDataset(split, for_scores(split, config.regions, config.outside))
    examples: list[Item] = []
    for index in drawn.tolist():
        if len(examples) < COUNT and (example := dataset[index]).regions:
            examples.append(replace(example, regions=example.regions[:1]))
    if not examples:
        return
    model.eval()
    rows = [_row(model, config, collate([example]).to(fabric.device)) for example in examples]
    tensors = {name: torch.cat([row[name] for row in rows]).cpu() for name in rows[0]}
    names = json.dumps([split.names[example.index] for example in examples])
    write(folder / EXAMPLES / f"{config.explainer}.safetensors", save(tensors, {"names": names}))


def _row(model: nn.Module, config: Config, batch: Batch) -> Mapping[str, Tensor]:
    images, region = unit_range(batch.images), batch.regions
    explanation = capture(model, images, config.own_method, config.layer, layout=config.layout)
    maps = explanation.maps(region.pairs)
    label = region.pairs.class_index
    with torch.no_grad():
        outside = model(replaced(images, region, "mean", "outside")[0])
    found, altered = (
        probabilities_of(logits.detach()[0], config.classification)[label].float()
        for logits in (explanation.logits, outside)
    )
    largest = maps.abs().amax(dim=(1, 2), keepdim=True).clamp(min=torch.finfo(maps.dtype).tiny)
    return {
        "images": batch.images,
        "masks": region.masks,
        "maps": (maps / largest).half(),
        "epg": energy_pointing_game(maps, region.masks, region.valid).float(),
        "labels": label,
        "probability": found,
        "outside": altered,
        BANNED: torch.full_like(label, region.valid is not None, dtype=torch.bool),
    }


def flips(examples: Examples, classes: list[str]) -> list[str]:
    """Return the images whose map lies in the region while the decision hangs on what is outside.

    The decision on the explained class flips if its probability crosses 0.5 when everything outside of the
    region is replaced by its mean colour.
    """
    crossed = (examples.probability >= 0.5) != (examples.outside >= 0.5)
    return [
        f"{examples.names[place]} ({classes[examples.labels[place]]}): EPG {examples.epg[place]:.2f}, "
        f"probability {examples.probability[place]:.2f}, outside replaced {examples.outside[place]:.2f}"
        for place in np.flatnonzero(crossed & (examples.epg >= SHOULD))
    ]


def telling(epg: Float[np.ndarray, "n"], count: int = 3) -> dict[str, list[int]]:
    """Return the places of the best, the worst, and some other images drawn at random (always the same)."""
    order = np.argsort(-np.nan_to_num(epg, nan=-1.0), kind="stable").tolist()
    best, rest = order[:count], order[count:]
    worst, between = rest[-count:], rest[: max(0, len(rest) - count)]
    drawn = np.random.default_rng(0).permutation(len(between))[:count]
    return {"best": best, "worst": worst[::-1], "random": [between[place] for place in sorted(drawn)]}
