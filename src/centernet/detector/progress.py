"""A progress bar for a stream of detections."""

from collections.abc import Iterator

from centernet.detections import Detections


def with_progress_bar(found: Iterator[Detections], length: int | None) -> Iterator[Detections]:
    """The same detections, with a progress bar on stderr while they are drawn from the iterator.

    Args:
        found: Detections of each image.
        length: Number of images; None if it is not known.
    """
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("predict", total=length)
        for detections in found:
            # The number of the image counts those that were skipped, too.
            bar.update(task, completed=detections.image_id + 1)
            yield detections
