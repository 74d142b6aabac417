"""Evaluation metrics as their benchmarks define them: COCO, Pascal VOC, KITTI, OKS, PCK."""
