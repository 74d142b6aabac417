"""From a detector and a data set to numbers and plots."""

from centernet.evaluation.evaluator import Evaluation, evaluate
from centernet.evaluation.score_files import score
from centernet.evaluation.table import Scores

__all__ = ["Evaluation", "Scores", "evaluate", "score"]
