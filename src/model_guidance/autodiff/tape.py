"""A tape of how logits came from features, along which gradients go back by ordinary operations."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from model_guidance.autodiff.adjoints import ADJOINTS
from model_guidance.autodiff.checkpointing import Run, checkpointed_block, kept_statistics, run_again
from model_guidance.autodiff.composites import COMPOSITES, TWICE_DIFFERENTIABLE
from model_guidance.autodiff.dispatch import nothing_hidden, one_operation, own_derivative, transformed
from model_guidance.autodiff.dynamic_linear import multiply
from model_guidance.autodiff.rules import Adjoint, Operation, Rows, Way
from model_guidance.autodiff.spellings import SPELLINGS, Spelling, as_named, takes
from model_guidance.errors import UserError

PLAIN = (bool, int, float, str, torch.Size, torch.dtype, torch.device, torch.layout)
CONSTANT: tuple[Callable[..., Any], ...] = (
    *(torch._assert, torch.Tensor.detach, torch.zeros_like, torch.ones_like, torch.empty_like),
    *(Tensor.new_empty, Tensor.new_zeros, Tensor.new_ones, Tensor.new_full),
)


class NoAdjointError(Exception):
    """An operation on the way from the features to the logits has no adjoint of ours."""


class Step(NamedTuple):
    """One operation: the numbers of its outputs, and the way back to each of the values it took."""

    outputs: tuple[int, ...]
    several: bool
    kind: torch.dtype
    ways: tuple[tuple[int, Adjoint], ...]

    def back(self, waiting: dict[int, Tensor], rows: Rows) -> None:
        """Take the gradients that are waiting for the outputs to what they came from."""
        gradients = [waiting.pop(number, None) for number in self.outputs]
        if all(each is None for each in gradients):
            return
        cast = [each if each is None or each.dtype is self.kind else each.to(self.kind) for each in gradients]
        for source, adjoint in self.ways:
            found = adjoint(cast if self.several else cast[0], rows)
            waiting[source] = waiting[source] + found if source in waiting else found


@one_operation
def watch(features: Any) -> Any:
    """Return what a module puts out: for an active tape, the sign that this is what to follow."""
    return features


class Tape(TorchFunctionMode):
    """While it is active, it keeps every operation that the watched features take part in.

    The operations are those of any model: nothing is traced beforehand, and nothing replaced but by its
    equal. `keep` is given what is to be watched and returns what the model is to go on with. The first
    operation that has no entry in `ADJOINTS` is named by `without_adjoint`; then the tape is not `complete`
    and must not be used; with `strict` it raises `NoAdjointError` there and then. `mixes_images` says that
    the images influence each other. The factors of B-cos layers are constants on a tape; where they are not
    wanted as such, `constant_factors` is False, and a B-cos layer leaves it incomplete. With `twice`, what
    autograd cannot differentiate twice is replaced by equal operations of which it can.
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
        self.without_adjoint: str | None = None
        self.result: int | None = None
        self._switched = False
        self._count = 0
        self._token = object()

    @property
    def complete(self) -> bool:
        """Whether every operation from the features to the logits has an adjoint."""
        return self.without_adjoint is None

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run one operation of the model, and keep it if the features take part."""
        kwargs = kwargs or {}
        if func is watch:
            self.watching = True
            return self._numbered(self.keep(*args), 0)
        if func is torch._C._set_grad_enabled:
            self._switched |= self.watching
        watched = self._watched(args, kwargs)
        obstacle = self._obstacle(watched)
        if obstacle is not None:
            self._without(obstacle)
        if not watched or obstacle is not None:
            return self._plain(func, args, kwargs)
        output = self._looked_into(func, args, kwargs)
        if output is not NotImplemented:
            return output
        found = self._operation(func, args, kwargs)
        if found is None:
            return self._leave(_name(func, args), func, args, kwargs)
        return self._record(found, args, kwargs, watched, func)

    def _watched(self, args: Any, kwargs: Any) -> list[Tensor]:
        if not self.watching or not self.complete:
            return []
        return [each for each in _flat((*args, *kwargs.values())) if self._number(each) is not None]

    def _obstacle(self, watched: list[Tensor]) -> str | None:
        """Return why this operation does not say what its derivative is, if it does not."""
        for each in watched:
            if _version(each) != each.tape_place[2]:  # type: ignore[attr-defined]
                return "a change in place"
        if watched and self._switched and not torch.is_grad_enabled():
            return "torch.no_grad"
        if watched:
            return own_derivative()
        return "torch.func" if self.watching and self.complete and transformed() else None

    def _looked_into(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if func not in COMPOSITES:
            return NotImplemented
        with self:
            return COMPOSITES[func](*args, **kwargs)

    def _plain(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        func = TWICE_DIFFERENTIABLE.get(func, func) if self.twice else func
        return func(*args, **kwargs)

    def _leave(self, name: str, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        output = self._plain(func, args, kwargs)
        if not (_is_constant(output) or func in CONSTANT):
            self._without(name)
        return output

    def _without(self, name: str) -> None:
        self.without_adjoint = name
        if self.strict:
            raise NoAdjointError(name)

    def _record(
        self, found: Operation, args: Any, kwargs: Any, watched: list[Tensor], func: Callable[..., Any]
    ) -> Any:
        ways = found.adjoint
        if not ways:
            return found.output
        if callable(ways):
            ways = (Way(args[0] if args else next(iter(kwargs.values())), ways),)
        numbered = [(self._number(way.source), way) for way in ways]
        used = [(number, way) for number, way in numbered if number is not None]
        if {self._number(each) for each in watched} - {number for number, _ in used}:
            self._without(_name(func, args))
            return found.output
        several = not isinstance(found.output, Tensor)
        outputs = found.output if several else (found.output,)
        numbers = tuple(range(self._count + 1, self._count + 1 + len(outputs)))
        self._count += len(outputs)
        self.steps.append(
            Step(numbers, several, outputs[0].dtype, tuple([(number, way.adjoint) for number, way in used]))
        )
        self.mixes_images |= found.mixes_images or any(way.mixes_images for _, way in used)
        for output, number in zip(outputs, numbers, strict=True):
            self._numbered(output, number)
        return found.output

    def finish(self, output: Tensor) -> None:
        """Tell the tape which tensor is the result that is to be differentiated."""
        self.result = self._number(output)
        if self.complete and self.result is None:  # autograd may know of a way
            self._without("an output that is no function of the features")
        output.tape_place = None  # type: ignore[attr-defined]

    def gradient(self, cotangent: Tensor, rows: Rows) -> Tensor | None:
        """Return what `cotangent`, given with respect to the result, is with respect to the features.

        Row p of both is about image `rows[p]`, or image p if `rows` is None. None: there is no way from the
        features to the result.
        """
        waiting = {} if self.result is None else {self.result: cotangent}
        for step in reversed(self.steps):
            step.back(waiting, rows)
        return waiting.get(0)

    def _operation(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Operation | None:
        if kwargs.get("out") is not None or (func is multiply and not self.constant_factors):
            return None
        if func is checkpointed_block:
            return self._block(*args, **kwargs)
        spelling = SPELLINGS.get(func) or Spelling(func)
        rule, kwargs = ADJOINTS.get(spelling.operation), as_named(kwargs)
        if rule is None or (spelling.in_place and self._number(args[0]) is None) or not takes(rule, kwargs):
            return None
        return rule(*args, **kwargs, inplace=True) if spelling.in_place else rule(*args, **kwargs)

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
        value.tape_place = (self._token, number, _version(value))  # type: ignore[attr-defined]
        return value

    def _number(self, value: Any) -> int | None:
        place = getattr(value, "tape_place", None)
        return place[1] if place is not None and place[0] is self._token else None


def _version(value: Tensor) -> int:
    """Return how often a tensor, or one that it is a view of, was changed in place."""
    return 0 if torch.compiler.is_compiling() or value.is_inference() else value._version


def _is_constant(output: object) -> bool:
    """Return whether no gradient goes through what was put out."""
    if isinstance(output, Tensor):
        return not (output.numel() and (output.is_floating_point() or output.is_complex()))
    return isinstance(output, PLAIN)


def _name(func: Callable[..., Any], args: Sequence[Any]) -> str:
    if args and isinstance(args[0], type):  # a `torch.autograd.Function`
        return args[0].__qualname__.rpartition("<locals>.")[2]
    named = "name" if isinstance(func, torch.jit.ScriptFunction) else "__name__"
    return str(getattr(func, named, func))


def _follow(run: Run, x: Tensor, constant_factors: bool) -> tuple[Tensor, Tape]:
    tape = Tape(torch.clone, constant_factors=constant_factors, strict=True)
    try:
        with nothing_hidden(), tape:
            output = run(watch(x))
        tape.finish(output)
    except NoAdjointError as error:
        raise UserError(
            f"checkpoint: {error} in a block of this network has no adjoint in autodiff/adjoints: "
            "leave checkpoint out"
        ) from error
    return output, tape


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _flat(value)
        else:
            yield value
