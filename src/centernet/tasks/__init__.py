"""The meaning of maps: one module or package for each task."""
