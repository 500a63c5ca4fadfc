"""Settings that a training without guidance leaves unused: no mistake, baselines share those of rivals."""

from model_guidance.training.config import Config

OF_GUIDANCE = ("loss", "reduction", "guided_part", "compile")
OF_REGIONS = ("dilate", "annotated", "annotation_seed", "annotated_images")  # composites use them as well


def unused(config: Config) -> str | None:
    """Return which settings, other than the defaults, do nothing in this training, in one sentence if any."""
    names = [*(OF_GUIDANCE if not config.guided else ()), *(OF_REGIONS if not config.uses_regions else ())]
    fields = Config.__dataclass_fields__
    idle = [name for name in names if getattr(config, name) != fields[name].default]
    if not idle:
        return None
    listed = ", ".join(f"--{name} {getattr(config, name)}" for name in idle)
    return f"not used in this training, nothing is guided without --lambda: {listed}"
