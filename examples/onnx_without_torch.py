"""Detections from an exported file, with nothing but numpy, pillow and onnxruntime.

python examples/onnx_without_torch.py blood-cells.onnx image.jpg
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
metadata = session.get_modelmeta().custom_metadata_map
names, divisor = json.loads(metadata["centernet"])["categories"]["names"], json.loads(metadata["divisor"])

pixels = np.asarray(Image.open(sys.argv[2]).convert("RGB"))
height, width = pixels.shape[:2]
canvas = np.zeros((-(-height // divisor) * divisor, -(-width // divisor) * divisor, 3), np.uint8)
canvas[:height, :width] = pixels  # Scale the image first to the size that the weights were trained with.

outputs = [output.name for output in session.get_outputs()]
found = dict(zip(outputs, session.run(outputs, {"images": canvas.transpose(2, 0, 1)[None]}), strict=True))
for box, score, label in zip(found["boxes"][0], found["scores"][0], found["labels"][0], strict=True):
    if score >= 0.3:
        print(names[label], f"{score:.4f}", *(f"{side:.4f}" for side in box))
