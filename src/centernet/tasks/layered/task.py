"""Any centre-point task on several layers of maps, so that objects with the same centre do not collide.

Levels separate objects of different size, as feature pyramids do (Tian et al. 2019, "FCOS", sec. 3.2). Places
in a cell separate those of about the same size: where the peaks of two would merge, each has its own heatmap.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from centernet.ops.center_boxes import CenterBoxes
from centernet.ops.sparse_heatmaps import in_a_row
from centernet.protocols import HeadSpec, Maps, Outputs, OutputSpec, Targets, Task
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.tasks.layered.neighbours import best_of_levels, ranks_among_neighbours


@dataclass(frozen=True, kw_only=True)
class Layered:
    """A task whose objects are assigned to layers; each layer is a set of maps of the inner task.

    The layers of all levels share their weights, those of the places in a cell do not. A map of layer
    `level/place` is called `name/level/place`; level 0 is the finest, each next one has half its rows and
    columns.

    Attributes:
        inner: The task of each layer.
        levels: Number of levels: object sizes with maps of their own.
        per_cell: Number of objects of one class that may lie in one cell, or in neighbouring ones, on each
            level.
        level_cells: Square root of the minimum area of objects on each level but the first, in its cells.
        overlap: Objects nearer than so many octaves to the next level are learned there too, if no other
            object of the class is near.
        repeated_iou: Of two boxes of one class on different levels that overlap more, the more confident one
            is kept.
    """

    inner: Task
    levels: int = 1
    per_cell: int = 1
    level_cells: float = 4.0
    overlap: float = 0.25
    repeated_iou: float = 0.6

    def __post_init__(self) -> None:
        for name in ("levels", "per_cell"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.level_cells <= 0:
            raise ValueError(f"level_cells must be above 0; got {self.level_cells}")
        if not 0 <= self.overlap < 1:
            raise ValueError(f"overlap is a fraction of an octave, 0 to below 1; got {self.overlap}")

    @property
    def top_k(self) -> int:
        """Maximum number of detections per image."""
        return self.inner.top_k

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        """The maps that the network must give, by name: those of the inner task for each layer."""
        return {
            f"{name}/{level}/{place}": replace(
                spec, level=level, weights=f"{name}/{place}" if place else name, whole_in_loss=True
            )
            for level, place in self._layers
            for name, spec in self.inner.heads.items()
        }

    @property
    def outputs(self) -> Mapping[str, OutputSpec]:
        """Those of the inner task."""
        return self.inner.outputs

    @property
    def is_scale_dependent(self) -> bool:
        """True if the inner task is."""
        return self.inner.is_scale_dependent

    def with_settings(self, **settings: Any) -> "Layered":
        """The task with other values of its fields; settings that are none of them are the inner task's.

        Raises:
            UsageError: The inner task has no such setting either.
        """
        names = {field.name for field in fields(self)}
        own = {name: value for name, value in settings.items() if name in names}
        others = {name: value for name, value in settings.items() if name not in names}
        if others:
            own["inner"] = own.get("inner", self.inner).with_settings(**others)
        return replace(self, **own)

    def encode(self, objects: BatchAnnotations, grid: Grid) -> Targets:
        """The targets of the inner task for the objects of each layer, `name/level/place`."""
        targets: Targets = {}
        for (level, place), is_assigned in self._assigned(objects, grid).items():
            found = self.inner.encode(_selected(objects, is_assigned), grid.coarser(level))
            targets |= {f"{name}/{level}/{place}": value for name, value in found.items()}
        return targets

    def loss(self, maps: Maps, targets: Targets) -> dict[str, Tensor]:
        """The terms of the inner task over all layers at once, so that every object counts the same.

        A loss does not depend on where cells are: the layers are concatenated into one row of cells.
        """
        first = next(iter(self.inner.heads))
        sides = {layer: maps[f"{first}/{layer[0]}/{layer[1]}"].shape[2:] for layer in self._layers}
        row_maps = {
            name: torch.cat([maps[f"{name}/{i}/{j}"].flatten(2) for i, j in self._layers], dim=2)[:, :, None]
            for name in self.inner.heads
        }
        names = dict.fromkeys(name.split("/")[0] for name in targets)
        row_targets = {name: self._in_a_row(name, targets, sides) for name in names}
        return self.inner.loss(row_maps, row_targets)

    def decode(self, maps: Maps, stride: int) -> Outputs:
        """Outputs of the inner task over all layers, best first.

        Objects found on two levels are reported once: see `is_repeated`. Boxes of one level are not compared.
        """
        found = [
            self.inner.decode(self._of_layer(maps, level, place), stride << level)
            for level, place in self._layers
        ]
        merged = {name: torch.cat([one[name] for one in found], dim=1) for name in found[0]}
        if self.levels > 1:
            level = torch.cat(
                [
                    torch.full_like(one["labels"], level)
                    for one, (level, _) in zip(found, self._layers, strict=True)
                ],
                dim=1,
            )
            scores, kept = best_of_levels(
                merged["boxes"],
                merged["scores"],
                merged["labels"],
                level,
                min_iou=self.repeated_iou,
                top_k=self.top_k,
            )
        else:
            scores, kept = merged["scores"].topk(min(self.top_k, merged["scores"].shape[1]), dim=1)
        return {**{name: _gathered(value, kept) for name, value in merged.items()}, "scores": scores}

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        """The maps of an input merged with those of the horizontally flipped input, layer by layer."""
        merged: Maps = {}
        for level, place in self._layers:
            layer, flipped_layer = (self._of_layer(one, level, place) for one in (maps, flipped))
            merged_layer = self.inner.merge_flipped(layer, flipped_layer)
            merged |= {f"{name}/{level}/{place}": value for name, value in merged_layer.items()}
        return merged

    @property
    def _layers(self) -> list[tuple[int, int]]:
        return [(level, place) for level in range(self.levels) for place in range(self.per_cell)]

    def _of_layer(self, maps: Maps, level: int, place: int) -> Maps:
        return {name: maps[f"{name}/{level}/{place}"] for name in self.inner.heads}

    def _assigned(self, objects: BatchAnnotations, grid: Grid) -> dict[tuple[int, int], Bool[Tensor, " m"]]:
        """True for the objects that are learned on each layer; ignored regions are on all layers."""
        boxes = CenterBoxes.of(objects, grid)
        is_ignored = objects.is_ignored[boxes.index]
        # The finest level has all that is smaller too, the coarsest all that is larger.
        octave = (boxes.size.prod(dim=1).sqrt() / self.level_cells).log2()
        octave = octave.clamp(0, self.levels - 0.5)
        home = octave.floor().long()
        assigned = {}
        for level in range(self.levels):
            cells = torch.cat([boxes.cells[:, :1], boxes.cells[:, 1:] >> level], dim=1)
            on_level = (home == level) & ~is_ignored
            nearby = (octave >= level - self.overlap) & (octave < level + 1 + self.overlap) & ~on_level
            nearby &= ~is_ignored & self._has_room(boxes, cells, on_level | nearby)
            on_level |= nearby
            rank = ranks_among_neighbours(
                cells[on_level], boxes.labels[on_level], boxes.center[on_level], boxes.size[on_level]
            )
            places = torch.full_like(home, -1)
            places[on_level] = rank.clamp(max=self.per_cell - 1)
            for place in range(self.per_cell):
                selected = torch.zeros_like(objects.is_ignored)
                selected[boxes.index[(places == place) | is_ignored]] = True
                assigned[level, place] = selected
        return assigned

    def _has_room(
        self, boxes: CenterBoxes, cells: Int[Tensor, "m 3"], there: Bool[Tensor, " m"]
    ) -> Bool[Tensor, " m"]:
        """True if no other object of the class that may be learned on a level is near."""
        counts = torch.zeros_like(boxes.labels)
        counts[there] = ranks_among_neighbours(
            cells[there], boxes.labels[there], boxes.center[there], boxes.size[there], both_sides=True
        )
        return counts == 0

    def _in_a_row(self, name: str, targets: Targets, sides: Mapping[tuple[int, int], torch.Size]) -> Tensor:
        """Targets of all layers, for maps concatenated into one row."""
        parts = {layer: targets[f"{name}/{layer[0]}/{layer[1]}"] for layer in self._layers}
        if name.endswith("heatmap"):
            return in_a_row(list(parts.values()))
        if not name.endswith("cells"):
            return torch.cat(list(parts.values()))
        moved, before = [], 0
        for layer, part in parts.items():
            height, width = sides[layer]
            image, y, x = part.unbind(1)
            moved.append(torch.stack([image, torch.zeros_like(y), before + y * width + x], dim=1))
            before += height * width
        return torch.cat(moved)


def _selected(objects: BatchAnnotations, which: Bool[Tensor, " m"]) -> BatchAnnotations:
    return BatchAnnotations(**{item.name: getattr(objects, item.name)[which] for item in fields(objects)})


def _gathered(values: Shaped[Tensor, "b n *d"], order: Int[Tensor, "b k"]) -> Shaped[Tensor, "b k *d"]:
    index = order.view(*order.shape, *(1,) * (values.dim() - 2))
    return values.gather(1, index.expand(-1, -1, *values.shape[2:]))
