"""The front door: one object to train, evaluate and use a detector."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from centernet.data.doctor.clean import clean
from centernet.data.formats.catalog import open_dataset
from centernet.data.formats.common.calibration import cameras_of
from centernet.detections import Detections
from centernet.errors import UsageError
from centernet.geometry.resize import choose_rule
from centernet.inference.backends.formats import is_exported
from centernet.inference.exported import ExportedPredictor
from centernet.inference.options import InferenceOptions
from centernet.inference.slicing import PIECE_SHARE, Slicing
from centernet.inference.stream import annotated, detect_stream, readable, samples_of
from centernet.io.sources import frames
from centernet.recipes.hints import with_hints
from centernet.recipes.presets import RECIPES
from centernet.recipes.recipe import Recipe, in_proportion, with_settings
from centernet.structures import Categories, Dataset, Sample
from centernet.structures.sample import sample_of
from centernet.structures.skeletons import fill_skeleton
from centernet.weights import zoo

if TYPE_CHECKING:
    # Where only files are run there is no torch: what needs it is imported where it is used.
    import torch
    from PIL.Image import Image

    from centernet.evaluation import Evaluation
    from centernet.export import Parity
    from centernet.inference.predictor import TorchPredictor

MACHINE_SETTINGS = frozenset({"device", "devices", "num_nodes", "strategy", "workers", "cache"})
"""Settings that a resumed run may change: they decide where it runs, not what it learns."""


class CenterNet:
    """A detector: train it, measure it, use it.

    ```python
    model = CenterNet("small")
    model.train(data="path/to/dataset", epochs=50)
    for detections in model.predict("images/"):
        detections.plot().save("out.png")
    ```

    Args:
        model: A recipe (`small`), weights that come along, a weights or run folder, a `.safetensors` file,
            what `export` wrote (`.onnx`, `.pt2`, a folder of OpenVINO), or a model on the Hugging Face hub
            as `hf://owner/name`.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or 1, `mps`. What `export` wrote runs on the processor.

    Attributes:
        run_folder: Where the last training wrote.
    """

    def __init__(self, model: str | Path = "small", device: str | int = "auto") -> None:
        self.run_folder: Path | None = None
        self._model = str(model)
        self._wanted = str(device)
        self._device: torch.device | str = "cpu"
        self._predictor: TorchPredictor | None = None
        self._file: ExportedPredictor | None = None
        if is_exported(self._model):
            self._open_file(device)
        else:
            self._open(device)

    def _open_file(self, device: str | int) -> None:
        if device not in ("auto", "cpu"):
            raise UsageError(f"{self._model} runs on the processor: leave device={device} out")
        self._file = ExportedPredictor.of(Path(self._model))

    def _open(self, device: str | int) -> None:
        from centernet.hardware import device_of
        from centernet.weights import files as weights
        from centernet.weights.hub import fetch

        self._device = device_of(device)
        is_recipe = self._model in RECIPES and self._model not in zoo.names()
        if not is_recipe or weights.has_weights(Path(self._model)):
            self._predictor = weights.load(fetch(self._model), self._device)

    @classmethod
    def from_pretrained(cls, model: str | Path, device: str | int = "auto") -> "CenterNet":
        """Weights from a folder or, for `owner/name`, from the Hugging Face hub."""
        name = str(model)
        is_remote = not Path(name).exists() and name not in zoo.names() and name.count("/") == 1
        return cls(f"hf://{name}" if is_remote else name, device)

    @property
    def predictor(self) -> "TorchPredictor":
        """Network, task and pre-processing.

        Raises:
            UsageError: The model is a recipe that has not been trained yet.
        """
        if self._file is not None:
            raise UsageError(f"{self._model} is a written file, for this the weights are needed")
        if self._predictor is None:
            known = ", ".join(zoo.names())
            raise UsageError(
                f"{self._model!r} is a recipe without weights: train it, or open weights such as {known}"
            )
        return self._predictor

    @property
    def network(self) -> "torch.nn.Module":
        """The network: call it on normalised images to get its raw maps."""
        return self.predictor.network

    @property
    def categories(self) -> Categories:
        """What labels mean."""
        return (self._file or self.predictor).categories

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each label."""
        return self.categories.names

    def train(
        self,
        data: str | Path | None = None,
        *,
        resume: bool | str | Path = False,
        progress: bool | None = None,
        **settings: Any,
    ) -> "Evaluation | None":
        """Trains on a data set and keeps the best weights.

        Args:
            data: A COCO, VOC, YOLO, KITTI or DeepLabCut data set: folder, `.json`, `data.yaml` or `.csv`.
            resume: Go on with a run that was stopped: its folder; or True, for the run whose weights these
                are, or the latest one.
            progress: Show a progress bar; by default where a person looks on.
            settings: What differs from the recipe: `epochs=50, imgsz=320`. See `centernet.Recipe`. With other
                `epochs` its `lr_steps` and `plain_epochs` move in proportion.

        Returns:
            How the best weights do on the validation images; None where the data set has none.

        Raises:
            UsageError: An unknown or impossible setting.
            InputError: Broken data, or a loss that is no number any more.
        """
        from centernet.training import run_folder as folders
        from centernet.training.build import adapt_to_data, build_predictor, recipe_of
        from centernet.training.data import open_training_data, suggest_recipe

        if self._wanted != "auto":
            settings.setdefault("device", self._wanted)
        if resume:
            if data is not None:
                raise UsageError(f"a resumed run keeps its data: leave {data} out")
            where = {key: settings.pop(key) for key in ("project", "task") if key in settings}
            runs = with_settings(Recipe(), **where).runs
            own = folders.folder_of(self._model) if self._predictor else None
            folder = Path(resume) if resume is not True else own or folders.latest_folder(runs)
            return self._resume(folder, progress, settings)
        if data is None:
            raise UsageError("train needs a data set: data=FOLDER")
        is_recipe = self._predictor is None and self._file is None
        base = RECIPES[self._model]() if is_recipe else recipe_of(self.predictor)
        recipe = in_proportion(with_settings(base, **settings), base, settings)
        training, validation = open_training_data(str(data), recipe)
        if is_recipe:
            suggest_recipe(self._model, recipe, training)
        recipe = adapt_to_data(recipe, training.categories, settings)
        predictor = build_predictor(recipe, training.categories, self._beginning(recipe))
        folder = folders.new_folder(recipe)
        folders.describe(folder, self._model, str(data), recipe)
        return self._fit(folder, recipe, predictor, (training, validation), progress)

    @with_hints
    def val(
        self,
        data: str | Path,
        *,
        split: str = "val",
        batch: int = 16,
        half: bool = False,
        max_det: int | None = None,
        resize: str | None = None,
        imgsz: int | None = None,
        flip: bool = False,
        scales: Sequence[float] = (1.0,),
        nms: str = "none",
        iou: float | None = None,
        merge_boxes: float = 0.0,
        class_agnostic: bool = False,
        exact: bool = False,
        slice: int | None = None,  # noqa: A002 - the name that users type
        slice_overlap: float | None = None,
        workers: int = 1,
        save_dir: str | Path | None = None,
        save_json: str | Path | None = None,
    ) -> "Evaluation":
        """Measures the detector on annotated images.

        Args:
            data: A data set with the classes of the weights.
            split: Which part of it.
            batch: Images at once.
            half: Compute in bfloat16.
            max_det: Most detections in an image; by default what the weights were trained with.
            resize: Input that images are shown on: `fit`, `follow`, `keep` or `triplet`; else as in training.
            imgsz: Side of the input of `fit`, longer side of the image for `follow`.
            flip: Average what the image and its mirror image show.
            scales: Show each image in several sizes, `(0.5, 1, 1.5)`, and merge by soft-NMS.
            nms: Lower the scores of boxes that overlap better ones of their class: `gaussian` or `linear`,
                which are soft-NMS, or `hard`. Several looks, and pairs of corners, are merged in any case.
            iou: Overlap from which `linear` and `hard` lower; 0.5 where none is given.
            merge_boxes: Above 0, such a box becomes the mean of those it lowers; the original takes 10.
            class_agnostic: Report each place under its best class alone.
            exact: NMS as the original does it, which leaves some boxes it meant to drop.
            slice: Look at larger images in tiles of this side, image pixels, and once at the whole; what
                several of them show becomes one detection.
            slice_overlap: Least share of a tile's side that its neighbour shows too; by default 0.2.
            workers: Threads that read and resize images while the network looks at others; two or more also
                look at several batches at once where cores are free.
            save_dir: Write curves, tables and pictures there.
            save_json: Write COCO results into this file, with the data set's ids: what `score` reads.

        Raises:
            UsageError: An impossible argument.
            InputError: The data set is broken, or has other classes.
        """
        from centernet.evaluation.summary import summarize
        from centernet.structures.dataset import check_same_classes

        slicing = self._slicing(slice, slice_overlap)
        self._check_most(max_det, slicing, scales)
        predictor, inference = self._asked(
            batch,
            workers,
            max_det,
            class_agnostic,
            resize,
            imgsz,
            scales,
            flip=flip,
            nms=nms,
            iou=iou,
            merge_boxes=merge_boxes,
            exact=exact,
            half=half,
        )
        with_keypoints = bool(self.categories.max_keypoints)
        dataset, _ = clean(open_dataset(data, split, with_keypoints))
        check_same_classes(self.categories, dataset)
        dataset = replace(dataset, categories=fill_skeleton(dataset.categories, self.categories))
        folder, results = (Path(path) if path else None for path in (save_dir, save_json))
        stream = detect_stream(
            predictor,
            annotated(dataset),
            batch=batch,
            inference=inference,
            workers=workers,
            slicing=slicing,
            max_detections=max_det,
        )
        return summarize(predictor, dataset, stream, folder, results)

    @with_hints
    def predict(
        self,
        source: Any,
        *,
        conf: float = 0.3,
        max_det: int | None = None,
        batch: int = 1,
        half: bool = False,
        resize: str | None = None,
        imgsz: int | None = None,
        flip: bool = False,
        scales: Sequence[float] = (1.0,),
        nms: str = "none",
        iou: float | None = None,
        merge_boxes: float = 0.0,
        class_agnostic: bool = False,
        exact: bool = False,
        slice: int | None = None,  # noqa: A002 - the name that users type
        slice_overlap: float | None = None,
        workers: int | None = None,
        camera: Any = None,
        strict: bool = False,
        progress: bool = False,
    ) -> Iterator[Detections]:
        """Finds objects, image after image, as they are asked for.

        Args:
            source: An image file, a folder, a pattern, a video, a URL, a PIL image, an RGB array `(h w 3)`, a
                tensor `(3 h w)`, or many of them.
            conf: Least score of a detection.
            max_det: Most detections in an image; by default 100, or as many as a written file gives.
            batch: Images at once.
            half: Compute in bfloat16: faster where the hardware has it, a little less exact.
            resize: Input that images are shown on: `fit`, `follow`, `keep` or `triplet`; else as in training.
            imgsz: Side of the input of `fit`, longer side of the image for `follow`.
            flip: Average what the image and its mirror image show.
            scales: Show each image in several sizes, `(0.5, 1, 1.5)`, and merge by soft-NMS.
            nms: Lower the scores of boxes that overlap better ones of their class: `gaussian` or `linear`,
                which are soft-NMS, or `hard`. Several looks, and pairs of corners, are merged in any case.
            iou: Overlap from which `linear` and `hard` lower; 0.5 where none is given.
            merge_boxes: Above 0, such a box becomes the mean of those it lowers; the original takes 10.
            class_agnostic: Report each place under its best class alone.
            exact: NMS as the original does it, which leaves some boxes it meant to drop.
            slice: Look at larger images in tiles of this side, image pixels, and once at the whole; what
                several of them show becomes one detection.
            slice_overlap: Least share of a tile's side that its neighbour shows too; by default 0.2.
            workers: Threads that read and resize images while the network looks at others; two or more also
                look at several batches at once where cores are free. With 0 an image is read when it is asked
                for. By default 1, and 0 for an iterator of yours.
            camera: Image pixels from camera metres, which boxes in 3D are placed with: rows of a matrix
                `(3 3)` or `(3 4)`, a file that holds them (KITTI's `calib`, a table, json), or a folder
                with a file for each image.
            strict: Stop at an image that cannot be read, instead of naming it and going on.
            progress: Show a progress bar.

        Raises:
            UsageError: An impossible argument.
            InputError: Nothing is there; or an image cannot be read and `strict` is set.
        """
        if not 0 <= conf <= 1:
            raise UsageError(f"conf is a score from 0 to 1; got {conf}")
        slicing = self._slicing(slice, slice_overlap)
        self._check_most(max_det, slicing, scales)
        max_det = 100 if max_det is None else max_det
        predictor, inference = self._asked(
            batch,
            workers,
            max_det,
            class_agnostic,
            resize,
            imgsz,
            scales,
            flip=flip,
            nms=nms,
            iou=iou,
            merge_boxes=merge_boxes,
            exact=exact,
            half=half,
        )
        images = frames(source)
        stream = detect_stream(
            predictor,
            samples_of(images, cameras_of(camera)),
            batch=batch,
            inference=inference,
            workers=int(images.can_prefetch) if workers is None else workers,
            slicing=slicing,
            max_detections=max_det,
            least=conf * PIECE_SHARE,
            strict=strict,
        )
        found = (detections.above(conf) for detections in stream)
        return _with_bar(found, images.length) if progress else found

    __call__ = predict

    def explain(
        self,
        detections: Detections,
        *,
        conf: float = 0.3,
        resize: str | None = None,
        imgsz: int | None = None,
    ) -> "Image":
        """A picture of what led to detections: every heatmap, the points, and what was made of them.

        Corners that pair are joined by a line, with the part of the box in which a centre must lie; pairs
        that no centre confirms are grey. Boxes made of their centre have arrows to their sides and
        keypoints. One look at the image is shown, not mirrored.

        Args:
            detections: As `predict` gives them, with their image.
            conf: Nothing with a lower score is drawn.
            resize: As for `predict`.
            imgsz: As for `predict`.

        Raises:
            UsageError: The detections have no image.
        """
        from PIL.Image import fromarray

        if detections.image is None:
            raise UsageError(f"{detections.name}: the detections have no image to explain them on")
        predictor = self.predictor
        rule = choose_rule(predictor.rule, resize, imgsz, predictor.network.backbone.divisor)
        sample = sample_of(detections.image, detections.name, camera=detections.camera)
        return fromarray(replace(predictor, rule=rule).explain(sample, conf))

    def save(self, folder: str | Path, *, half: bool = False, card: str = "") -> Path:
        """Writes a weights folder: `config.json`, `model.safetensors`, `README.md`.

        Args:
            folder: Made if need be.
            half: Store 16 bits a number.
            card: Text of the model card.

        Raises:
            UsageError: The name is that of a file of another kind.
        """
        from centernet.weights import files as weights

        kind = Path(folder).suffix
        if is_exported(str(folder)) or kind in (".onnx", ".pt2", ".xml"):
            raise UsageError(f"{folder} is a name of written files: export(format, output=...) writes those")
        if kind in (".pt", ".pth", ".ckpt", ".safetensors"):
            raise UsageError(f"weights are a folder of three files: leave {kind} out of {folder}")
        return weights.save(self.predictor, folder, half=half, card=card)

    @with_hints
    def export(
        self,
        format: str = "onnx",  # noqa: A002 - the name that users type
        *,
        output: str | Path | None = None,
        half: bool = False,
        int8: bool = False,
        data: Any = None,
        source: Any = None,
    ) -> "tuple[Path, Parity]":
        """Writes one file with the decoding inside, and checks that it finds what the weights find.

        Args:
            format: `onnx`; `openvino`, a folder; or `torch`, a program of `torch.export`.
            output: The file or folder; by default called after the model, in the working folder.
            half: The network in 16 bits a number, half the size.
            int8: The network in 8 bits a number: a quarter of the size, and faster on processors. Not for
                `torch`.
            data: Images as it will see them, as for `predict`: `int8` is measured on at most 128 of them.
            source: Images to compare on, as for `predict`, at most 8; those of `data`, or made-up ones where
                none are given.

        Returns:
            The file, and how it compares.

        Raises:
            UsageError: No such format or precision, or a package that exporting needs is not installed.
            InputError: The file finds something else than the weights, and is not written.
        """
        from centernet.export import MAX_CALIBRATION, export, location_of, precision_of

        precision = precision_of(format, half=half, int8=int8, has_data=data is not None)
        path = location_of(output, self._model, format, precision)
        calibration = _first_of(data, MAX_CALIBRATION) if int8 else ()
        shown = _first_of(source, 8) if source is not None else calibration[:8]
        parity = export(
            self.predictor,
            path,
            format,
            precision=precision,
            samples=shown,
            calibration=calibration,
        )
        return path, parity

    def push_to_hub(self, repo_id: str, *, private: bool = False, token: str | None = None) -> str:
        """Writes the weights folder to a repository on the Hugging Face hub, and says its address."""
        from centernet.weights import hub

        return hub.push(self.predictor, repo_id, private=private, token=token)

    def __repr__(self) -> str:
        return f"CenterNet({self._model!r}, device={str(self._device)!r})"

    def _asked(
        self,
        batch: int,
        workers: int | None,
        max_det: int | None,
        class_agnostic: bool,
        resize: str | None,
        imgsz: int | None,
        scales: Sequence[float],
        **looks: Any,
    ) -> "tuple[TorchPredictor | ExportedPredictor, InferenceOptions]":
        """The predictor and the way to ask it that arguments of `predict` and `val` mean."""
        if batch < 1 or (max_det is not None and max_det < 1):
            raise UsageError(f"max_det and batch are 1 or more; got {max_det} and {batch}")
        if workers is not None and workers < 0:
            raise UsageError(f"workers are 0 or more; got {workers}")
        predictor = self._file or self.predictor
        # A task that knows no classes is not asked about them.
        settings = {"top_k": max_det} if max_det else {}
        settings |= {"class_agnostic": True} if class_agnostic else {}
        rule = choose_rule(predictor.rule, resize, imgsz, predictor.divisor)
        inference = InferenceOptions(scales=tuple(scales), across_classes=class_agnostic, **looks)
        return replace(predictor.with_task_settings(**settings), rule=rule), inference

    def _check_most(self, max_det: int | None, slicing: Slicing | None, scales: Sequence[float]) -> None:
        """Raises for more detections than a written file gives in the one look that is taken."""
        if self._file and (max_det or 0) > self._file.max_detections and slicing is None and len(scales) == 1:
            raise UsageError(
                f"{self._model} gives at most {self._file.max_detections} detections of an image; "
                f"got max_det={max_det}: leave it out, or use the weights"
            )

    def _slicing(self, side: int | None, overlap: float | None) -> Slicing | None:
        if side is None:
            if overlap is not None:
                raise UsageError("slice_overlap says how far tiles overlap: add slice=640, their side")
            return None
        if (self._file or self.predictor).is_scale_dependent:
            raise UsageError(
                f"{self._model}: depths hold only for images as large as in training (focal_px=0), and tiles "
                "are shown larger: leave slice out"
            )
        return Slicing(side=side) if overlap is None else Slicing(side=side, overlap=overlap)

    def _resume(self, folder: Path, progress: bool | None, settings: dict[str, Any]) -> "Evaluation | None":
        from centernet.training import run_folder as folders
        from centernet.training.build import build_predictor
        from centernet.training.data import open_training_data

        if refused := sorted(settings.keys() - MACHINE_SETTINGS):
            raise UsageError(f"a resumed run keeps its settings; {', '.join(refused)} cannot change")
        arguments = folders.arguments_of(folder)
        model, data = str(arguments.pop("model")), str(arguments.pop("data"))
        recipe = with_settings(Recipe(), **{**arguments, **settings})
        training, validation = open_training_data(data, recipe)
        if (folder / folders.CHECKPOINT).exists():
            # It holds all weights: those that the run began from may be gone.
            predictor = build_predictor(replace(recipe, pretrained=False), training.categories)
        else:
            origin = CenterNet(model, str(self._device))
            predictor = build_predictor(recipe, training.categories, origin._beginning(recipe))
        return self._fit(folder, recipe, predictor, (training, validation), progress, resume=True)

    def _beginning(self, recipe: Recipe) -> "TorchPredictor | None":
        """The weights that a training goes on from."""
        return CenterNet(recipe.start, str(self._device)).predictor if recipe.start else self._predictor

    def _fit(
        self,
        folder: Path,
        recipe: Recipe,
        predictor: "TorchPredictor",
        data: tuple[Dataset, Dataset | None],
        progress: bool | None,
        *,
        resume: bool = False,
    ) -> "Evaluation | None":
        from centernet.evaluation import evaluate
        from centernet.evaluation.curves import save_training_curves
        from centernet.evaluation.summary import summarize
        from centernet.training.fit import fit
        from centernet.training.run_folder import is_first_process
        from centernet.weights import files as weights

        training, validation = data

        def score(found: Sequence[Detections]) -> Mapping[str, float]:
            assert validation is not None
            return evaluate(validation, found).metrics

        folder = fit(
            predictor,
            recipe,
            training,
            validation,
            folder,
            score if validation else None,
            resume=resume,
            progress=sys.stderr.isatty() if progress is None else progress,
            say=_say,
        )
        self.run_folder = folder
        self._model = str(folder)
        self._predictor = weights.load(folder, self._device)
        if not is_first_process():
            return None
        save_training_curves(folder / "results.csv", folder / "results.png")
        if validation is None:
            return None
        stream = detect_stream(self._predictor, annotated(validation), batch=recipe.batch, workers=1)
        return summarize(self._predictor, validation, stream, folder)


def _say(line: str) -> None:
    """Prints on what stderr is by then: a progress bar puts itself in its place, to stay below."""
    print(line, file=sys.stderr)


def _first_of(source: Any, most: int) -> tuple[Sample, ...]:
    """The first images of a source, each of which must be readable."""
    return tuple(islice(readable((read() for read in samples_of(frames(source))), strict=True), most))


def _with_bar(found: Iterator[Detections], length: int | None) -> Iterator[Detections]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("predict", total=length)
        for detections in found:
            # Its number counts images that were passed over, too.
            bar.update(task, fill_skeleton=detections.image_id + 1)
            yield detections
