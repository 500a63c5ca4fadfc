"""Where the time of a guided step goes: its dearest operations, on a GPU its dearest kernels."""

from operator import attrgetter

import torch
import work
from torch.profiler import ProfilerActivity, profile

LISTED = 5


def dearest(it: work.Work, layer: str) -> list[dict[str, object]]:
    """Return the operations that take most of the time themselves, without those that they call."""
    run = work.step(it, work.guided(it, layer, "energy"))
    run()
    on_gpu = it.images.is_cuda
    with profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as found:
        run()
        if on_gpu:
            torch.cuda.synchronize()
    own_time = attrgetter("self_device_time_total" if on_gpu else "self_cpu_time_total")  # microseconds
    events = sorted(found.key_averages(), key=own_time, reverse=True)
    total = sum(map(own_time, events))
    return [
        {
            "operation": event.key,
            "calls": event.count,
            "ms": own_time(event) / 1e3,
            "share": own_time(event) / total,
        }
        for event in events[:LISTED]
    ]
