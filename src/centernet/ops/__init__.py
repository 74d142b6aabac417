"""Functions on maps and boxes without weights: heatmaps, peaks, losses, box coding, NMS."""
