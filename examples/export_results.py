"""Write the detections in a data set as COCO results, with the data set's own image ids, and as a table.

    python examples/export_results.py runs/detect/train path/to/dataset

`centernet score format=coco ground_truth=... results=runs/example-export/results.json` reads the first, and
so do pycocotools and every other COCO evaluator.
"""

import json
import sys
from pathlib import Path

import pandas

from centernet import CenterNet
from centernet.data import open_dataset


def main(model: str, data: str, folder: Path, *, split: str = "val") -> tuple[Path, Path]:
    image_ids = {str(record.path): record.image_id for record in open_dataset(data, split).records}
    entries, tables = [], []
    # Every detection counts in an AP, however low its score.
    for detections in CenterNet(model).predict(list(image_ids), conf=0.0):
        entries += [{**entry, "image_id": image_ids[detections.name]} for entry in detections.to_coco()]
        tables.append(detections.to_dataframe())
    folder.mkdir(parents=True, exist_ok=True)
    results, table = folder / "results.json", folder / "results.csv"
    results.write_text(json.dumps(entries))
    pandas.concat(tables).to_csv(table, index=False)
    print(f"{len(entries)} objects in {len(image_ids)} images: {results}, {table}")
    return results, table


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path("runs/example-export"))
