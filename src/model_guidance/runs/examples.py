"""Heat maps of a few test images, kept in the run folder so that a report needs neither model nor data."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from safetensors.torch import save
from torch import Tensor, nn

from model_guidance.attribution import explain, tap_for
from model_guidance.data import Split, SplitDataset
from model_guidance.data.annotations.settings import for_scores
from model_guidance.data.dataset import Item
from model_guidance.data.loading import collate
from model_guidance.files import write
from model_guidance.metrics import energy_pointing_game
from model_guidance.metrics.reliance import replaced
from model_guidance.runs.folder import EXAMPLES
from model_guidance.training.config import Config
from model_guidance.types import Batch

COUNT, SEED = 36, 0


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
    write(folder / EXAMPLES / f"{config.look}.safetensors", save(tensors, {"names": names}))


def _row(model: nn.Module, config: Config, batch: Batch) -> Mapping[str, Tensor]:
    images, region = batch.images / 255, batch.regions
    forward = tap_for(config.attribution, model, images, config.layer, attached=False)
    maps = explain(model, forward, region.pairs, config.attribution, create_graph=False)
    label = region.pairs.classes
    with torch.no_grad():
        outside = model(replaced(images, region, "mean", "outside")[0])
    largest = maps.abs().amax(dim=(1, 2), keepdim=True).clamp(min=torch.finfo(maps.dtype).tiny)
    return {
        "images": batch.images,
        "masks": region.masks,
        "maps": (maps / largest).half(),
        "epg": energy_pointing_game(maps, region.masks).float(),
        "labels": label,
        "probability": forward.logits.detach()[0, label].sigmoid().float(),
        "outside": outside[0, label].sigmoid().float(),
    }
