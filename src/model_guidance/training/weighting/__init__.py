"""How much the classification loss of each training image counts: rivals of guidance that need no regions."""

from model_guidance.training.weighting.balanced_groups import BalancedGroups
from model_guidance.training.weighting.group_dro import GroupDRO
from model_guidance.training.weighting.just_train_twice import JustTrainTwice
from model_guidance.training.weighting.weighting import Known, Weighting

WEIGHTINGS: dict[str, type[Weighting]] = {
    "groups": BalancedGroups,
    "group_dro": GroupDRO,
    "errors": JustTrainTwice,
}

__all__ = ["WEIGHTINGS", "Known", "Weighting"]
