"""Results of a benchmark as text, numbers and a plot."""

import csv
import io
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from centernet.evaluation.plots import INK, new_figure, save_figure, tidy
from centernet.evaluation.table import text_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class BenchmarkRow:
    """Results of one variant of a detector.

    Attributes:
        name: Name of the variant.
        p50_ms: Median time of one image, by the clock.
        p95_ms: 95th percentile of the time of one image, by the clock.
        processor_ms: Median processor time of one image: other load of the machine does not change it.
        images_per_s: Throughput with a batch at a time.
        memory_mb: Peak memory of its process.
        file_mb: Size on the disk.
        ap: AP on the annotated images.
    """

    name: str
    p50_ms: float
    p95_ms: float
    processor_ms: float
    images_per_s: float
    memory_mb: float
    file_mb: float
    ap: float


@dataclass(frozen=True, kw_only=True)
class BenchmarkReport:
    """Results of all variants.

    Attributes:
        rows: Results of each variant; the others are compared with the first.
        threads: Threads of each variant.
        batch: Images in a batch for `images_per_s`.
        num_images: Number of images that were timed one by one.
    """

    rows: tuple[BenchmarkRow, ...]
    threads: int
    batch: int
    num_images: int

    def compared(self) -> list[dict[str, Any]]:
        """The rows as plain values, with `ap_difference` and `speedup` (processor time) to the first."""
        first = self.rows[0]
        return [
            {
                **asdict(row),
                "ap_difference": row.ap - first.ap,
                "speedup": first.processor_ms / row.processor_ms if row.processor_ms else math.nan,
            }
            for row in self.rows
        ]

    def __str__(self) -> str:
        names = ("", "p50 ms", "p95 ms", "CPU ms", "×", "images/s", "memory MB", "file MB", "AP", "ΔAP")
        cells = [
            [
                row["name"],
                *(f"{row[key]:.1f}" for key in ("p50_ms", "p95_ms", "processor_ms")),
                f"{row['speedup']:.2f}",
                f"{row['images_per_s']:.1f}",
                f"{row['memory_mb']:.0f}",
                f"{row['file_mb']:.1f}",
                f"{row['ap']:.4f}",
                f"{row['ap_difference']:+.4f}",
            ]
            for row in self.compared()
        ]
        about = (
            f"{self.num_images} images one by one, and batches of {self.batch} for images/s; {self.threads} "
            f"thread{'s' if self.threads > 1 else ''} each; × is {self.rows[0].name}'s CPU ms over its own"
        )
        return "\n".join([*text_table([list(names), *cells]), "", about])

    def to_json(self) -> dict[str, Any]:
        """Plain values; None for unknown numbers."""
        settings = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "rows"}
        rows = [
            {key: None if value != value else value for key, value in row.items()} for row in self.compared()
        ]
        return {**settings, "lines": rows}

    def save(self, folder: str | Path) -> list[Path]:
        """Writes `benchmark.csv` and `benchmark.png`; returns their paths."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        text = io.StringIO()
        rows = self.compared()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        path = folder / "benchmark.csv"
        path.write_text(text.getvalue())
        return [path, save_figure(self._figure(), folder / "benchmark.png")]

    def _figure(self) -> "Figure":
        """Time and AP of each variant side by side, the fastest on top."""
        rows = sorted(self.rows, key=lambda row: -row.processor_ms)
        names = [row.name for row in rows]
        figure = new_figure(9.0, 1.4 + 0.36 * len(rows))
        times, scores = figure.subplots(1, 2, sharey=True)
        for axes, values, digits, title in (
            (times, [row.processor_ms for row in rows], 1, "processor time of an image, ms"),
            (scores, [row.ap for row in rows], 4, "AP"),
        ):
            bars = axes.barh(names, values, color="#1f5fa8", height=0.62)
            axes.bar_label(
                bars, [f"{value:.{digits}f}" for value in values], padding=3, fontsize=8, color=INK
            )
            axes.set_title(title, fontsize=10, color=INK, loc="left")
            axes.margins(x=0.18)
            tidy(axes)
            axes.grid(visible=False, axis="y")
        return figure
