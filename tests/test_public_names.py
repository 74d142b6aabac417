"""The public names, exactly: see `docs/decisions/0007-public-names.md`."""

from importlib import import_module

import pytest

PUBLIC = {
    "centernet": (
        "Categories CenterNet Detections Evaluation InferenceOptions InputError Recipe Skeleton UsageError "
        "__version__ convert open_dataset score"
    ),
    "centernet.benchmark": "VARIANTS BenchmarkReport BenchmarkRow benchmark",
    "centernet.conversion": "Conversion convert",
    "centernet.data": "open_dataset splits",
    "centernet.data.synthetic": "FIGURES HARD_CASES MODES OUTLINES ROADS Scenes generate write_scenes",
    "centernet.detections": "Detections",
    "centernet.evaluation": "Evaluation Scores evaluate score",
    "centernet.export": "TOLERANCES Parity Tolerance export",
    "centernet.protocols": (
        "BOX_OUTPUTS Backbone HeadSpec Maps OutputSpec Outputs PointMap Stem Targets Task with_fields"
    ),
    "centernet.structures": (
        "Annotations Categories Dataset Defect ImageRecord KittiObjects Sample Skeleton View"
    ),
    "centernet.weights": "fill load save transfer",
}


@pytest.mark.parametrize("module", PUBLIC)
def test_the_public_names_of_a_module_are_these(module: str) -> None:
    assert sorted(import_module(module).__all__) == sorted(PUBLIC[module].split())


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_there_and_documented(module: str) -> None:
    package = import_module(module)

    for name in package.__all__:
        value = getattr(package, name)
        assert not callable(value) or value.__doc__, name


def test_the_public_names_of_the_library_are_sorted_and_listed_by_dir() -> None:
    import centernet

    assert list(centernet.__all__) == sorted(centernet.__all__)
    assert set(centernet.__all__) <= set(dir(centernet))
    with pytest.raises(AttributeError, match="has no attribute 'CentreNet'"):
        _ = centernet.CentreNet


@pytest.mark.parametrize("name", ["coco", "voc", "yolo", "kitti"])
def test_formats_that_can_be_written_have_a_public_write(name: str) -> None:
    assert "write" in import_module(f"centernet.data.formats.{name}").__all__
