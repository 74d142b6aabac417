"""What a benchmark measured, as text, numbers and a picture."""

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
    """One form of a detector.

    Attributes:
        name: Of the form.
        p50_ms: Median time for one image, by the clock.
        p95_ms: Time that one image in twenty takes longer than.
        processor_ms: Median time of all processors for one image: what a busy machine does not change.
        images_per_s: Images in a second, a batch at once.
        memory_mb: The most memory of its process.
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
    """All of them.

    Attributes:
        lines: The first is what the others are compared with.
        threads: That each could use.
        batch: Images at once for `images_per_s`.
        num_images: Timed one by one.
    """

    lines: tuple[BenchmarkRow, ...]
    threads: int
    batch: int
    num_images: int

    def rows(self) -> list[dict[str, Any]]:
        """The lines as plain values, with `ap_difference` and `speedup`, by processor time, to the first."""
        first = self.lines[0]
        return [
            {
                **asdict(line),
                "ap_difference": line.ap - first.ap,
                "speedup": first.processor_ms / line.processor_ms if line.processor_ms else math.nan,
            }
            for line in self.lines
        ]

    def __str__(self) -> str:
        names = ("", "p50 ms", "p95 ms", "CPU ms", "×", "images/s", "memory MB", "file MB", "AP", "ΔAP")
        shown = [
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
            for row in self.rows()
        ]
        about = (
            f"{self.num_images} images one by one, and {self.batch} at once for images/s; {self.threads} "
            f"thread{'s' if self.threads > 1 else ''} each; × is {self.lines[0].name}'s CPU ms over its own"
        )
        return "\n".join([*text_table([list(names), *shown]), "", about])

    def to_json(self) -> dict[str, Any]:
        """Plain values; what is not known is None."""
        settings = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "lines"}
        rows = [{key: None if value != value else value for key, value in row.items()} for row in self.rows()]
        return {**settings, "lines": rows}

    def save(self, folder: str | Path) -> list[Path]:
        """Writes `benchmark.csv` and `benchmark.png`; gives their paths."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        text = io.StringIO()
        rows = self.rows()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        path = folder / "benchmark.csv"
        path.write_text(text.getvalue())
        return [path, save_figure(self._figure(), folder / "benchmark.png")]

    def _figure(self) -> "Figure":
        """Time and AP of each form side by side, the fastest on top."""
        lines = sorted(self.lines, key=lambda line: -line.processor_ms)
        names = [line.name for line in lines]
        figure = new_figure(9.0, 1.4 + 0.36 * len(lines))
        times, scores = figure.subplots(1, 2, sharey=True)
        for axes, values, digits, title in (
            (times, [line.processor_ms for line in lines], 1, "ms of processor time for an image"),
            (scores, [line.ap for line in lines], 4, "AP"),
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
