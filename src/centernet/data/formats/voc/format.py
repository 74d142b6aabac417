"""Reading and writing Pascal VOC: one xml file for each image, corners counted from pixel 1.

Source: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html. Objects marked `difficult` are
ignored by its evaluation, as crowd regions are by COCO's, so they are read as crowd regions.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from centernet.data.formats.common.copy_images import copy_images
from centernet.data.formats.common.per_image import image_of
from centernet.data.formats.common.splits import choose_split
from centernet.data.formats.common.unsupported import warn_unsupported
from centernet.data.formats.voc.layout import VocSplit, find_splits
from centernet.data.formats.voc.xml import VocFile, read_xml
from centernet.errors import InputError
from centernet.io.images import image_size
from centernet.structures import Annotations, Categories, Dataset, Defect, ImageRecord

NAME = "voc"
LOOKED_FOR = "VOC .xml"
SUPPORTS: tuple[str, ...] = ()


def identify(path: Path) -> bool:
    """True if there are VOC files at `path`."""
    return bool(find_splits(path))


def splits(path: Path) -> tuple[str, ...]:
    """Names of the splits: of lists in `ImageSets/Main`, or of folders."""
    return tuple(find_splits(path))


def read(path: Path, split: str | None = None, images: Path | None = None) -> Dataset:
    """One split of a VOC data set. Labels follow the sorted names of all splits, so that splits agree.

    The image of `a.xml` is `a` with any suffix, else the one that its `<filename>` names. Invalid objects are
    left out and listed in the data set's `defects`.

    Args:
        path: Folder.
        split: Name of the split.
        images: Folder of the images; None: beside the xml files, or below the data set's folder.

    Raises:
        InputError: No such split.
    """
    found = find_splits(path)
    if not found:
        raise InputError(f"{path} holds no VOC annotations: no Annotations/*.xml beside JPEGImages/")
    split = choose_split(path, tuple(found), split)
    defects: list[Defect] = []
    files = _read_files(found[split], images, defects)
    xmls = dict.fromkeys(xml for one in found.values() for xml in one.xmls.values())
    names = _names_in(xmls, [file for _, file in files])
    labels = {name: label for label, name in enumerate(names)}
    records = []
    for position, (image, file) in enumerate(files, start=1):
        defects += file.defects
        records.append(
            ImageRecord(
                path=image,
                image_id=position,
                annotations=_annotations(file, labels),
                source=str(file.path),
                size=file.size,
            )
        )
    return Dataset(
        name=f"{path} {split}",
        format=NAME,
        categories=Categories.of(*names),
        records=tuple(records),
        defects=tuple(defects),
    )


def write(dataset: Dataset, folder: Path, split: str) -> None:
    """Write `Annotations/*.xml`, `ImageSets/Main/{split}.txt` and the images as `JPEGImages/`.

    Warns of keypoints and 3D boxes, which the format does not store.

    Raises:
        InputError: An image is missing, or two would get one name.
    """
    warn_unsupported(dataset, NAME, SUPPORTS)
    copy_images(dataset.records, folder / "JPEGImages")
    (folder / "Annotations").mkdir(parents=True, exist_ok=True)
    for record in dataset.records:
        tree = _to_xml(record, dataset.categories)
        ElementTree.indent(tree)
        target = folder / "Annotations" / f"{record.path.stem}.xml"
        target.write_bytes(ElementTree.tostring(tree, encoding="utf-8") + b"\n")
    lists = folder / "ImageSets" / "Main"
    lists.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{record.path.stem}\n" for record in dataset.records)
    (lists / f"{split}.txt").write_text(lines, encoding="utf-8", errors="surrogateescape")


def _read_files(
    voc_split: VocSplit, images: Path | None, defects: list[Defect]
) -> list[tuple[Path, VocFile]]:
    """Image and content of the xml file of each stem of a split."""
    finder = voc_split.finder(images)
    files: list[tuple[Path, VocFile]] = []
    seen: set[str] = set()
    alone: list[Path] = []
    for stem in voc_split.stems:
        image, xml = voc_split.image(stem), voc_split.xmls.get(stem)
        if stem in seen:
            defects.append(_left_out("duplicate image", voc_split.source, f"{stem} is listed twice"))
        elif xml is None:
            alone.append(image or Path(voc_split.source).parent / stem)
        else:
            try:
                file = read_xml(xml)
            except InputError as error:
                defects.append(_left_out("broken annotation file", str(xml), _without_path(error, xml)))
            else:
                files.append((image or image_of(xml, file.filename, finder), file))
        seen.add(stem)
    used = {image for image, _ in files}
    for image in alone:
        if image not in used:
            message = f"{image.name} has no {image.stem}.xml: it is not known if it has objects"
            defects.append(_left_out("image without annotation file", str(image), message))
    return files


def _left_out(kind: str, where: str, message: str) -> Defect:
    return Defect(kind=kind, where=where, message=message, action="left out")


def _without_path(error: InputError, path: Path) -> str:
    return str(error).removeprefix(f"{path} ")


def _names_in(xmls: Iterable[Path], files: Sequence[VocFile]) -> list[str]:
    """The classes of all xml files, of which `files` are read already."""
    known = {file.path for file in files}
    names = {item.name for file in files for item in file.objects}
    for xml in (xml for xml in xmls if xml not in known):
        try:
            names.update(item.name for item in read_xml(xml).objects)
        except InputError:
            continue  # Its defect is reported when its split is read.
    return sorted(names)


def _annotations(file: VocFile, labels: dict[str, int]) -> Annotations:
    corners = np.array([item.corners for item in file.objects], dtype=np.float64).reshape(-1, 4)
    boxes = (corners - 1).astype(np.float32)
    sides = boxes[:, 2:] - boxes[:, :2]
    return Annotations(
        boxes=boxes,
        labels=np.array([labels[item.name] for item in file.objects], dtype=np.int64),
        is_crowd=np.array([item.is_difficult for item in file.objects], dtype=bool),
        ids=np.array([item.line for item in file.objects], dtype=np.int64),
        areas=sides[:, 0] * sides[:, 1],
    )


def _to_xml(record: ImageRecord, categories: Categories) -> ElementTree.Element:
    rows, columns = record.size or image_size(record.path)
    root = ElementTree.Element("annotation")
    _add(root, "folder", "JPEGImages")
    _add(root, "filename", record.path.name)
    size = ElementTree.SubElement(root, "size")
    for tag, value in (("width", columns), ("height", rows), ("depth", 3)):
        _add(size, tag, value)
    objects = record.annotations
    for box, label, is_crowd in zip(objects.boxes, objects.labels, objects.is_crowd, strict=True):
        item = ElementTree.SubElement(root, "object")
        _add(item, "name", categories.names[label])
        _add(item, "difficult", int(is_crowd))
        corners = ElementTree.SubElement(item, "bndbox")
        for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box.tolist(), strict=True):
            # The sum is exact in float64, and ten digits restore the float32 exactly.
            _add(corners, tag, f"{value + 1:.10g}")
    return root


def _add(parent: ElementTree.Element, tag: str, value: object) -> None:
    ElementTree.SubElement(parent, tag).text = str(value)
