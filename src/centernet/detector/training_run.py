"""One training, from its settings to the numbers of its best weights."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from centernet.detections import Detections
from centernet.detector import learned_nothing
from centernet.detector.opening import open_predictor, require_weights
from centernet.errors import UsageError
from centernet.evaluation import Evaluation, evaluate
from centernet.evaluation.curves import save_training_curves
from centernet.evaluation.summary import summarize
from centernet.inference.predictor import TorchPredictor
from centernet.inference.stream import annotated, detect_stream
from centernet.io.messages import say
from centernet.planning.plan import Plan
from centernet.planning.planner import TASKS, is_planned, make_plan, plan_fine_tuning
from centernet.recipes.presets import PLANNED, RECIPES
from centernet.recipes.recipe import Recipe, in_proportion, with_settings
from centernet.structures import Dataset
from centernet.training import fit, holding_out, resuming, run_folder
from centernet.training.build import adapt_to_data, build_predictor, recipe_of
from centernet.training.checkpoints import finished
from centernet.training.data import open_training_data
from centernet.training.pace import expected_minutes
from centernet.training.run_lock import check_unlocked, locked
from centernet.training.run_log import Validated
from centernet.training.task_builders import check_settings
from centernet.weights import files, zoo

MACHINE_SETTINGS = frozenset({"device", "devices", "num_nodes", "strategy", "workers", "cache"})
"""Settings that a resumed run may change: they decide where it runs, not the weights."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedRun:
    """A finished training.

    Attributes:
        folder: Run folder.
        predictor: The best weights.
        evaluation: Metrics of the best weights on the validation images; None if there are none, and in all
            processes but the first.
        epoch: Epoch of the best weights, from 1 on; None if it is not known.
    """

    folder: Path
    predictor: TorchPredictor
    evaluation: Evaluation | None
    epoch: int | None


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingRun:
    """Starts or resumes a training.

    Attributes:
        model: Name of the recipe or of the weights.
        weights: The weights to go on from; None for a recipe.
        device: Where the best weights are loaded when it is over.
        progress: Show a progress bar; None for yes if stderr is a terminal.
        started: `time.monotonic()` at its beginning, from which its time limit counts.
    """

    model: str
    weights: TorchPredictor | None
    device: Any
    progress: bool | None = None
    started: float = field(default_factory=time.monotonic)

    def run(self, data: str | Path | None, resume: bool | str | Path, settings: dict[str, Any]) -> TrainedRun:
        """A new training on a data set, or one that goes on.

        Raises:
            UsageError: There is neither, or both.
        """
        if resume and data is not None:
            raise UsageError(f"a resumed run keeps its data: leave {data} out")
        if resume:
            return self.resume(None if resume is True else Path(resume), settings)
        if data is None:
            raise UsageError("train needs a data set: data=FOLDER")
        return self.start(str(data), settings)

    def start(self, data: str, settings: dict[str, Any]) -> TrainedRun:
        """A new training.

        Args:
            data: The data set.
            settings: Settings that differ from the recipe.
        """
        (training, validation), plan, recipe = self._planned(data, settings)
        is_first = run_folder.is_first_process()
        if plan is not None and is_first:
            say(*str(plan).splitlines())
        predictor, recipe = self._predictor(recipe, training, settings)
        if not recipe.minutes and is_first:
            # The other processes of a run wait for this one, and need no trial of their own.
            minutes = expected_minutes(predictor, recipe, training)
            say(f"{recipe.epochs} epochs take about {minutes:.1f} min; a limit is set by minutes=")
        folder = run_folder.new_folder(recipe)
        run_folder.describe(folder, self.model, data, recipe)
        if plan is not None:
            run_folder.write_plan(folder, plan.to_json())
        if is_first:
            holding_out.write_list(folder, validation)
        return self._fit(folder, recipe, predictor, (training, validation))

    def plan(self, data: str, settings: dict[str, Any]) -> tuple[Plan, float]:
        """The plan of a training that is not started, and the minutes that it would take.

        Args:
            data: The data set.
            settings: Settings that differ from the plan.

        Raises:
            UsageError: The model or the task has no plan.
        """
        (training, _), plan, recipe = self._planned(data, settings)
        if plan is None:
            raise UsageError(
                f"there is no plan for model={self.model} task={recipe.task}: plans are for weights, models "
                f"{', '.join(PLANNED)}, and tasks {', '.join(TASKS)}"
            )
        predictor, recipe = self._predictor(recipe, training, settings)
        return plan, recipe.minutes or expected_minutes(predictor, recipe, training)

    def _planned(
        self, data: str, settings: dict[str, Any]
    ) -> tuple[tuple[Dataset, Dataset | None], Plan | None, Recipe]:
        """Training and validation images, the plan if there is one, and the recipe of the training."""
        base = RECIPES[self.model]() if self.weights is None else recipe_of(self.weights)
        recipe = in_proportion(with_settings(base, **settings), base, settings)
        images = open_training_data(data, recipe)
        plan = self._plan(recipe, images[0], settings)
        return images, plan, recipe if plan is None else plan.recipe

    def _predictor(
        self, recipe: Recipe, training: Dataset, settings: dict[str, Any]
    ) -> tuple[TorchPredictor, Recipe]:
        """The predictor that a training begins with, and the recipe adapted to the images."""
        weights = self._initial_weights(recipe)
        recipe = adapt_to_data(recipe, training, settings, weights)
        return build_predictor(recipe, training.categories, weights), recipe

    def _plan(self, recipe: Recipe, training: Dataset, settings: dict[str, Any]) -> Plan | None:
        """The plan of the training, if its model and task have one."""
        if self.weights is None and not is_planned(self.model, recipe.task):
            return None
        check_settings(recipe, settings)
        if self.weights is not None:
            base = recipe_of(self.weights)
            return plan_fine_tuning(training, self.model, base, settings) if base.task in TASKS else None
        return make_plan(training, self.model, settings, zoo.start_weights())

    def resume(self, folder: Path | None, settings: dict[str, Any]) -> TrainedRun:
        """The rest of a training that was stopped.

        Args:
            folder: Its run folder; None for the run of the weights, else the latest one.
            settings: Settings of the machine that differ from before; `project` and `task` say where the
                latest run is searched.
        """
        where = {key: settings.pop(key) for key in ("project", "task") if key in settings}
        runs = with_settings(Recipe(), **where).runs
        if folder is None:
            own = run_folder.folder_of(self.model) if self.weights else None
            folder = own or run_folder.latest_folder(runs)
        if refused := sorted(settings.keys() - MACHINE_SETTINGS):
            raise UsageError(f"a resumed run keeps its settings; {', '.join(refused)} cannot change")
        arguments = run_folder.arguments_of(folder)
        if run_folder.is_first_process():
            check_unlocked(folder)
        model, data = str(arguments.pop("model")), str(arguments.pop("data"))
        recipe = with_settings(run_folder.recipe_of_run(folder, arguments), **settings)
        checkpoint = folder / run_folder.CHECKPOINT
        if not recipe.minutes and finished(checkpoint)[0] >= recipe.epochs:
            say(f"{folder} is finished: all {recipe.epochs} epochs are done, its evaluation is repeated")
        training, validation = open_training_data(data, recipe, holding_out.read_list(folder))
        if checkpoint.exists():
            resuming.check_same_data(folder, data, recipe.task, training.categories)
            # It holds all weights: those that the run began from may be gone.
            predictor = build_predictor(replace(recipe, pretrained="false"), training.categories)
            if run_folder.is_first_process():
                resuming.restore_weights(folder, predictor)
        else:
            opened, _ = open_predictor(model, str(self.device))
            started = require_weights(model, opened) if opened else None
            origin = replace(self, model=model, weights=started)
            predictor = build_predictor(recipe, training.categories, origin._initial_weights(recipe))
        return self._fit(folder, recipe, predictor, (training, validation), resume=True)

    def _initial_weights(self, recipe: Recipe) -> TorchPredictor | None:
        """The weights that a training begins with; None for random ones."""
        if recipe.start in ("", "none"):
            return self.weights
        opened, _ = open_predictor(recipe.start, str(self.device))
        return require_weights(recipe.start, opened)

    def _fit(
        self,
        folder: Path,
        recipe: Recipe,
        predictor: TorchPredictor,
        data: tuple[Dataset, Dataset | None],
        *,
        resume: bool = False,
    ) -> TrainedRun:
        training, validation = data

        def score(found: Sequence[Detections]) -> Validated:
            assert validation is not None
            evaluation = evaluate(validation, found, details=False)
            temperature, bias = evaluation.calibration.scaling()
            metrics = {**evaluation.metrics, "temperature": temperature, "score_bias": bias}
            return Validated(metrics=metrics, thresholds=evaluation.ratings.thresholds)

        with _kept_to_itself(folder):
            folder = fit.fit(
                predictor,
                recipe,
                training,
                validation,
                folder,
                score if validation else None,
                resume=resume,
                started=self.started,
                progress=sys.stderr.isatty() if self.progress is None else self.progress,
                say=say,
            )
            best, epoch = files.load(folder, self.device), files.epoch_of(folder)
            evaluation = _evaluate(best, validation, folder, recipe, epoch)
        if evaluation is not None and learned_nothing.has_learned_nothing(evaluation["AP"]):
            epochs, steps = finished(folder / run_folder.CHECKPOINT)
            facts = learned_nothing.facts_of(
                best,
                training,
                ap=evaluation["AP"],
                num_steps=steps,
                epochs=epochs,
                minutes=recipe.minutes,
                folder=folder,
            )
            say(*learned_nothing.reasons(facts))
        return TrainedRun(folder=folder, predictor=best, evaluation=evaluation, epoch=epoch)


@contextmanager
def _kept_to_itself(folder: Path) -> Iterator[None]:
    """Locks a run folder; if Ctrl-C stops the run, the error names the command that resumes it."""
    if not run_folder.is_first_process():
        yield
        return
    try:
        with locked(folder):
            yield
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(f"to go on: centernet train resume={folder}") from stop


def _evaluate(
    predictor: TorchPredictor, validation: Dataset | None, folder: Path, recipe: Recipe, epoch: int | None
) -> Evaluation | None:
    if not run_folder.is_first_process():
        return None
    save_training_curves(folder / "results.csv", folder / "results.png", epoch)
    if validation is None:
        return None
    stream = detect_stream(predictor, annotated(validation), batch=recipe.batch, workers=1)
    return summarize(predictor, validation, stream, folder, note=f"epoch {epoch}" if epoch else "")
