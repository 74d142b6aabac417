"""Evaluation of detections and of result files: metrics, tables, plots and example images."""

from centernet.evaluation.evaluator import Evaluation, evaluate
from centernet.evaluation.score_files import score
from centernet.evaluation.table import Scores

__all__ = ["Evaluation", "Scores", "evaluate", "score"]
