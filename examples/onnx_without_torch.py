"""Detections from an exported file, with nothing but numpy, pillow and onnxruntime.

python examples/onnx_without_torch.py blood-cells.onnx image.jpg
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
config = json.loads(session.get_modelmeta().custom_metadata_map["centernet"])
names, rule = config["categories"]["names"], config["resize"]

# The image is preprocessed as in training: resized, then placed on the input.
image = Image.open(sys.argv[2]).convert("RGB")
size, factor = np.array(image.size), 1.0
if rule["name"] == "follow":
    factor = rule["long_side"] / size.max()
    side = -(-np.maximum(1, np.round(size * factor)) // rule["multiple"]) * rule["multiple"]
    start = np.zeros(2)
elif rule["name"] == "keep":
    side = (size | rule["pad"]) + 1
    start = side / 2 - size // 2
elif rule["name"] in ("fit", "span"):
    side = np.array([rule["width"], rule["height"]])
    factor = (side / size).min() if rule["name"] == "fit" else side[0] / size[0]
    start = side / 2 - factor * size / 2
else:
    sys.exit(f"{sys.argv[1]}: its boxes are decoded after the graph: use centernet")
# Pillow counts from the corner of the first pixel, networks from its centre.
x, y = 0.5 - (0.5 + start) / factor
resized = image.transform(
    tuple(side.astype(int)),
    Image.Transform.AFFINE,
    (1 / factor, 0, x, 0, 1 / factor, y),
    Image.Resampling.BILINEAR,
)

outputs = [output.name for output in session.get_outputs()]
pixels = np.asarray(resized).transpose(2, 0, 1)[None]
detections = dict(zip(outputs, session.run(outputs, {"images": pixels}), strict=True))
for box, score, label in zip(*(detections[name][0] for name in ("boxes", "scores", "labels")), strict=True):
    if score >= 0.3:
        in_image = ((box.reshape(2, 2) - start) / factor).clip(0, size)
        print(names[label], f"{score:.4f}", *(f"{value:.4f}" for value in in_image.flatten()))
