"""Trainings repeated on candles whose future is another: nothing of it may be in a model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from tapeline.baselines.params import BaselineParams
from tapeline.baselines.stored import load_baseline
from tapeline.models.ensembles import ENSEMBLES
from tapeline.models.network import NetworkEntry
from tapeline.models.table import NETWORKS, TRADED
from tapeline.nets.models import DESCRIPTION, WEIGHTS
from tapeline.outputs import read_json
from tapeline.promotion.bundle import CONTRACT
from tapeline.promotion.proofs import ProvedPart
from tapeline.release.proof_compare import Comparison, Known, say_time
from tapeline.release.proof_copies import TRAININGS, Copy
from tapeline.release.proof_run import (
    Run,
    compare_calendar,
    compare_data,
    microseconds_of,
    side_by_side,
)
from tapeline.release.proof_trading import BASELINES, OFFERED, compare_by_symbol, judged_unchanged, thresholds

# Of a training's summary, what speaks of the time before the test.
BEFORE_TEST = (
    "epochs", "best_epoch", "training_loss", "validation_loss", "validation_loss_calibrated",
    "calibration", "skill", "skill_low", "skill_high", "has_skill", "validation_days",
    "training_labels", "effective_labels", "validation_rows",
)  # fmt: skip
BASELINE_STAGE = TRAININGS[-1]
BEFORE_VALIDATION = ("training_loss", "training_labels", "effective_labels")


def prove_test(run: Run, rng: np.random.Generator) -> ProvedPart:
    """Replace all candles from the test's start on, train the fold again and compare it with the run's."""
    moment, comparison = microseconds_of(run.fold.test[0]), Comparison()
    changed = run.replaced(moment, rng)
    copy = run.copies.make("test", changed, extras=run.replaced_extras(moment, rng))
    copy.run("ingest", "features", "splits")
    known = run.known(changed, moment)
    compare_data(run, copy, known, comparison)
    compare_calendar(run, copy, moment)
    name = train(run, [copy])
    sides = (run.root, run.fold_name), (copy.folder, name)
    for model in NETWORKS:
        stage = f"train_{model.name}"
        comparison.figures(stage, [trained(root, model, fold) for root, fold in sides], moment)
        comparison.figures(stage, [summary(root, model, fold) for root, fold in sides], moment)
        rows = [validation(root, model.name, fold) for root, fold in sides]
        compare_by_symbol(comparison, stage, rows, known)
    prove_baselines(run, (run.root, copy.folder), (run.fold_name, name), moment, known, comparison)
    prove_ensembles((run.root, copy.folder), (run.fold_name, name), known, comparison, copy)
    copy.run("evaluate")
    compare_thresholds(run, thresholds(copy.folder), moment, comparison)
    return ProvedPart(name="test start", moment=say_time(moment), trials=1, values=comparison.compared)


def prove_validation(run: Run, rng: np.random.Generator) -> ProvedPart:
    """Replace all candles from the validation's start on: one epoch with and without them is the same."""
    moment, comparison = microseconds_of(run.fold.validation[0]), Comparison()
    changed = run.replaced(moment, rng)
    changes = {"train": {"epochs": 1}, "baselines": untold(run)}
    copy = run.copies.make("validation", changed, changes, run.replaced_extras(moment, rng))
    base = run.unchanged
    base.set_params(changes)
    copy.run("ingest", "features")
    compare_data(run, copy, run.known(changed, moment), comparison)
    name = train(run, [base, copy])
    for model in NETWORKS:
        stage = f"train_{model.name}"
        figures = [trained(each.folder, model, name, is_validated=False) for each in (base, copy)]
        comparison.figures(stage, figures, moment)
        figures = [summary(each.folder, model, name, BEFORE_VALIDATION) for each in (base, copy)]
        comparison.figures(stage, figures, moment)
    for baseline in BASELINES:
        figures = [fitted(each.folder, baseline, name) for each in (base, copy)]
        comparison.figures(BASELINE_STAGE, figures, moment)
    return ProvedPart(name="validation start", moment=say_time(moment), trials=1, values=comparison.compared)


def train(run: Run, copies: list[Copy]) -> str:
    """Train all networks and baselines in all `copies`, on the proved fold alone; return its name there.

    Where a fold begins with the weights of the one before, all of them are trained.
    """
    all_folds = run.params.value("train.warm_start", bool)
    for copy in copies:
        run.write_splits(copy, all_folds)
    jobs = [(copy, (stage,)) for stage in TRAININGS for copy in copies]
    side_by_side(run.workers, jobs)
    return run.fold_name if all_folds else "fold_0"


def trained(root: Path, model: NetworkEntry, fold: str, is_validated: bool = True) -> dict[str, Any]:
    """Scaler, weights and losses of one fold, by name, and its calibration where that `is_validated`."""
    folder = root / "models" / model.name / fold
    record = read_json(folder / DESCRIPTION)
    features = record["features"]
    figures: dict[str, Any] = {
        f"scaler {kind} of {name}": value
        for kind, values in record["scaler"].items()
        for name, value in zip(features, values, strict=True)
    }
    losses = ("training_loss", "validation_loss") if is_validated else ("training_loss",)
    # Weights come after the losses: the first difference named is the first there was.
    for name in losses:
        course = root / f"plots/{model.name}_history" / fold
        for path in sorted(course.rglob(f"plots/metrics/{name}.tsv")):
            of = " ".join(["", *path.relative_to(course).parts[:-3]])  # which member, if there are several
            history = pd.read_csv(path, sep="\t").to_numpy()
            figures |= {f"{name} of epoch {int(step)}{of}": value for step, value in history}
    figures |= {f"weight {name}": value for name, value in load_file(folder / WEIGHTS).items()}
    if is_validated:
        figures |= {f"calibration {name}": value for name, value in record["calibration"].items()}
    return figures


def prove_baselines(
    run: Run,
    roots: tuple[Path, Path],
    folds: tuple[str, str],
    moment: int,
    known: dict[str, Known],
    comparison: Comparison,
) -> None:
    """Compare what was fitted, chosen, offered and said of validation, of the run and of a copy."""
    sides = list(zip(roots, folds, strict=True))
    for name in (*BASELINES, *OFFERED):
        comparison.figures(BASELINE_STAGE, [fitted(root, name, fold) for root, fold in sides], moment)
        if name in BASELINES:
            comparison.figures(BASELINE_STAGE, [tried(root, name, fold) for root, fold in sides], moment)
        rows = [validation(root, name, fold) for root, fold in sides]
        compare_by_symbol(comparison, BASELINE_STAGE, rows, known)


def prove_ensembles(
    roots: tuple[Path, Path],
    folds: tuple[str, str],
    known: dict[str, Known],
    comparison: Comparison,
    copy: Copy,
) -> None:
    """Let the copy average what its models say, and compare that on validation with the run's."""
    copy.run("ensembles")
    for ensemble in ENSEMBLES:
        rows = [validation(root, ensemble.name, fold) for root, fold in zip(roots, folds, strict=True)]
        compare_by_symbol(comparison, "ensembles", rows, known)


def fitted(root: Path, name: str, fold: str) -> dict[str, Any]:
    """Scaler, choice and arrays of one fold's baseline, by name."""
    model, record = load_baseline(root / "models" / name / fold)
    kept: dict[str, Any] = {
        f"{name} scaler {kind}": np.array(values) for kind, values in record["scaler"].items()
    }
    kept[f"{name} chosen"] = record["chosen"]
    for array, values in model.arrays().items():
        kept |= {f"{name} shape of {array}": values.shape, f"{name} {array}": values}
    return kept


def tried(root: Path, name: str, fold: str) -> dict[str, Any]:
    """Loss of validation of everything that was tried for one fold's baseline, and how many rows it had."""
    record, own = read_json(root / "metrics/detail/baselines_training.json"), name.rpartition("/")[2]
    figures = record["folds"][fold][own]
    rows = {f"{name} {part}": figures[part] for part in ("train_rows", "validation_rows")}
    return {f"{name} try {place}": each for place, each in enumerate(record["grids"][fold][own])} | rows


def untold(run: Run) -> dict[str, Any]:
    """Section `baselines` with nothing left to choose: validation decides nothing of what is fitted."""
    params = run.params.section("baselines", BaselineParams)
    grids = ("strengths", "leaves", "learning_rates")
    return {name: [getattr(params, name)[0]] for name in grids} | {"trees": 1}


def summary(
    root: Path, model: NetworkEntry, fold: str, keys: tuple[str, ...] = BEFORE_TEST
) -> dict[str, Any]:
    """What a training counted: of its fold, and of each symbol in it."""
    record = read_json(root / f"metrics/detail/{model.name}_training.json")
    symbols = {
        f"{name} of {of.removeprefix(fold).strip()}": value
        for of, counts in record["symbols"].items()
        if of.split(" ")[0] == fold
        for name, value in counts.items()
    }
    return {key: record["folds"][fold][key] for key in keys} | symbols


def validation(root: Path, name: str, fold: str) -> pd.DataFrame:
    """What the model of `fold` said of its validation; `name` is that of its file."""
    table = pd.read_parquet(root / f"data/predictions/{name}_validation.parquet")
    own = table[table["fold"] == int(fold.removeprefix("fold_"))]
    return own.reset_index(drop=True)


def compare_thresholds(run: Run, theirs: dict[str, Any], moment: int, comparison: Comparison) -> None:
    """Compare tiers' ranges of confidence with those of the unchanged copy, of the run and of its bundle.

    A refitted model's are others: they are of a validation at the end of the candles.
    """
    comparison.figures("evaluate", (judged_unchanged(run).thresholds, theirs), moment)
    if not run.is_refit:
        comparison.figures("evaluate", (thresholds(run.root), theirs), moment)
        tiers = read_json(run.root / "models/candidate" / TRADED[0].artifact / CONTRACT)["tiers"]["tiers"]
        packed = {f"threshold {name}": as_written(ends) for name, ends in tiers.items()}
        comparison.figures("promote", (packed, theirs), moment)


def as_written(ends: Sequence[float]) -> list[float]:
    """A bundle's range, which holds every digit, as evaluate writes it: with ten (`outputs.write_json`)."""
    return [float(f"{end:.10g}") for end in ends]
