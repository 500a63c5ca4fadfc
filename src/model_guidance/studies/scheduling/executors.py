"""Where the parts of a study run: processes of this machine, or a cluster through submitit."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from model_guidance.errors import UserError, listed

CLUSTERS = ("here", "slurm", "local", "debug")  # the last two are submitit's: separate processes, this one


class Handle(Protocol):
    """What is known of a call that was sent off (a future of the standard library, or submitit's job)."""

    def done(self) -> bool:
        """Tell whether the call is over."""

    def result(self) -> Any:
        """Return what the call returned, or raise what it raised."""


@dataclass(frozen=True)
class _Refused:
    """A call that a cluster did not take: it is over, and what was sent before goes on."""

    reason: str

    def done(self) -> bool:
        return True

    def result(self) -> Any:
        raise UserError(self.reason)


Submit = Callable[..., Handle]


@contextmanager
def executor(cluster: str, parallel: int, logs: Path, slurm: Mapping[str, Any]) -> Iterator[Submit]:
    """Provide `submit(function, *arguments)`; whatever still runs on leaving is stopped.

    `cluster` is one of `CLUSTERS`; `slurm` are parameters of submitit, such as `slurm_partition`. On this
    machine, `parallel` processes share the processor's cores, and take one GPU each in turn.
    """
    if cluster == "here":
        with _processes(parallel) as submit:
            yield submit
    elif cluster in CLUSTERS:
        with _submitit(cluster, logs, slurm) as submit:
            yield submit
    else:
        raise UserError(f"--cluster {cluster}: choose one of {listed(CLUSTERS, cluster)}")


@contextmanager
def _processes(parallel: int) -> Iterator[Submit]:
    """Have a pool of one process for each place, so that a process that dies takes no other one with it."""
    pools = [_pool(place, parallel) for place in range(parallel)]
    sent: list[list[Handle]] = [[] for _ in pools]

    def submit(function: Callable[..., Any], *arguments: Any) -> Handle:
        waiting = [sum(not handle.done() for handle in handles) for handles in sent]
        place = waiting.index(min(waiting))
        try:
            handle = pools[place].submit(function, *arguments)
        except BrokenProcessPool:  # its process died
            pools[place] = _pool(place, parallel)
            handle = pools[place].submit(function, *arguments)
        sent[place].append(handle)
        return handle

    try:
        yield submit
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)


def _pool(place: int, parallel: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _begin, (place, parallel))


def _begin(place: int, parallel: int) -> None:
    """Take a place: a share of the cores, and a GPU if there are any."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the study, which stops its processes
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // parallel))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    devices = visible.split(",") if visible else [str(i) for i in range(torch.cuda.device_count())]
    if devices:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices[place % len(devices)]


def _end_with_parent() -> None:
    """Stop when the study itself was killed: the same command continues it."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


@contextmanager
def _submitit(cluster: str, logs: Path, slurm: Mapping[str, Any]) -> Iterator[Submit]:
    try:
        import submitit
    except ModuleNotFoundError as error:
        raise UserError(
            f"--cluster {cluster}: needs submitit: pip install 'model-guidance[cluster]'"
        ) from error
    default = {"timeout_min": 24 * 60, "gpus_per_node": 1} if cluster == "slurm" else {}
    try:
        there = submitit.AutoExecutor(logs, cluster=cluster)
    except RuntimeError as error:
        raise UserError(f"--cluster {cluster}: {error}") from error
    try:
        there.update_parameters(**{**default, **slurm})
    except (TypeError, ValueError, NameError, AssertionError) as error:
        raise UserError(f"--slurm: {str(error).splitlines()[0]}") from error
    sent: list[Any] = []

    def submit(function: Callable[..., Any], *arguments: Any) -> Handle:
        try:
            with _interruptible():
                sent.append(there.submit(function, *arguments))
        except submitit.core.utils.FailedJobError as error:  # what sbatch said
            return _Refused(f"--cluster {cluster}: the job was refused: {' '.join(str(error).split())}")
        return sent[-1]

    try:
        yield submit
    except BaseException:
        for job in sent:
            job.cancel()
        raise


@contextmanager
def _interruptible() -> Iterator[None]:
    """Start processes that heed SIGINT, by which submitit cancels, also where this one is to ignore it.

    A shell has what runs in its background ignore the signal, and processes inherit that.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
