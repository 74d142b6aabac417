"""Training and validation images of a run: opened, cleaned and checked."""

import sys
from collections.abc import Collection
from dataclasses import replace

import numpy as np

from centernet.data.doctor.clean import clean
from centernet.data.doctor.shared_images import shared_defect
from centernet.data.formats.catalog import open_dataset, splits
from centernet.data.formats.common.splits import UnclearSplitError, stand_in
from centernet.data.splitting.partition import MIN_IMAGES
from centernet.errors import InputError, UsageError, shortened
from centernet.recipes.recipe import Recipe
from centernet.structures import Dataset
from centernet.structures.annotation_table import AnnotationTable
from centernet.structures.dataset import with_labels_of
from centernet.structures.skeletons import override_skeleton
from centernet.training.holding_out import hold_out
from centernet.training.task_builders import task_builder_of


def open_training_data(
    data: str, recipe: Recipe, held_out: Collection[str] = ()
) -> tuple[Dataset, Dataset | None]:
    """Cleaned training and validation images; prints what was repaired.

    Without validation images a fraction of the training images, `val_split`, is held out, see `hold_out`.

    Args:
        data: Path or name of the data set.
        recipe: Its task, its settings of the skeleton, and `val_split`.
        held_out: Paths of the images that the run held out before, if it is resumed.

    Raises:
        UsageError: The skeleton of the recipe does not fit the keypoints, or the augmentation does not fit 3D
            boxes.
        InputError: There are no objects to learn, or validation has a class that training lacks.
    """
    with_keypoints = task_builder_of(recipe).with_keypoints
    training = _opened(data, "train", recipe)
    if not any(len(record.annotations) for record in training.records):
        raise InputError(
            f"{data}: no usable object is left to learn; `{_doctor(data, with_keypoints)}` lists the reasons"
        )
    if task_builder_of(recipe).is_3d:
        _check_boxes3d(data, training, recipe)
    name = stand_in(splits(data, with_keypoints), "val")
    if name is None:
        training, validation = hold_out(data, training, recipe.val_split, held_out)
    else:
        if name in ("test", "testing"):
            print(
                f"{data} has no val: the best weights are selected on {name}, so their AP there is too high",
                file=sys.stderr,
            )
        validation = with_labels_of(_opened(data, "val", recipe), training.categories)
        if shared := shared_defect(training, validation, name):
            print(shortened(str(shared)), file=sys.stderr)
        if len(training) < MIN_IMAGES:
            print(
                f"{training.name}: fewer than {MIN_IMAGES} training images teach little but themselves: "
                "annotate more",
                file=sys.stderr,
            )
    _name_empty_classes(training)
    if validation is None:
        return training, None
    if not any(len(record.annotations) for record in validation.records):
        print(f"{validation.name} has no objects, so AP is not measured", file=sys.stderr)
        return training, None
    if task_builder_of(recipe).is_3d:
        validation = _with_cameras(validation)
    return training, validation


def _name_empty_classes(training: Dataset) -> None:
    """Prints which classes have no objects."""
    counts = np.bincount(AnnotationTable.of(training.records).labels, minlength=len(training.categories))
    missing = [name for name, count in zip(training.categories.names, counts, strict=True) if not count]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        print(
            f"{training.name}: no object is of class {', '.join(missing[:3])}{more}, so none is learned: "
            "annotate some, or take the class out of the list",
            file=sys.stderr,
        )


def _with_cameras(validation: Dataset) -> Dataset:
    """The images whose 3D boxes can be evaluated, those with a camera; prints how many have none.

    Raises:
        InputError: None has a camera.
    """
    kept = tuple(record for record in validation.records if record.camera is not None)
    if not kept:
        raise InputError(f"{validation.name}: no validation image has a camera, so nothing can be evaluated")
    if missing := len(validation) - len(kept):
        print(f"{validation.name}: {missing} images have no camera and are not evaluated", file=sys.stderr)
    return replace(validation, records=kept)


def _check_boxes3d(data: str, training: Dataset, recipe: Recipe) -> None:
    """Raises unless the data has 3D boxes with cameras and the augmentation keeps images upright."""
    if not any(
        record.camera is not None and np.isfinite(record.annotations.boxes3d).all(axis=1).any()
        for record in training.records
    ):
        raise InputError(
            f"{data} has no 3D boxes with a camera: KITTI has them in label_2 and calib, COCO's json in "
            "dim, location and rotation_y of an object and camera of an image"
        )
    for key in ("rotate", "flip_vertical", "quarter_turns", "mosaic"):
        if getattr(recipe, key):
            raise UsageError(f"{key} does not go with 3D boxes: cameras stand upright; leave it out")
    for key in ("mixup", "copy_paste"):
        if getattr(recipe, key):
            raise UsageError(f"{key} does not go with 3D boxes: each image has its own camera; leave it out")


def _with_skeleton(dataset: Dataset, recipe: Recipe) -> Dataset:
    categories = override_skeleton(
        dataset.categories, edges=recipe.edges, flip_pairs=recipe.flip_pairs, sigmas=recipe.sigmas
    )
    return replace(dataset, categories=categories)


def _opened(data: str, split: str, recipe: Recipe) -> Dataset:
    """The cleaned split; an error about splits says what to do where there is no key for them."""
    with_keypoints = task_builder_of(recipe).with_keypoints
    try:
        dataset = open_dataset(data, split, with_keypoints, recipe.images or None)
    except UnclearSplitError as error:
        raise InputError(
            f"{error.problem}: training takes the splits called train and val, so rename one, or move away "
            "those that are not meant"
        ) from error
    return _with_skeleton(_cleaned(dataset, with_keypoints), recipe)


def _cleaned(dataset: Dataset, with_keypoints: bool) -> Dataset:
    cleaned, defects = clean(dataset)
    defects = dataset.defects + defects
    if defects:
        more = "one defect"
        if len(defects) > 1:
            more = f"{len(defects)} defects (see `{_doctor('...', with_keypoints)}`), the first"
        print(shortened(f"{dataset.name}: {more}: {defects[0]}"), file=sys.stderr)
    return cleaned


def _doctor(data: str, with_keypoints: bool) -> str:
    """The command that lists the defects of the files that training reads."""
    return f"centernet doctor data={data}{' keypoints=true' * with_keypoints}"
