"""Where the time of a guided step goes: its dearest operations, on a GPU its dearest kernels."""

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
    events = found.key_averages()
    times = {
        each.key: (each.self_device_time_total if on_gpu else each.self_cpu_time_total, each.count)
        for each in events
    }
    total = sum(time for time, _ in times.values())
    first = sorted(times, key=lambda name: -times[name][0])[:LISTED]
    return [
        {
            "operation": name,
            "calls": times[name][1],
            "ms": times[name][0] / 1e3,
            "share": times[name][0] / total,
        }
        for name in first
    ]
