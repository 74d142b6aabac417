"""Read a data set in one format and write it in another; defects are named and left out.

python examples/convert_dataset.py path/to/voc path/to/new/yolo
"""

import sys
from pathlib import Path

from centernet.data import open_dataset, splits
from centernet.data.doctor.clean import clean
from centernet.data.formats import yolo


def main(source: Path, target: Path) -> None:
    for split in splits(source):
        dataset, defects = clean(open_dataset(source, split))
        for defect in (*dataset.defects, *defects):
            print(defect)
        yolo.write(dataset, target, split)
        print(f"{dataset.name}: {len(dataset)} images of {', '.join(dataset.categories.names)} -> {target}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
