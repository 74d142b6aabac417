"""Networks: backbones, necks and heads. They hold the weights; what the maps mean is up to the task."""
