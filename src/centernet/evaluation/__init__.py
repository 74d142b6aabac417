"""From a detector and a data set to numbers and plots."""

from centernet.evaluation.evaluation import Evaluation, evaluate
from centernet.evaluation.scores import Scores
from centernet.evaluation.scoring import score

__all__ = ["Evaluation", "Scores", "evaluate", "score"]
