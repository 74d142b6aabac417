import numpy as np
import pytest
from jaxtyping import UInt8

from centernet.drawing import contact_sheet, fit, message_tile


def plain(height: int, width: int, value: int) -> UInt8[np.ndarray, "h w 3"]:
    return np.full((height, width, 3), value, dtype=np.uint8)


def pixel_counts(sheet: UInt8[np.ndarray, "h w 3"], *values: int) -> list[int]:
    """Number of pixels with each value."""
    return [int((sheet == value).all(axis=2).sum()) for value in values]


def test_every_image_fills_its_square_on_its_longer_side() -> None:
    sheet = contact_sheet([plain(10, 20, 200), plain(300, 150, 150), plain(64, 64, 90)], tile=64)

    assert pixel_counts(sheet, 200, 150, 90) == [64 * 32, 64 * 32, 64 * 64]


def test_columns_and_tile_determine_the_size_of_the_sheet() -> None:
    sheet = contact_sheet([plain(50, 50, 200)] * 5, columns=3, tile=50)

    assert sheet.shape == (2 * 50 + 3 * 8, 3 * 50 + 4 * 8, 3)


def test_a_sheet_is_nearly_square_by_default() -> None:
    sheet = contact_sheet([plain(50, 50, 200)] * 9, tile=50)

    assert sheet.shape == (182, 182, 3)


def test_a_row_of_wide_images_is_low() -> None:
    sheet = contact_sheet([plain(10, 100, 200)] * 2, columns=1, tile=100)

    assert sheet.shape[0] == 2 * 10 + 3 * 8


def test_captions_are_written_below_the_images() -> None:
    bare = contact_sheet([plain(50, 50, 0)], [""], tile=100)
    written = contact_sheet([plain(50, 50, 0)], ["図 Küche " + "long" * 50], tile=100)

    differs = (bare != written).any(axis=2)
    rows, columns = np.flatnonzero(differs.any(1)), np.flatnonzero(differs.any(0))
    assert rows.min() >= 8 + 100
    assert columns.min() >= 8
    assert columns.max() <= 8 + 100


def test_no_images_give_an_empty_sheet() -> None:
    assert contact_sheet([], tile=40).shape[2] == 3


def test_a_message_is_written_on_a_grey_square() -> None:
    tile = message_tile("cat.jpg is not a readable image: the file is cut short", tile=200)

    assert tile.shape == (200, 200, 3)
    assert (tile[0] == tile[0, 0]).all()
    assert tile.max() > 200


@pytest.mark.parametrize("size", [(1, 500), (500, 1), (3, 3)])
def test_no_side_shrinks_to_nothing(size: tuple[int, int]) -> None:
    assert min(fit(plain(*size, 9), 30).shape[:2]) >= 1
    assert max(fit(plain(*size, 9), 30).shape[:2]) == 30
