"""`CenterNet`: one object to train, evaluate and run a detector."""

from centernet.detector.detector import CenterNet

__all__ = ["CenterNet"]
