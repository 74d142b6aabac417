"""Geometry in NumPy: affine transforms, boxes, 3D boxes, cameras and resize rules."""
