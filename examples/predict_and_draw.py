"""Find objects in images, draw them, and keep them as a table.

python examples/predict_and_draw.py blood-cells path/to/images
"""

import sys
from pathlib import Path

from centernet import CenterNet


def main(model: str, source: str, folder: Path, *, conf: float | None = None) -> list[Path]:
    written = []
    for detections in CenterNet(model).predict(source, conf=conf):
        print(detections)
        for name, score, box in zip(detections.names, detections.scores, detections.boxes, strict=True):
            print(f"  {name} {score:.2f} at {box.round().tolist()}")
        stem = Path(detections.name).stem
        written.append(detections.save(folder / f"{stem}.png"))
        written.append(detections.save(folder / f"{stem}.csv"))
    return written


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path("runs/example-predict"))
