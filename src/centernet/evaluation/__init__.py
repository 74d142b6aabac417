"""From a detector and a data set to numbers and plots."""
