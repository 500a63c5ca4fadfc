"""Fronts of EPG against F1: every network and loss, at the input and at the last layer."""

from model_guidance.studies.planning.grids import every_loss
from model_guidance.studies.planning.study import Study

STUDY = Study(
    "EPG against F1",
    "Rao et al. (2023), EPG-F1 fronts on VOC and COCO; B-cos, plain and X-DNN at the input on VOC",
    "Energy gives the best EPG at a given F1. VOC, input, EPG @ F1: B-cos 71.7 @ 79.4, X-DNN 62.3 @ 68.9, "
    "plain 55.8 @ 69.0. At the last layer every network can be guided.",
    every_loss,
)
