"""Fronts of IoU against F1: every network and loss, at the input and at the last layer."""

from model_guidance.studies.planning.grids import every_loss
from model_guidance.studies.planning.study import Study

STUDY = Study(
    "IoU against F1",
    "Rao et al. (2023), IoU-F1 fronts; numbers from two public reproductions on VOC and COCO",
    "L1 gives the best IoU. VOC, plain, last layer, F1/IoU: baseline 80.4/35.2, L1 80.2/49.8, Energy "
    "79.8/27.3; B-cos, input: baseline 80.2/0.6, L1 77.9/25.2.",
    every_loss,
)
