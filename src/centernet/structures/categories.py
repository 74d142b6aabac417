"""Classes of a data set and the skeletons of their keypoints."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int


@dataclass(frozen=True, kw_only=True)
class Skeleton:
    """The keypoints of a class: their names, edges, left-right pairs and sigmas.

    Attributes:
        names: One for each keypoint.
        edges: Pairs of keypoints to join by a line when drawing.
        pairs: Left-right pairs of keypoints, which a horizontal flip exchanges.
        sigmas: Standard deviation of human annotations of each keypoint, as a fraction of the object's size:
            the tolerance of OKS (https://cocodataset.org/#keypoints-eval). Empty: not known.
    """

    names: tuple[str, ...]
    edges: tuple[tuple[int, int], ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()
    sigmas: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.names)
        for kind, links in {"edge": self.edges, "pair": self.pairs}.items():
            for link in links:
                if not all(0 <= keypoint < count for keypoint in link):
                    raise ValueError(
                        f"{kind} {link} of a skeleton names no keypoint: there are {count}, counted from 0"
                    )
                if link[0] == link[1]:
                    raise ValueError(f"{kind} {link} of a skeleton joins a keypoint with itself")
        paired = [keypoint for pair in self.pairs for keypoint in pair]
        if len(set(paired)) < len(paired):
            raise ValueError(f"a keypoint is in two left-right pairs: {self.pairs}")
        if self.sigmas and len(self.sigmas) != count:
            raise ValueError(f"{count} keypoints but {len(self.sigmas)} sigmas: give one for each keypoint")
        if not all(sigma > 0 for sigma in self.sigmas):
            raise ValueError(f"sigmas are above 0; got {self.sigmas}")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def flip_indices(self) -> tuple[int, ...]:
        """Index of the keypoint that each one becomes in a horizontal flip."""
        order = list(range(len(self)))
        for left, right in self.pairs:
            order[left], order[right] = right, left
        return tuple(order)


@dataclass(frozen=True)
class Categories:
    """The classes of a data set: label `i` is `names[i]`, with id `ids[i]` in the files.

    Attributes:
        names: One name for each label.
        ids: Ids in the data set; sparse, 0-based and 1-based ones are written as they were read.
        skeletons: The keypoints of each class; None for a class without. Empty: no class has any.
    """

    names: tuple[str, ...]
    ids: tuple[int, ...]
    skeletons: tuple[Skeleton | None, ...] = ()

    def __post_init__(self) -> None:
        if len(self.names) != len(self.ids):
            raise ValueError(
                f"{len(self.names)} category names but {len(self.ids)} ids: give one id for each name"
            )
        if self.skeletons and len(self.skeletons) != len(self.names):
            raise ValueError(
                f"{len(self.names)} category names but {len(self.skeletons)} skeletons: "
                "give one, or None, for each name"
            )

    @property
    def num_keypoints(self) -> tuple[int, ...]:
        """Number of keypoints of each class."""
        return tuple(len(skeleton or ()) for skeleton in self.skeletons or (None,) * len(self))

    @property
    def max_keypoints(self) -> int:
        """Number of keypoints of the class that has most: the width of arrays of keypoints."""
        return max(self.num_keypoints, default=0)

    @property
    def flip_indices(self) -> Int[np.ndarray, "c k"]:
        """Index of the keypoint that each one becomes in a horizontal flip, by class; missing ones stay."""
        order = np.tile(np.arange(self.max_keypoints), (len(self), 1))
        for row, skeleton in zip(order, self.skeletons, strict=False):
            if skeleton:
                row[: len(skeleton)] = skeleton.flip_indices
        return order

    @classmethod
    def of(cls, *names: str) -> "Categories":
        """Categories with ids from 0."""
        return cls(names, tuple(range(len(names))))

    def __len__(self) -> int:
        return len(self.names)
