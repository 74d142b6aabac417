"""The images of a data set in flat arrays, an `ImageRecord` of which is made when it is asked for.

A record of each of 100 000 images takes gigabytes and a second for each worker process that gets a copy; the
arrays take 40 bytes for an object, and processes that are spawned map one file of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, dataclass, field, fields, replace
from multiprocessing.context import get_spawning_popen
from pathlib import Path
from typing import Any, SupportsIndex, overload

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.structures.annotations import Annotations
from centernet.structures.dataset import ImageRecord
from centernet.structures.mapped_file import TemporaryArrays, read_arrays
from centernet.structures.texts import Texts, spans

_REQUIRED = tuple(item.name for item in fields(Annotations) if item.default_factory is MISSING)
_UNKNOWN = -1
"""Stands for a camera that is not known."""
_OBJECTS = "objects."
"""Begins the name of a column of objects among other arrays."""
_LARGE_BYTES = 1 << 20
UNKNOWN_SIZE = (-1, -1)
"""Stands for a size that is not stated."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Records(Sequence[ImageRecord]):
    """Images with their annotations as flat arrays; as a sequence, the record of each.

    Attributes:
        paths: The image files.
        image_ids: Id of each image.
        sources: Files, or lines of files, that objects were read from.
        source_index: Which of them is that of each image.
        sizes: Rows and columns; -1 where the annotations state none.
        starts: Where the objects of each image begin, and the end of the last ones.
        objects: Columns of all objects by the names of `Annotations`; optional ones are left out where no
            image has them. Those of one image cannot be written to.
        cameras: Distinct cameras.
        camera_index: Which of them is that of each image; -1: not known.
    """

    paths: Texts
    image_ids: Int[np.ndarray, " n"]
    sources: Texts
    source_index: Int[np.ndarray, " n"]
    sizes: Int[np.ndarray, "n 2"]
    starts: Int[np.ndarray, " _"]
    objects: Mapping[str, np.ndarray]
    cameras: Float[np.ndarray, "c 3 4"] = field(default_factory=lambda: np.zeros((0, 3, 4)))
    camera_index: Int[np.ndarray, " n"] | None = None

    @classmethod
    def of(cls, records: Sequence[ImageRecord], max_keypoints: int = 0) -> "Records":
        """The arrays of some records; those that are in arrays are returned.

        Args:
            records: The images.
            max_keypoints: Number of keypoints of an object where there is no image to tell it.
        """
        if isinstance(records, Records):
            return records
        parts = [record.annotations for record in records]
        sources = {source: number for number, source in enumerate(dict.fromkeys(r.source for r in records))}
        sizes = [record.size or UNKNOWN_SIZE for record in records]
        cameras = [record.camera for record in records]
        return cls(
            paths=Texts.of(str(record.path) for record in records),
            image_ids=np.array([record.image_id for record in records], dtype=np.int64),
            sources=Texts.of(sources),
            source_index=np.array([sources[record.source] for record in records], dtype=np.int32),
            sizes=np.array(sizes, dtype=np.int64).reshape(-1, 2),
            starts=starts_of(np.array([len(part) for part in parts], dtype=np.int64)),
            objects=columns_of(Annotations.joined(parts or [Annotations.none(max_keypoints)])),
            **camera_columns(cameras),
        )

    def __len__(self) -> int:
        return len(self.image_ids)

    @overload
    def __getitem__(self, index: SupportsIndex) -> ImageRecord: ...
    @overload
    def __getitem__(self, index: slice) -> "Records": ...
    def __getitem__(self, index: SupportsIndex | slice) -> "ImageRecord | Records":
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        index = range(len(self))[index]
        rows, columns = self.sizes[index].tolist()
        camera = self.camera_of(index)
        return ImageRecord(
            path=Path(self.paths[index]),
            image_id=int(self.image_ids[index]),
            annotations=self.annotations(int(self.starts[index]), int(self.starts[index + 1])),
            source=self.source(index),
            size=None if (rows, columns) == UNKNOWN_SIZE else (rows, columns),
            camera=camera,
        )

    def __iter__(self) -> Iterator[ImageRecord]:
        return map(self.__getitem__, range(len(self)))

    @property
    def counts(self) -> Int[np.ndarray, " n"]:
        """Number of objects of each image."""
        return np.diff(self.starts)

    @property
    def image_index(self) -> Int[np.ndarray, " m"]:
        """Index of the image of each object."""
        return np.repeat(np.arange(len(self)), self.counts)

    @property
    def num_crowds(self) -> Int[np.ndarray, " n"]:
        """Number of crowd regions of each image."""
        total = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.objects["is_crowd"])])
        return np.diff(total[self.starts])

    @property
    def has_camera(self) -> Bool[np.ndarray, " n"]:
        """True for images whose camera is known."""
        index = self.camera_index
        return np.zeros(len(self), dtype=bool) if index is None else index != _UNKNOWN

    def annotations(self, start: int = 0, end: int | None = None) -> Annotations:
        """The objects of a range of rows; by default all."""
        columns = {name: _locked(column[start:end]) for name, column in self.objects.items()}
        return Annotations(**columns)

    def camera_of(self, index: int) -> Float[np.ndarray, "3 4"] | None:
        """The camera of an image; None where it is not known."""
        if self.camera_index is None or self.camera_index[index] == _UNKNOWN:
            return None
        return self.cameras[self.camera_index[index]]

    def source(self, index: int) -> str:
        """What the objects of an image were read from."""
        return self.sources[int(self.source_index[index])]

    def take(self, rows: Int[np.ndarray, " _"] | Bool[np.ndarray, " n"]) -> "Records":
        """The images of these rows, in this order."""
        rows = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        if len(rows) == len(self) and bool((rows == np.arange(len(self))).all()):
            return self
        counts = self.counts[rows]
        places = spans(self.starts[:-1][rows], counts)
        return replace(
            self,
            paths=self.paths.take(rows),
            image_ids=self.image_ids[rows],
            source_index=self.source_index[rows],
            sizes=self.sizes[rows],
            starts=starts_of(counts),
            objects={name: column[places] for name, column in self.objects.items()},
            camera_index=None if self.camera_index is None else self.camera_index[rows],
        )

    def with_objects(self, keep: Bool[np.ndarray, " m"], **changed: np.ndarray) -> "Records":
        """The same images with some of their objects.

        Args:
            keep: Which objects stay.
            changed: New values of columns, before any is left out.
        """
        counts = np.bincount(self.image_index[keep], minlength=len(self))
        columns = {**self.objects, **changed}
        if not keep.all():
            columns = {name: column[keep] for name, column in columns.items()}
        return replace(self, starts=starts_of(counts), objects=columns)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """All arrays by name, for `of_arrays`."""
        arrays = {
            "paths": self.paths.letters,
            "path_starts": self.paths.starts,
            "image_ids": self.image_ids,
            "sources": self.sources.letters,
            "source_starts": self.sources.starts,
            "source_index": self.source_index,
            "sizes": self.sizes,
            "starts": self.starts,
            "cameras": self.cameras,
            **{f"{_OBJECTS}{name}": column for name, column in self.objects.items()},
        }
        return arrays if self.camera_index is None else {**arrays, "camera_index": self.camera_index}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Records":
        """The images of these arrays."""
        objects = {
            name.removeprefix(_OBJECTS): array for name, array in arrays.items() if name.startswith(_OBJECTS)
        }
        rest = ("image_ids", "source_index", "sizes", "starts", "cameras")
        return cls(
            paths=Texts(arrays["paths"], arrays["path_starts"]),
            sources=Texts(arrays["sources"], arrays["source_starts"]),
            objects=objects,
            camera_index=arrays.get("camera_index"),
            **{name: arrays[name] for name in rest},
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """A process that is being started maps a file of the arrays; a copy for anything else holds them."""
        arrays = self.to_arrays()
        is_large = sum(array.nbytes for array in arrays.values()) >= _LARGE_BYTES
        if is_large and get_spawning_popen() is not None:
            with suppress(OSError):  # Without room for a file the arrays are copied.
                if "_shared" not in vars(self):
                    vars(self)["_shared"] = TemporaryArrays.of(arrays)
                return _mapped, (vars(self)["_shared"].path,)
        return Records.of_arrays, (arrays,)


def _mapped(path: Path) -> Records:
    return Records.of_arrays(read_arrays(path)[0])


def starts_of(counts: Int[np.ndarray, " n"]) -> Int[np.ndarray, " _"]:
    """Where the objects of each image begin, and the end of the last ones."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def columns_of(objects: Annotations) -> dict[str, np.ndarray]:
    """The columns of objects, without the optional ones that hold no value of their own."""
    count = len(objects)
    bare = Annotations.of(np.zeros((count, 4), np.float32), np.zeros(count, np.int64))

    def is_bare(name: str, column: np.ndarray) -> bool:
        usual = getattr(bare, name)
        return column.shape == usual.shape and np.array_equal(column, usual, equal_nan=True)

    return {
        name: column
        for name, column in vars(objects).items()
        if name in _REQUIRED or not is_bare(name, column)
    }


def camera_columns(cameras: Iterable[Float[np.ndarray, "3 4"] | None]) -> dict[str, Any]:
    """The fields `cameras` and `camera_index` of some images; equal cameras are kept once."""
    number_of: dict[bytes, int] = {}
    distinct: list[np.ndarray] = []
    index = []
    for camera in cameras:
        if camera is None:
            index.append(_UNKNOWN)
            continue
        key = np.asarray(camera, dtype=np.float64).tobytes()
        if key not in number_of:
            number_of[key] = len(distinct)
            distinct.append(camera)
        index.append(number_of[key])
    if not distinct:
        return {}
    return {"cameras": np.stack(distinct), "camera_index": np.array(index, dtype=np.int32)}


def _locked(view: np.ndarray) -> np.ndarray:
    """A part of an array that cannot be written to: the change would be of the whole data set."""
    view.flags.writeable = False
    return view
