"""`centernet val` and `centernet score`."""

from dataclasses import replace
from typing import Any

from centernet.cli.arguments import TEXT, WHOLE, Argument, list_of
from centernet.cli.command import (
    CONF,
    DATA,
    DEVICE,
    EXIST_OK,
    IMAGES,
    MODEL_OR_FILE,
    TRUST,
    WORKERS,
    Command,
    Output,
)
from centernet.cli.inference_options import INFERENCE


def _val(given: dict[str, Any], output: Output) -> int:
    from centernet.detector import CenterNet

    trust = given.pop("trust", False)
    detector = CenterNet(given.pop("model"), given.pop("device", "auto"), trust=trust)
    evaluation = detector.val(given.pop("data"), **given)
    output.show(str(evaluation), evaluation.to_json())
    if "save_dir" in given:
        output.note(f"curves, tables and images are in {given['save_dir']}")
    if "save_json" in given:
        output.note(f"results are in {given['save_json']}")
    return 0


def _score(given: dict[str, Any], output: Output) -> int:
    from centernet.evaluation import score

    scores = score(**given)
    output.show(str(scores), scores.to_json())
    return 0


VAL = Command(
    name="val",
    about="evaluate weights on annotated images",
    run=_val,
    arguments=(
        MODEL_OR_FILE,
        DATA,
        Argument(name="split", type=TEXT, about="split of the data set", default="val"),
        replace(
            CONF,
            about="as for predict, for precision, recall, the confusion matrix and images",
        ),
        Argument(name="batch", type=WHOLE, about="images in a batch", default="16"),
        Argument(
            name="max_det",
            type=WHOLE,
            about="maximum number of detections in an image, by default as the weights were trained; AP "
            "counts as many of a class, 100 at least",
            default="NUMBER",
        ),
        WORKERS,
        IMAGES,
        Argument(name="save_dir", type=TEXT, about="folder for curves, tables and images", default="FOLDER"),
        Argument(
            name="save_json",
            type=TEXT,
            about="file for the detections as COCO results, with the data set's ids",
            default="FILE",
        ),
        EXIST_OK,
        DEVICE,
        TRUST,
        *INFERENCE,
    ),
    examples=(
        "centernet val model=runs/detect/train data=datasets/cells save_dir=runs/val",
        "centernet val model=runs/detect/train data=datasets/cells flip=true scales=0.75,1,1.25",
    ),
)

SCORE = Command(
    name="score",
    about="score results that another program wrote; no model needed",
    run=_score,
    arguments=(
        Argument(
            name="format",
            type=TEXT,
            about="format of the results: coco, voc or kitti",
            default="coco",
            is_required=True,
        ),
        Argument(
            name="ground_truth",
            type=TEXT,
            about="COCO .json, folder of VOC .xml, data set, or KITTI's label_2 (alias: truth=)",
            default="ground_truth.json",
            is_required=True,
            alias="truth",
        ),
        Argument(
            name="results",
            type=TEXT,
            about="a COCO results .json (boxes, keypoints), or a folder: VOC's comp4_det_<set>_<class>.txt, "
            "KITTI's <frame>.txt",
            default="results.json",
            is_required=True,
        ),
        Argument(name="split", type=TEXT, about="split of a data set folder", default="NAME"),
        Argument(
            name="frames",
            type=TEXT,
            about="KITTI's list of frames; by default those that have a file of results",
            default="FILE",
        ),
        Argument(
            name="protocol",
            type=list_of(TEXT),
            about="KITTI's overlaps: strict (.7/.5/.5 everywhere), original (in 3D .5/.25/.25), or both as "
            "strict,original",
            default="strict",
        ),
        Argument(
            name="points",
            type=list_of(WHOLE),
            about="recalls that KITTI's AP is averaged over: 40, 11, or 11,40 for both",
            default="40",
        ),
        Argument(
            name="max_det",
            type=WHOLE,
            about="best detections of a class in an image that COCO's AP counts (20 for keypoints)",
            default="100",
        ),
    ),
    examples=(
        "centernet score format=coco ground_truth=gt.json results=dt.json --json",
        "centernet score format=coco ground_truth=person_keypoints_val.json results=keypoints.json",
        "centernet score format=kitti ground_truth=label_2 results=results frames=val.txt points=11,40",
    ),
)
