"""The paper, figure by figure: `STUDIES` by name."""

from model_guidance.studies.planning.study import Study
from model_guidance.studies.recipes import finding_lambda, fronts, qualitative, reduction, rivals, waterbirds

STUDIES: dict[str, Study] = {
    **fronts.STUDIES,
    "waterbirds": waterbirds.STUDY,
    "waterbirds-95": waterbirds.STUDY_95,
    "rivals": rivals.STUDY,
    "qualitative": qualitative.STUDY,
    "lambda": finding_lambda.STUDY,
    "reduction": reduction.STUDY,
}
