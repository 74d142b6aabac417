"""Links that lead in a circle are followed once."""

from pathlib import Path

from centernet.data.formats.common.files import image_files


def test_each_image_is_found_once_where_links_lead_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"")
    for name in ("again", "too"):
        (tmp_path / "images" / name).symlink_to(".")

    assert image_files(tmp_path) == [tmp_path / "images" / "a.png"]
