"""Pure functions on maps."""
