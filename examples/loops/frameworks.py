"""Loops of other packages; each is imported where it is used."""

from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

import torch
from by_hand import BATCH, LAMBDA, RATE, data, guided, loader, weights
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, SequentialSampler, default_collate

import model_guidance as mg


def lightning() -> Tensor:
    """Train with Lightning, which moves regions with the batch, and validate in `torch.inference_mode`."""
    import lightning as L

    class Module(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.guidance = guided()

        def training_step(self, batch: Any, _: int) -> Tensor:
            images, labels, regions = batch
            logits, localization = self.guidance(images, labels, regions)
            return cross_entropy(logits, labels) + LAMBDA * localization

        def validation_step(self, batch: Any, _: int) -> None:  # in torch.inference_mode
            self.log("localization", self.guidance(*batch)[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), RATE)

    module, quiet = (
        Module(),
        dict.fromkeys(
            ["logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"], False
        ),
    )
    trainer = L.Trainer(accelerator="cpu", devices=1, max_epochs=1, **quiet)
    trainer.fit(module, loader(), loader())
    return weights(module)


def accelerate() -> Tensor:
    """Prepare the `Guidance`, not the model."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    module = guided()
    optimizer = torch.optim.SGD(module.parameters(), RATE)
    guidance, optimizer, batches = accelerator.prepare(module, optimizer, loader())
    for images, labels, regions in batches:
        logits, localization = guidance(images, labels, regions)
        optimizer.zero_grad()
        accelerator.backward(cross_entropy(logits, labels) + LAMBDA * localization)
        optimizer.step()
    return weights(module)


class WithLoss(nn.Module):
    """Takes a batch by its names and returns the loss, as Hugging Face's Trainer wants it."""

    def __init__(self) -> None:
        super().__init__()
        self.guidance = guided()

    def forward(self, images: Tensor, labels: Tensor, regions: mg.Regions) -> dict[str, Tensor]:
        """Return the loss of Eq. 1, and the logits."""
        logits, localization = self.guidance(images, labels, regions)
        return {"loss": cross_entropy(logits, labels) + LAMBDA * localization, "logits": logits}


def transformers() -> Tensor:
    """Hand over batches by name; `default_collate` joins the regions."""
    from transformers import Trainer, TrainingArguments

    class InOrder(Trainer):  # only so that the example can be compared with the others
        def _get_train_sampler(self, *_: Any) -> Any:
            return SequentialSampler(self.train_dataset)

    module = WithLoss()
    named = [dict(zip(("images", "labels", "regions"), item, strict=True)) for item in data()]
    with TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, num_train_epochs=1, per_device_train_batch_size=BATCH, learning_rate=RATE,
            lr_scheduler_type="constant", optim="sgd", max_grad_norm=0, weight_decay=0, use_cpu=True,
            remove_unused_columns=False, report_to=[], save_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        InOrder(module, arguments, data_collator=default_collate, train_dataset=named).train()
    return weights(module)


def fastai() -> Tensor:
    """Give the `Guidance` three inputs; its two outputs make the loss."""
    from fastai.callback.progress import ProgressCallback
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.optimizer import OptimWrapper

    items = [
        (image, label, regions, label) for image, label, regions in data()
    ]  # three go in, one is compared
    batches = DataLoader(items, BATCH, collate_fn=default_collate)
    loaders = DataLoaders(batches, batches, device=torch.device("cpu"))
    loaders.n_inp = 3
    learner = Learner(
        loaders,
        guided(),
        loss_func=lambda found, labels: cross_entropy(found[0], labels) + LAMBDA * found[1],
        opt_func=partial(OptimWrapper, opt=torch.optim.SGD),
    )
    learner.remove_cb(ProgressCallback)
    learner.fit(1, RATE)
    return weights(learner.model)
