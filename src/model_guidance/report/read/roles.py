"""What a run is for in a comparison, told from its settings."""

from pathlib import Path
from typing import Literal, get_args

from model_guidance.errors import UserError
from model_guidance.files import is_file
from model_guidance.runs.folder import CONFIG
from model_guidance.runs.start import initial_checkpoint, is_checkpoint, run_folder
from model_guidance.training.config import Config
from model_guidance.training.config_file import load

Role = Literal["baseline", "baseline, continued", "weighted", "guided", "random regions", "ceiling"]
ROLES: tuple[Role, ...] = get_args(Role)
GUIDED: tuple[Role, ...] = ("guided", "random regions")
SCRATCH = "random weights"


def role(config: Config) -> Role:
    """Return the role of a run with these settings.

    A baseline that starts from another run's checkpoint is "continued": it had as many epochs as the guided
    runs that start there, which makes it the honest comparison. "weighted" are rivals that use no regions:
    their images count differently, on whichever images they were trained.
    """
    from model_guidance.data.opening import known_of  # noqa: PLC0415  (numpy: studies are planned without)

    if config.weighting != "images" and not config.uses_regions:
        return "weighted"
    if known_of(config.data).is_ceiling(config.options):
        return "ceiling"
    if not config.uses_regions:
        return "baseline, continued" if is_checkpoint(Path(config.weights or "")) else "baseline"
    return "random regions" if config.regions == "random" else "guided"


def start(config: Config, folder: Path = Path()) -> str:
    """Return where the first run of the chain got its weights: "random weights", "imagenet" or a file's name.

    `folder` is that of the run with these settings. A chain that leads to a run that is no longer there ends
    with that run's name.
    """
    seen: set[Path] = set()
    while is_checkpoint(Path(config.weights or "")):
        folder = run_folder(initial_checkpoint(config, folder) or Path(str(config.weights)))
        if folder in seen or not is_file(folder / CONFIG):
            return folder.name
        seen.add(folder)
        try:
            config = load(folder / CONFIG)
        except UserError:
            return folder.name
    return SCRATCH if config.weights is None else Path(config.weights).name
