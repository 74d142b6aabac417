"""Near-copies of an image are found, and images that merely have one style are not."""

import cv2
import numpy as np
import pytest
from jaxtyping import UInt8

from centernet.data.splitting.fingerprints import Fingerprints, group_near_copies

Rgb = UInt8[np.ndarray, "h w 3"]


def photo(seed: int, rows: int = 96, columns: int = 128) -> Rgb:
    """An image of random coarse patches."""
    patches = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(patches, (columns, rows), interpolation=cv2.INTER_CUBIC)


def groups_of(*images: Rgb | None, sources: tuple[str, ...] | None = None) -> list[int]:
    names = [f"{number:03}.png" for number in range(len(images))]
    return group_near_copies(Fingerprints.of(images), names, sources or names).tolist()


def test_an_image_is_like_its_smaller_brighter_and_compressed_copies() -> None:
    image = photo(0)
    smaller = cv2.resize(image, (64, 48), interpolation=cv2.INTER_AREA)
    brighter = np.clip(image * 1.03 + 3, 0, 255).astype(np.uint8)
    compressed = cv2.imdecode(
        cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR
    )

    assert groups_of(image, smaller, brighter, compressed) == [0, 0, 0, 0]


def test_different_images_are_groups_of_their_own() -> None:
    assert groups_of(*(photo(seed) for seed in range(30))) == list(range(30))


def test_frames_of_a_moving_camera_are_one_group_though_the_first_and_the_last_differ() -> None:
    wide = photo(3, columns=600)
    frames = [np.ascontiguousarray(wide[:, 2 * number : 2 * number + 200]) for number in range(40)]
    first_and_last = Fingerprints.of([frames[0], frames[-1]])

    assert groups_of(*frames) == [0] * 40
    assert not first_and_last.near(np.array([0]), np.array([1]))[0]


def test_copies_are_found_far_apart_in_the_order_of_names() -> None:
    others = [photo(seed) for seed in range(1, 60)]

    assert groups_of(photo(0), *others, photo(0))[-1] == 0


def test_objects_at_different_places_of_a_plain_background_are_different_images() -> None:
    first, second = (np.full((64, 64, 3), 128, np.uint8) for _ in range(2))
    first[8:24, 8:24] = 255
    second[40:56, 40:56] = 255

    assert groups_of(first, second) == [0, 1]


def test_plain_images_are_alike_if_their_colours_are() -> None:
    red, red_again, blue = (
        np.full((20, 30, 3), color, np.uint8) for color in ((200, 0, 0), (201, 0, 0), (0, 0, 200))
    )

    assert groups_of(red, red_again, blue) == [0, 0, 2]


def test_an_image_that_cannot_be_read_is_like_no_other() -> None:
    assert groups_of(None, None, np.zeros((5, 5, 3), np.uint8)) == [0, 1, 2]


def test_images_of_one_source_are_one_group() -> None:
    images = [photo(seed) for seed in range(3)]

    assert groups_of(*images, sources=("a", "b", "a")) == [0, 1, 0]


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 200), (17, 15)])
def test_images_of_any_shape_have_a_fingerprint(rows: int, columns: int) -> None:
    image = photo(5, rows, columns)

    assert groups_of(image, image) == [0, 0]
