"""The same fronts with mAP in place of F1."""

from model_guidance.studies.planning.grids import every_loss
from model_guidance.studies.planning.study import Study

STUDY = Study(
    "EPG and IoU against mAP",
    "Rao et al. (2023), supplement: the fronts against mAP",
    "The order of the losses is the same as against F1: Energy has the best EPG, L1 the best IoU.",
    every_loss,
)
