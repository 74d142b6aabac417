"""One object to train, evaluate and run a detector."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from centernet.data.doctor.clean import clean
from centernet.data.formats.catalog import open_dataset
from centernet.data.formats.common.calibration import cameras_of
from centernet.detections import Detections
from centernet.detector.opening import check_weights_folder, configured, open_predictor, require_weights
from centernet.detector.progress import with_progress_bar
from centernet.errors import UsageError
from centernet.geometry.resize import choose_rule
from centernet.inference.confidence import Confidence, min_scores
from centernet.inference.options import InferenceKeywords, InferenceOptions
from centernet.inference.slicing import PIECE_WEIGHT
from centernet.inference.stream import (
    Predictor,
    annotated,
    detect_stream,
    first_samples,
    samples_of,
)
from centernet.io.guest import guest, seeding_guest
from centernet.io.paths import expanded
from centernet.io.sources import frames
from centernet.io.writing import check_replaceable
from centernet.recipes.hints import with_hints
from centernet.structures import Categories
from centernet.structures.sample import sample_of
from centernet.weights import zoo

if TYPE_CHECKING:
    # Exported files run without torch: what needs it is imported where it is used.
    import torch
    from PIL.Image import Image

    from centernet.detector.training_run import TrainingRun
    from centernet.evaluation import Evaluation
    from centernet.export import Parity
    from centernet.inference.predictor import TorchPredictor
    from centernet.planning.plan import Plan


class CenterNet:
    """A detector to train, evaluate and run.

    ```python
    model = CenterNet("small")
    model.train(data="path/to/dataset", epochs=50)
    for detections in model.predict("images/"):
        detections.plot().save("out.png")
    ```

    Args:
        model: A recipe (`small`), the name of weights that come with the package, a weights or run folder, a
            `.safetensors` file, an exported file (`.onnx`, `.pt2`, a folder of OpenVINO), or a model on the
            Hugging Face hub as `hf://owner/name`.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or 1, `mps`. Exported files run on the processor.
        trust: Open a `.pt2` program: torch evaluates expressions in it. Other models run nothing of theirs.

    Attributes:
        run_folder: Run folder of the last training; None before.
    """

    @guest
    def __init__(
        self, model: str | Path = "auto", device: str | int = "auto", *, trust: bool = False
    ) -> None:
        self.run_folder: Path | None = None
        self._model = str(model)
        self._wanted_device = str(device)
        self._predictor, self._device = open_predictor(self._model, device, trust=trust)

    @classmethod
    def from_pretrained(cls, model: str | Path, device: str | int = "auto") -> "CenterNet":
        """A detector with weights from a folder or, for `owner/name`, from the Hugging Face hub."""
        name = str(model)
        is_remote = not Path(name).exists() and name not in zoo.names() and name.count("/") == 1
        return cls(f"hf://{name}" if is_remote else name, device)

    @property
    def predictor(self) -> "TorchPredictor":
        """Network, task and pre-processing.

        Raises:
            UsageError: The model is a recipe that has not been trained yet, or an exported file.
        """
        return require_weights(self._model, self._predictor)

    @property
    def network(self) -> "torch.nn.Module":
        """The network, from normalised images to maps."""
        return self.predictor.network

    @property
    def categories(self) -> Categories:
        """The classes of the labels."""
        return self._trained.categories

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each class, by label."""
        return self.categories.names

    @seeding_guest
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
            data: A data set of any format that is known: a folder, `.json`, `data.yaml` or `.csv`.
            resume: Continue a run that was stopped: its folder; or True, for the run whose weights these
                are, or the latest one.
            progress: Show a progress bar; by default if stderr is a terminal.
            settings: Settings that differ from the recipe: `epochs=50, imgsz=320`. See `centernet.Recipe`.
                With other `epochs` its `lr_steps` and `plain_epochs` move in proportion.

        Returns:
            Metrics of the best weights on the validation images; None if the data set has none.

        Raises:
            UsageError: An unknown or impossible setting.
            InputError: Broken data, or a loss that is not a finite number any more.
        """
        run = self._training(settings, progress).run(data, resume, settings)
        self.run_folder, self._model, self._predictor = run.folder, str(run.folder), run.predictor
        return run.evaluation

    @seeding_guest
    def plan(self, data: str | Path, **settings: Any) -> "tuple[Plan, float]":
        """The plan that `train` would follow, with the reasons, and the minutes it would take."""
        return self._training(settings, None).plan(str(data), settings)

    @with_hints
    @guest
    def val(
        self,
        data: str | Path,
        *,
        split: str = "val",
        conf: Confidence = None,
        batch: int = 16,
        max_det: int | None = None,
        workers: int = 1,
        images: str | Path | None = None,
        save_dir: str | Path | None = None,
        save_json: str | Path | None = None,
        exist_ok: bool = False,
        **options: Unpack[InferenceKeywords],
    ) -> "Evaluation":
        """Evaluates the detector on annotated images.

        Args:
            data: A data set; classes are compared by name.
            split: Its split.
            conf: As for `predict`; for precision, recall, the confusion matrix and images. AP counts all.
            batch: Images in a batch.
            max_det: Maximum number of detections in an image, and of those of a class that AP counts above
                its 100; by default as the weights were trained.
            workers: Threads that read and resize images; two or more also run the network on cores left free.
            images: Folder of the images, where they are not where the data set says.
            save_dir: Folder for curves, tables and images.
            save_json: File for the detections as COCO results, with the data set's ids: `score` reads it.
            exist_ok: Replace that file if it exists.
            options: See `InferenceOptions`: `flip=True, scales=(0.75, 1, 1.25), slice=640`.

        Raises:
            UsageError: An unknown or impossible argument.
            InputError: The data set is broken, or has none of the classes.
        """
        from centernet.evaluation.summary import summarize

        if save_json:
            check_replaceable(expanded(save_json), exist_ok=exist_ok, data=expanded(data))
        inference = InferenceOptions(**options)
        predictor = configured(self._trained, self._model, inference, batch, workers, max_det)
        with_keypoints = bool(self.categories.max_keypoints)
        dataset, _ = clean(open_dataset(data, split, with_keypoints, images))
        folder, results = (expanded(path) if path else None for path in (save_dir, save_json))
        stream = detect_stream(
            predictor,
            annotated(dataset),
            batch=batch,
            inference=inference,
            workers=workers,
            max_detections=max_det,
        )
        return summarize(predictor, dataset, stream, folder, results, conf=conf, max_det=max_det)

    @with_hints
    def predict(
        self,
        source: Any,
        *,
        conf: Confidence = None,
        max_det: int | None = None,
        batch: int = 1,
        workers: int | None = None,
        camera: Any = None,
        strict: bool = False,
        progress: bool = False,
        **options: Unpack[InferenceKeywords],
    ) -> Iterator[Detections]:
        """Finds objects in images, one image after the other, as the iterator is advanced.

        Args:
            source: An image file, a folder, a pattern, a video, a URL, a PIL image, an RGB array `(h w 3)`, a
                tensor `(3 h w)`, or many of them.
            conf: Minimum score of a detection: a number, or one for each class, `"a:0.2,b:0.4"`. By default
                the score of best F1 on the validation images, which `train` keeps in the weights; else 0.3.
            max_det: Maximum number of detections in an image; by default 100, or as many as an exported file
                gives.
            batch: Images in a batch.
            workers: Threads that read and resize images; two or more also run the network on cores left free.
                With 0 an image is read when it is needed. By default 1, and 0 for an iterator of images.
            camera: Projection from camera metres to image pixels, for 3D boxes: rows of a matrix `(3 3)` or
                `(3 4)`, a file that holds them (KITTI's `calib`, a table, json), or a folder with a file for
                each image.
            strict: Stop at an image that cannot be read, instead of naming it on stderr and going on.
            progress: Show a progress bar.
            options: See `InferenceOptions`: `flip=True, scales=(0.75, 1, 1.25), slice=640`.

        Raises:
            UsageError: An unknown or impossible argument.
            InputError: The source is empty; or an image cannot be read and `strict` is set.
        """
        inference = InferenceOptions(**options)
        predictor = configured(self._trained, self._model, inference, batch, workers, max_det, 100)
        scores = min_scores(conf, predictor.categories, predictor.thresholds)
        images = frames(source)
        stream = detect_stream(
            predictor,
            samples_of(images, cameras_of(camera)),
            batch=batch,
            inference=inference,
            workers=int(images.can_prefetch) if workers is None else workers,
            max_detections=100 if max_det is None else max_det,
            min_score=float(scores.min()) * PIECE_WEIGHT,
            strict=strict,
        )
        found = (detections.above(scores) for detections in stream)
        return with_progress_bar(found, images.length) if progress else found

    __call__ = predict

    @guest
    def explain(
        self,
        detections: Detections,
        *,
        conf: Confidence = None,
        resize: str | None = None,
        imgsz: int | None = None,
    ) -> "Image":
        """An image of how detections came about: all heatmaps, their peaks, and the boxes made from them.

        The two corners of a box are joined by a line, with the central region in which a centre must lie;
        corner pairs without such a centre are grey. Boxes predicted at their centre have arrows to their
        sides and keypoints. The network is run once more, without test-time augmentation.

        Args:
            detections: Detections of `predict`, with their image.
            conf: Minimum score of what is drawn, as for `predict`.
            resize: As for `predict`.
            imgsz: As for `predict`.

        Raises:
            UsageError: The detections have no image.
        """
        from PIL.Image import fromarray

        if detections.image is None:
            raise UsageError(f"{detections.name}: the detections have no image to explain them on")
        predictor = self.predictor
        rule = choose_rule(predictor.rule, resize, imgsz, predictor.divisor)
        sample = sample_of(detections.image, detections.name, camera=detections.camera)
        scores = min_scores(conf, predictor.categories, predictor.thresholds)
        return fromarray(predictor.with_rule(rule).explain(sample, scores))

    def save(self, folder: str | Path, *, half: bool = False, card: str = "") -> Path:
        """Writes a weights folder: `config.json`, `model.safetensors`, `README.md`.

        Args:
            folder: The folder, made if it does not exist.
            half: Store 16 bits a number.
            card: Text of the model card.

        Raises:
            UsageError: The name ends as that of another type of file.
        """
        from centernet.weights import files

        check_weights_folder(folder)
        return files.save(self.predictor, folder, half=half, card=card)

    @with_hints
    @guest
    def export(
        self,
        format: str = "onnx",  # noqa: A002 - the name that users type
        *,
        output: str | Path | None = None,
        exist_ok: bool = False,
        half: bool = False,
        int8: bool = False,
        data: Any = None,
        source: Any = None,
    ) -> "tuple[Path, Parity]":
        """Writes network and decoding as one file, and checks that its detections are those of the weights.

        Args:
            format: `onnx`; `openvino`, a folder; or `torch`, a program of `torch.export`.
            output: The file or folder; by default named after the model, in the working folder.
            exist_ok: Replace it if it exists.
            half: Store 16 bits a number, half the size.
            int8: Quantize the network to 8 bits a number: a quarter of the size, and faster on processors.
                Not for `torch`.
            data: Calibration images for `int8`, as for `predict`: at most 128 of them are used.
            source: Images to compare on, as for `predict`, at most 8; by default those of `data`, else
                generated ones.

        Returns:
            The file, and how its detections compare with those of the weights.

        Raises:
            UsageError: No such format or precision, or a package that exporting needs is not installed.
            InputError: The detections of the file differ from those of the weights; it is not written.
        """
        from centernet.export.arguments import location_of, precision_of
        from centernet.export.exporter import MAX_CALIBRATION, export

        precision = precision_of(format, half=half, int8=int8, has_data=data is not None)
        path = location_of(output, self._model, format, precision, exist_ok=exist_ok)
        calibration = first_samples(data, MAX_CALIBRATION) if int8 else ()
        samples = first_samples(source, 8) if source is not None else calibration[:8]
        parity = export(
            self.predictor,
            path,
            format,
            precision=precision,
            samples=samples,
            calibration=calibration,
        )
        return path, parity

    def push_to_hub(self, repo_id: str, *, private: bool = False, token: str | None = None) -> str:
        """Writes the weights folder to a repository on the Hugging Face hub; returns its address."""
        from centernet.weights import hub

        return hub.push(self.predictor, repo_id, private=private, token=token)

    def __repr__(self) -> str:
        return f"CenterNet({self._model!r}, device={str(self._device)!r})"

    def _training(self, settings: dict[str, Any], progress: bool | None) -> "TrainingRun":
        """A training of this model; the device of the model is added to the settings."""
        from centernet.detector.training_run import TrainingRun

        if self._wanted_device != "auto":
            settings.setdefault("device", self._wanted_device)
        weights = None if self._predictor is None else self.predictor
        return TrainingRun(model=self._model, weights=weights, device=self._device, progress=progress)

    @property
    def _trained(self) -> Predictor:
        """The predictor with weights or with an exported file."""
        return self.predictor if self._predictor is None else self._predictor
