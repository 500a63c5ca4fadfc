"""One training run of a study: its settings, and the run whose weights it starts from."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from model_guidance.files import is_file
from model_guidance.runs.folder import MACHINE, RESULT, Run
from model_guidance.training.config import Config


@dataclass(frozen=True)
class PlannedRun:
    """Settings of a run, and the `start` whose best weights it continues from, if any.

    `images` are those of train, validation and test, and `forwards` how many of the network's forward
    passes a second the machine is assumed to make; `trained` is the share of such a pass that is left where
    the first layers are frozen: all only for the estimated cost. Two with the same settings are the same run,
    in whatever study they occur.
    """

    settings: Mapping[str, Any]
    start: "PlannedRun | None" = None
    images: tuple[int, int, int] = field(default=(0, 0, 0), compare=False)
    forwards: float = field(default=1.0, compare=False)
    trained: float = field(default=1.0, compare=False)

    @cached_property
    def key(self) -> str:
        """The name of the run's folder: readable, and different for different settings.

        Settings that have their default do not count: a new one in a later version must not rename old runs.
        """
        config = self.config(Path())
        usual = asdict(Config())
        given = asdict(config).items()
        facts = {name: value for name, value in given if name not in MACHINE and value != usual[name]}
        code = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
        return re.sub(r"[^\w.@%+-]+", "-", f"{config.data}-{config.backbone}-{_label(config)}-{code}")

    def config(self, runs: Path) -> Config:
        """Return the settings, given the folder in which the folders of all runs lie."""
        given = {"keep_state": False, **self.settings}  # the epochs of a study are fixed
        if self.start is None:
            return Config(**given)
        return Config(**{**given, "weights": str(runs / self.start.key / "best.safetensors")})

    def finished(self, runs: Path) -> bool:
        """Tell whether the run's folder holds its result; raises `UserError` if the folder is damaged."""
        folder = runs / self.key
        return is_file(folder / RESULT) and Run.open(folder).result is not None

    @property
    def hours(self) -> float:
        """The estimated time, from the costs in forward passes, in hours on one device.

        Features that runs share are not counted (`feature_hours`), those of a run's own composites are.
        """
        config, (train, val, test) = self.config(Path()), self.images
        step = STEP.get(config.layer, STEP["final"]) if config.guided else STEP["baseline"]
        beside = config.composites + (config.annotated_batch or 0) / config.batch
        tested = 3 * test  # the two ends with reliance, and a few checkpoints of the front
        passes = config.epochs * (step * train * (1 + beside) + PAIRS * val) + 3 * PAIRS * tested
        if config.frozen is None:
            return passes / self.forwards / 3600
        passes = self.trained * passes + config.composites * train
        return (passes / self.forwards + START) / 3600

    @property
    def features(self) -> str | None:
        """What tells apart the kept features that runs share; None where none are kept."""
        names = ("data", "size", "resize", "orientation", "backbone", "frozen")
        config = self.config(Path())
        if config.frozen is None:
            return None
        from model_guidance.data.opening import known_of  # imports numpy, which help does without

        ceiling = known_of(config.data).ceiling  # validation and test images are the same there
        options = {name: value for name, value in config.options.items() if name not in ceiling}
        return str([options, *(getattr(config, name) for name in names)])

    @property
    def feature_hours(self) -> float:
        """The estimated time for computing them, once for all runs that share them."""
        train, *scored = self.images
        most = self.config(Path()).reliance_images
        passes = train + sum(count + FILLERS * min(count, most) for count in scored)
        return passes / self.forwards / 3600


# In forward passes, for a training step and for all pairs of an image: the mean of the three networks in
# docs/speed.md. What was not timed, mid1 and mid3, lies between its neighbours as the floors do.
STEP = {"baseline": 3.5, "input": 6.9, "mid1": 6.0, "mid2": 4.9, "mid3": 4.0, "final": 3.5}
PAIRS = 2.7
START = 25.0  # seconds: to load everything and draw maps, which counts only where a run takes a minute
FILLERS = 6  # three for what is outside of the regions, three for what is inside


def _label(config: Config) -> str:
    """Describe a run in a few words, such as `ixg@input-energy-0.5-seed1`.

    An X-DNN's method is still named as 0.1 did, or its runs would be trained again.
    """
    explainer = f"{config.method or ('bcos' if config.own_method == 'bcos' else 'ixg')}@{config.layer}"
    if not config.uses_regions:
        return f"{explainer}-baseline-{config.epochs}-seed{config.seed}"
    parts = [explainer, *((config.loss, _goal(config)) if config.guided else ())]
    parts += [f"composites-{config.composites:g}"] if config.composites else []
    parts += [f"{100 * config.annotated:g}%"] if config.annotated < 1 else []
    parts += [f"+{100 * config.dilate:g}%"] if config.dilate else []
    parts += [config.regions] if config.regions != "boxes" else []
    return "-".join([*parts, f"seed{config.seed}"])


def _goal(config: Config) -> str:
    if config.target_epg is not None:
        return f"epg{config.target_epg:g}"
    return f"{config.lambda_:g}" if config.allowed_loss is None else f"loss{config.allowed_loss:g}"


def with_starts(planned: Iterable[PlannedRun]) -> list[PlannedRun]:
    """Return the runs without repetition, each after the one that it starts from."""

    def chain(run: PlannedRun) -> Iterator[PlannedRun]:
        if run.start:
            yield from chain(run.start)
        yield run

    return list({each.key: each for run in planned for each in chain(run)}.values())
