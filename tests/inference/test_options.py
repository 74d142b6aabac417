"""Options of inference: declared once, checked where they are made."""

import inspect
from dataclasses import MISSING, fields
from typing import get_args, get_type_hints

import pytest

from centernet.cli.inference_options import INFERENCE
from centernet.detector import CenterNet
from centernet.errors import UsageError
from centernet.inference.options import NMS_METHODS, InferenceKeywords, InferenceOptions
from centernet.ops.nms import METHODS


def test_the_keywords_are_the_fields_with_the_same_types() -> None:
    keywords = get_type_hints(InferenceKeywords)

    assert list(keywords.items()) == [(field.name, field.type) for field in fields(InferenceOptions)]
    assert InferenceKeywords.__required_keys__ == frozenset()


def test_every_option_has_a_default_and_a_line_of_help() -> None:
    for field in fields(InferenceOptions):
        assert field.default is not MISSING
        assert field.metadata["about"]


@pytest.mark.parametrize("method", [CenterNet.predict, CenterNet.val])
def test_methods_take_the_options_as_keywords_and_few_parameters_of_their_own(method: object) -> None:
    *named, options = list(inspect.signature(method).parameters.values())[1:]

    assert len(named) <= 10
    assert options.kind is inspect.Parameter.VAR_KEYWORD
    assert get_args(options.annotation) == (InferenceKeywords,)
    assert not {one.name for one in named} & {field.name for field in fields(InferenceOptions)}


def test_arguments_of_the_command_line_are_the_fields_with_their_defaults() -> None:
    assert [argument.name for argument in INFERENCE] == [field.name for field in fields(InferenceOptions)]
    for argument, field in zip(INFERENCE, fields(InferenceOptions), strict=True):
        if field.default is not None:
            value = argument.type.read(argument.default)
            assert (tuple(value) if isinstance(value, list) else value) == field.default
        elif argument.default not in ("RULE", "PIXELS"):
            assert argument.type.read(argument.default) > 0


def test_methods_of_nms_are_those_that_exist() -> None:
    assert ("none", *METHODS) == NMS_METHODS


def test_scales_of_a_list_are_kept_as_a_tuple() -> None:
    assert InferenceOptions(scales=[0.5, 1.0]) == InferenceOptions(scales=(0.5, 1.0))


def test_values_that_are_not_allowed_are_refused() -> None:
    with pytest.raises(UsageError, match=r"scales are numbers above 0, at most 10, .* got 1,0: try scales="):
        InferenceOptions(scales=(1.0, 0.0))
    with pytest.raises(UsageError, match="got 11"):
        InferenceOptions(scales=(11.0,))
    with pytest.raises(UsageError, match="got nan"):
        InferenceOptions(scales=(float("nan"),))
    with pytest.raises(UsageError, match="got none"):
        InferenceOptions(scales=())
    with pytest.raises(UsageError, match="merge_boxes is 0 or more; got -1"):
        InferenceOptions(nms="hard", merge_boxes=-1.0)
    with pytest.raises(UsageError, match="nms is one of none, gaussian, linear, hard; got 'soft'"):
        InferenceOptions(nms="soft")
    with pytest.raises(UsageError, match="iou is an overlap from 0 to below 1; got 1"):
        InferenceOptions(nms="hard", iou=1.0)
    with pytest.raises(UsageError, match="slice is the side of the tiles, 32 pixels or more; got 8"):
        InferenceOptions(slice=8)
    with pytest.raises(UsageError, match=r"slice_overlap is a fraction from 0 to 0\.9; got 1"):
        InferenceOptions(slice=640, slice_overlap=1.0)


def test_options_without_the_one_they_belong_to_are_refused() -> None:
    with pytest.raises(UsageError, match="exact sets how NMS is done: add nms=gaussian, or several"):
        InferenceOptions(exact=True)
    with pytest.raises(UsageError, match="merge_boxes sets how NMS is done: add nms=gaussian, or several"):
        InferenceOptions(merge_boxes=10.0)
    with pytest.raises(UsageError, match="iou is a limit of nms=hard and nms=linear: add one of them"):
        InferenceOptions(nms="gaussian", iou=0.5)
    with pytest.raises(UsageError, match="slice_overlap is the overlap of tiles: add slice=640"):
        InferenceOptions(slice_overlap=0.3)


def test_every_keyword_of_before_is_taken() -> None:
    options = "half resize imgsz flip scales nms iou merge_boxes class_agnostic exact slice slice_overlap"
    before = {
        CenterNet.predict: f"source conf max_det batch workers camera strict progress {options}",
        CenterNet.val: f"data split conf batch max_det workers images save_dir save_json exist_ok {options}",
    }
    for method, names in before.items():
        named = inspect.signature(method).parameters.keys()
        assert set(names.split()) == named - {"self", "options"} | InferenceKeywords.__annotations__.keys()


def test_an_unknown_keyword_gets_a_hint() -> None:
    detector = CenterNet("nano", device="cpu")

    with pytest.raises(UsageError, match=r"unknown argument 'agnostic_nms' .*class_agnostic=true"):
        detector.predict("a.jpg", agnostic_nms=True)
    with pytest.raises(UsageError, match=r"unknown argument 'slices' of val: did you mean (slice|scales)\?"):
        detector.val("data", slices=640)
