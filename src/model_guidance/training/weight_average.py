"""An average of the weights over the steps of training, which is scored and saved in their place."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class WeightAverage:
    """Exponential moving average of a network's weights and running statistics, with torch's own rule.

    It begins with the weights after the first step; each further step moves it by 1 - `decay` of the way to
    the present ones.
    """

    def __init__(self, network: nn.Module, decay: float):
        self.network, self.values = network, dict[str, Tensor]()
        self._average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]

    def update(self) -> None:
        """Take the present weights into the average."""
        now = self.network.state_dict()
        if not self.values:
            self.values = _copied(now)
            return
        moved = [name for name, value in now.items() if value.is_floating_point()]
        self._average([self.values[name] for name in moved], [now[name] for name in moved], None)
        for name in now.keys() - set(moved):  # counters
            self.values[name].copy_(now[name])

    def share(self) -> None:
        """Give every process the average of the first: each has running statistics of its own images."""
        if dist.is_available() and dist.is_initialized():
            for value in self.values.values():
                dist.broadcast(value, src=0)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let the network have the average for its weights; afterwards it has its own, to the last bit."""
        own = _copied(self.network.state_dict())
        self.network.load_state_dict(self.values)
        try:
            yield
        finally:
            self.network.load_state_dict(own)

    def load(self, values: Mapping[str, Tensor]) -> None:
        """Go on from an earlier average."""
        now = self.network.state_dict()
        self.values = {name: value.to(now[name].device, copy=True) for name, value in values.items()}


def _copied(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    with torch.no_grad():
        return {name: value.detach().clone() for name, value in values.items()}
