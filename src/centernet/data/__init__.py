"""Data sets, one file a format, and the way from files to batches."""
