"""Curves and sheets of maps of a run, epoch by epoch: loggers of Lightning Fabric, and Weights & Biases."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from lightning_fabric.loggers.csv_logs import CSVLogger
from lightning_fabric.loggers.tensorboard import TensorBoardLogger
from torch import Tensor, nn

from model_guidance.attribution import capture
from model_guidance.autodiff.evaluation_mode import evaluation_mode
from model_guidance.data import Split, SplitDataset
from model_guidance.data.annotations.settings import for_scores
from model_guidance.data.dataset import Item
from model_guidance.data.loading import collate
from model_guidance.errors import UserError, listed
from model_guidance.evaluation import Scores
from model_guidance.files import is_there, read_text, write
from model_guidance.runs.folder import CSV, TENSORBOARD, WANDB
from model_guidance.training.config import Config
from model_guidance.types import Batch, Pairs, unit_range

TRAINING = ("loss", "localization", "lambda", "learning_rate")
IMAGES, SEED = 6, 0
Sheet = UInt8[np.ndarray, "height width 3"]


class Csv:
    """A table of all epochs, `csv/metrics.csv`."""

    package: str | None = None

    def __init__(self, folder: Path, config: Config, history: Sequence[Scores]):
        (folder / CSV / "metrics.csv").unlink(missing_ok=True)  # the logger would warn, and delete it
        self.logger = CSVLogger(folder, name=CSV, version="")
        for row in history:
            self.log(row, None)

    def log(self, row: Scores, sheet: Sheet | None) -> None:
        """Write a row."""
        self.logger.log_metrics(_placed(row), int(row["epoch"]))
        self.logger.save()

    def close(self) -> None:
        """End."""


class TensorBoard:
    """Events for TensorBoard, in `tensorboard/`; those of an epoch that is trained again are left out."""

    package = "tensorboard"

    def __init__(self, folder: Path, config: Config, history: Sequence[Scores]):
        self.logger = TensorBoardLogger(folder, name=TENSORBOARD, version="", purge_step=len(history) + 1)

    def log(self, row: Scores, sheet: Sheet | None) -> None:
        """Write points of curves, and the sheet."""
        epoch = int(row["epoch"])
        self.logger.log_metrics(_placed(row), epoch)
        if sheet is not None:
            self.logger.experiment.add_image("validation/maps", sheet, epoch, dataformats="HWC")
        self.logger.save()

    def close(self) -> None:
        """End."""
        self.logger.finalize("success")


class WeightsAndBiases:
    """A run of Weights & Biases, in its own folder `wandb`; its name there is kept in `wandb.txt`."""

    package = "wandb"

    def __init__(self, folder: Path, config: Config, history: Sequence[Scores]):
        import wandb  # noqa: PLC0415  (not everybody has it)

        if not is_there(folder / WANDB):
            write(folder / WANDB, uuid.uuid4().hex.encode())
        own = {"id": read_text(folder / WANDB), "resume": "allow", "name": folder.name, "dir": str(folder)}
        self.run = wandb.init(project="model-guidance", config=config.plain(), **own)
        self.image: Callable[[Sheet], Any] = wandb.Image

    def log(self, row: Scores, sheet: Sheet | None) -> None:
        """Send points of curves, and the sheet."""
        shown = {} if sheet is None else {"validation/maps": self.image(sheet)}
        self.run.log(_placed(row) | shown, step=int(row["epoch"]))

    def close(self) -> None:
        """End."""
        self.run.finish()


LOGGERS: dict[str, type[Csv | TensorBoard | WeightsAndBiases]] = {
    "csv": Csv,
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
}


def check_loggers(config: Config) -> None:
    """Raise `UserError` for a logger that is unknown, or whose package is not installed."""
    for name in _names(config):
        if name not in LOGGERS:
            raise UserError(f"--logger {name}: choose one of {listed(LOGGERS, name)}")
        package = LOGGERS[name].package
        if package is not None and find_spec(package) is None:
            raise UserError(f"--logger {name}: needs {package}: pip install 'model-guidance[loggers]'")


class Log:
    """The loggers that the settings name; what of the `history` an interrupted run has logged, goes on.

    The sheet is of some validation images and their maps. The images are drawn by chance, the same ones in
    all epochs and in all runs on the same data; those with a region come first.
    """

    def __init__(self, folder: Path, config: Config, validation: Split, history: Sequence[Scores]):
        self.config = config
        self.sheet: Sheet | None = None
        self.loggers = [LOGGERS[name](folder, config, history) for name in _names(config)]
        drawn = any(each.package is not None for each in self.loggers)
        self.batch = _drawn(validation, config) if drawn else None

    def draw(self, model: nn.Module, device: torch.device) -> None:
        """Draw the sheet with the weights that `model` has now; the next `epoch` shows it."""
        if self.batch is not None:
            self.sheet = sheet_of_maps(model, self.config, self.batch.to(device))

    def epoch(self, row: Scores) -> None:
        """Log an epoch that is over."""
        for each in self.loggers:
            each.log(row, self.sheet)

    def close(self) -> None:
        """End all logs."""
        for each in self.loggers:
            each.close()


def sheet_of_maps(model: nn.Module, config: Config, batch: Batch) -> Sheet:
    """Return images in one row and their maps below; red speaks for the explained class, blue against it."""
    images, count = unit_range(batch.images), len(batch.images)
    classes = [int(found) for found in batch.labels.argmax(dim=1)]
    for image, of in zip(batch.regions.pairs.image_index, batch.regions.pairs.class_index, strict=True):
        classes[int(image)] = int(of)
    pairs = Pairs(torch.arange(count), torch.tensor(classes), True).to(images.device)
    with evaluation_mode(model):
        maps = capture(model, images, config.own_method, config.layer, layout=config.layout).maps(pairs)
    rows = torch.cat([images, _coloured(images, maps.detach())], dim=2)  # one below the other
    sheet = torch.cat(list(rows), dim=2).clamp(0, 1)
    return (255 * sheet).round().byte().permute(1, 2, 0).cpu().numpy()


def _coloured(
    images: Float[Tensor, "n 3 height width"], maps: Float[Tensor, "n height width"]
) -> Float[Tensor, "n 3 height width"]:
    largest = maps.abs().amax(dim=(1, 2), keepdim=True).clamp(min=torch.finfo(maps.dtype).tiny)
    strength = (maps / largest).unsqueeze(1)
    red, blue = torch.eye(3, device=maps.device).to(maps)[[0, 2]].view(2, 1, 3, 1, 1)
    colour = torch.where(strength > 0, red, blue)
    grey = 0.5 + 0.5 * images.mean(dim=1, keepdim=True)
    return grey * (1 - strength.abs()) + colour * strength.abs()


def _drawn(split: Split, config: Config) -> Batch:
    dataset = SplitDataset(split, for_scores(split, config.regions, config.outside))
    order = np.random.default_rng(SEED).permutation(len(split))
    first = sorted(order.tolist(), key=lambda index: not dataset.annotated[index])[:IMAGES]
    items: list[Item] = [dataset[index] for index in first]
    return collate([replace(item, regions=item.regions[:1]) for item in items])


def _names(config: Config) -> list[str]:
    names = (config.logger or "").split(",")
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))


def _placed(row: Scores) -> dict[str, Any]:
    """Return the scores of an epoch by the names that group them in a logger."""
    place = {name: f"training/{name}" for name in TRAINING}
    return {place.get(name, f"validation/{name}"): value for name, value in row.items() if name != "epoch"}
