"""Loops of plain PyTorch on one device."""

import torch
from by_hand import BATCH, DECAY, LAMBDA, NORM, RATE, guided, loader, weights
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import model_guidance as mg


def plain() -> Tensor:
    """Train as everybody does, with one more term."""
    guidance = guided()
    optimizer = torch.optim.SGD(guidance.parameters(), RATE)
    for images, labels, regions in loader():
        logits, localization = guidance(images, labels, regions)
        optimizer.zero_grad()
        (cross_entropy(logits, labels) + LAMBDA * localization).backward()
        optimizer.step()
    return weights(guidance)


def accumulation() -> Tensor:
    """Take two small batches for each step: the mean is over the guided images of both."""
    guidance = guided()
    optimizer = torch.optim.SGD(guidance.parameters(), RATE)
    batches = list(loader(BATCH // 2))
    for parts in zip(batches[::2], batches[1::2], strict=True):
        number = sum(mg.guided_images(labels, regions) for _, labels, regions in parts)
        optimizer.zero_grad()
        for images, labels, regions in parts:
            logits, localization = guidance(images, labels, regions, normalizer=number)
            (cross_entropy(logits, labels) / len(parts) + LAMBDA * localization).backward()
        optimizer.step()
    return weights(guidance)


def clipping() -> Tensor:
    """Clip the gradient of both losses together."""
    guidance = guided()
    optimizer = torch.optim.SGD(guidance.parameters(), RATE)
    for images, labels, regions in loader():
        logits, localization = guidance(images, labels, regions)
        optimizer.zero_grad()
        (cross_entropy(logits, labels) + LAMBDA * localization).backward()
        nn.utils.clip_grad_norm_(guidance.parameters(), NORM)
        optimizer.step()
    return weights(guidance)


def average() -> Tensor:
    """Keep an exponential moving average of the weights, which can be called as the `Guidance` is."""
    guidance = guided()
    optimizer = torch.optim.SGD(guidance.parameters(), RATE)
    averaged = AveragedModel(guidance, multi_avg_fn=get_ema_multi_avg_fn(DECAY))
    for images, labels, regions in loader():
        logits, localization = guidance(images, labels, regions)
        optimizer.zero_grad()
        (cross_entropy(logits, labels) + LAMBDA * localization).backward()
        optimizer.step()
        averaged.update_parameters(guidance)
    with torch.inference_mode():
        averaged(images, labels, regions)
    return weights(averaged)


def autocast(dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """Take half precision; the scaler is for float16 and does nothing for bfloat16."""
    guidance = guided()
    optimizer = torch.optim.SGD(guidance.parameters(), RATE)
    scaler = torch.amp.GradScaler("cpu", enabled=dtype == torch.float16)
    for images, labels, regions in loader():
        with torch.autocast("cpu", dtype):
            logits, localization = guidance(images, labels, regions)
            loss = cross_entropy(logits, labels) + LAMBDA * localization
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    return weights(guidance)
