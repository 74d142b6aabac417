"""From a recipe and a data set to weights."""
