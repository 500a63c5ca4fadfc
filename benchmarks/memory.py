"""Peak memory of one piece of work over the network and its batch, in MB."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import torch
import work

CALLS = ("twin step", "our step", "our step, checkpointed", "twin evaluation", "our evaluation")


def peak(name: str, batch: int, size: int, call: str, layer: str, device: torch.device) -> float:
    """Return the peak of a call of `CALLS`; on a CPU in a process of its own, whose peak it raises."""
    if device.type == "cuda":
        return _peak(name, batch, size, call, layer, device)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak, (name, batch, size, call, layer, device))


def _peak(name: str, batch: int, size: int, call: str, layer: str, device: torch.device) -> float:
    it = work.work(name, batch, size, device)
    run = {
        "twin step": work.step(it, work.guided_by_twin(it, layer, "energy")),
        "our step": work.step(it, work.guided(it, layer, "energy")),
        "our step, checkpointed": work.step(it, work.guided(it, layer, "energy", checkpoint=True)),
        "twin evaluation": lambda: work.evaluated_by_twin(it, layer),
        "our evaluation": lambda: work.evaluated(it, layer),
    }[call]
    return measured(run, device)


def measured(run: Callable[[], object], device: torch.device) -> float:
    """Return by how many MB a call raises the peak of the memory in use."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run()
        return (torch.cuda.max_memory_allocated(device) - before) / 1e6
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak starts anew at what is resident now
    before = _peak_so_far()
    run()
    return _peak_so_far() - before


def largest_batch(name: str, size: int, layer: str, device: torch.device) -> int:
    """Return the largest power of two of images that a guided step has memory for; 0: not even one."""
    batch = 1
    while _fits(name, batch, size, layer, device):
        batch *= 2
    return batch // 2


def _fits(name: str, batch: int, size: int, layer: str, device: torch.device) -> bool:
    try:
        it = work.work(name, batch, size, device)
        work.step(it, work.guided(it, layer, "energy"))()
    except torch.OutOfMemoryError:
        return False
    finally:
        torch.cuda.empty_cache()
    return True


def _peak_so_far() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e3
