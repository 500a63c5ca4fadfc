"""The paper, figure by figure: `STUDIES` by name."""

from model_guidance.studies.planning.study import Study
from model_guidance.studies.recipes import (
    coarse,
    depths,
    epg_f1,
    finding_lambda,
    gradcam,
    iou_f1,
    limited,
    map_fronts,
    on_object,
    qualitative,
    reduction,
    waterbirds,
)

STUDIES: dict[str, Study] = {
    "epg-f1": epg_f1.STUDY,
    "iou-f1": iou_f1.STUDY,
    "map": map_fronts.STUDY,
    "gradcam": gradcam.STUDY,
    "depths": depths.STUDY,
    "on-object": on_object.STUDY,
    "limited": limited.STUDY,
    "coarse": coarse.STUDY,
    "waterbirds": waterbirds.STUDY,
    "qualitative": qualitative.STUDY,
    "lambda": finding_lambda.STUDY,
    "reduction": reduction.STUDY,
}
