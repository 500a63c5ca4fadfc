"""A tape of how logits came from features, along which gradients go back by ordinary operations."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from model_guidance.autodiff.adjoints import ADJOINTS, SUMS
from model_guidance.autodiff.checkpointing import Run, checkpointed_block, kept_statistics, run_again
from model_guidance.autodiff.dispatch import one_operation
from model_guidance.autodiff.dynamic_linear import multiply
from model_guidance.autodiff.rules import Adjoint, Operation, Rows
from model_guidance.autodiff.second_derivatives import TWICE_DIFFERENTIABLE
from model_guidance.errors import UserError

PLAIN = (bool, int, float, str, torch.Size, torch.dtype, torch.device, torch.layout)


class NoAdjointError(Exception):
    """An operation on the way from the features to the logits has no adjoint of ours."""


class Step(NamedTuple):
    """One operation: the numbers of the values it took (0: the features), and its adjoint."""

    sources: tuple[int, ...]
    adjoint: Adjoint

    def back(self, waiting: dict[int, Tensor], number: int, rows: Rows) -> None:
        """Take the gradient that is waiting for the output to those that it came from."""
        gradient = self.adjoint(waiting.pop(number), rows)
        for source in self.sources:
            waiting[source] = waiting[source] + gradient if source in waiting else gradient


@one_operation
def watch(features: Any) -> Any:
    """Return what a module puts out: for an active tape, the sign that this is what to follow."""
    return features


class Tape(TorchFunctionMode):
    """While it is active, it keeps every operation that the watched features take part in.

    The operations are those of any model: nothing is traced beforehand, and nothing replaced but by its
    equal. `keep` is given what is to be watched and returns what the model is to go on with. Once an
    operation has no entry in `ADJOINTS`, the tape is not `complete` and must not be used; with `strict` it
    raises `NoAdjointError` there and then. `mixes_images` says that the images influence each other. The
    factors of B-cos layers are constants on a tape; where they are not wanted as such, `constant_factors` is
    False, and a B-cos layer leaves it incomplete. With `twice`, operations whose derivative autograd cannot
    differentiate again are replaced by equal ones of which it can.
    """

    def __init__(
        self, keep: Callable[[Tensor], Tensor], *, constant_factors: bool, strict: bool, twice: bool = False
    ):
        super().__init__()
        self.twice = twice
        self.keep, self.constant_factors, self.strict = keep, constant_factors, strict
        self.steps: list[Step] = []
        self.watching = False
        self.mixes_images = False
        self.complete = True
        self.result: int | None = None
        self._token = object()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run one operation of the model, and keep it if the features take part."""
        kwargs = kwargs or {}
        func = TWICE_DIFFERENTIABLE.get(func, func) if self.twice else func
        if func is watch:
            self.watching = True
            return self._numbered(self.keep(*args), 0)
        if not self.watching or not self.complete:
            return func(*args, **kwargs)
        sources = [n for n in map(self._number, _flat((*args, *kwargs.values()))) if n is not None]
        if not sources:
            return func(*args, **kwargs)
        first = bool(args) and self._number(args[0]) is not None and len(sources) == 1
        operation = self._operation(func, args, kwargs) if first or func in SUMS else None
        if operation is not None:
            self.steps.append(Step(tuple(sources), operation.adjoint))
            self.mixes_images = self.mixes_images or operation.mixes_images
            return self._numbered(operation.output, len(self.steps))
        output = func(*args, **kwargs)
        if not isinstance(output, PLAIN):
            self.complete = False
            if self.strict:
                raise NoAdjointError
        return output

    def finish(self, output: Tensor) -> None:
        """Tell the tape which tensor is the result that is to be differentiated."""
        self.result = self._number(output)
        output.tape_number = None  # type: ignore[attr-defined]

    def gradient(self, cotangent: Tensor, rows: Rows) -> Tensor | None:
        """Return what `cotangent`, given with respect to the result, is with respect to the features.

        Row p of both is about image `rows[p]`, or image p if `rows` is None. None: there is no way from the
        features to the result.
        """
        waiting = {} if self.result is None else {self.result: cotangent}
        for i in range(len(self.steps), 0, -1):
            if i in waiting:
                self.steps[i - 1].back(waiting, i, rows)
        return waiting.get(0)

    def _operation(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Operation | None:
        if func is multiply and not self.constant_factors:
            return None
        if func is checkpointed_block:
            return self._block(*args, **kwargs)
        rule = ADJOINTS.get(func)
        return rule(*args, **kwargs) if rule else None

    def _block(self, x: Tensor, block: nn.Module, run: Run) -> Operation:
        mixes_images = False

        def ahead(x: Tensor) -> Tensor:
            nonlocal mixes_images
            output, inner = _follow(run, x, self.constant_factors)
            mixes_images = inner.mixes_images
            return output

        def back(x: Tensor, gradient: Tensor, rows: Rows) -> Tensor:
            with kept_statistics(block):
                _, inner = _follow(run, x, self.constant_factors)
            found = inner.gradient(gradient, rows)
            return torch.zeros_like(x) if found is None else found

        output = run_again(block, ahead, x)
        return Operation(
            output, lambda gradient, rows: run_again(block, back, x, gradient, rows), mixes_images
        )

    def _numbered(self, value: Tensor, number: int) -> Tensor:
        value.tape_number = (self._token, number)  # type: ignore[attr-defined]
        return value

    def _number(self, value: Any) -> int | None:
        token, number = getattr(value, "tape_number", None) or (None, None)
        return number if token is self._token else None


def _follow(run: Run, x: Tensor, constant_factors: bool) -> tuple[Tensor, Tape]:
    tape = Tape(torch.clone, constant_factors=constant_factors, strict=True)
    try:
        with tape:
            output = run(watch(x))
    except NoAdjointError as error:
        raise UserError(
            "checkpoint: an operation in a block of this network has no adjoint in autodiff/adjoints: "
            "leave checkpoint out"
        ) from error
    tape.finish(output)
    return output, tape


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _flat(value)
        else:
            yield value
