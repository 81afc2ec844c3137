"""Every model's out-of-sample figures beside its controls, and those of the candidate alone."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from tapeline.backtest.signals import SignalParams
from tapeline.backtest.tiers import add_tiers, model_ranges
from tapeline.documents import Metrics
from tapeline.evaluation.calibration import confidence_table, reliability_table
from tapeline.evaluation.controls import Learned
from tapeline.evaluation.degenerate import reason_of
from tapeline.evaluation.importance import group_importance
from tapeline.evaluation.metrics import CANDIDATE, OF_LABEL
from tapeline.evaluation.params import EvaluationParams
from tapeline.evaluation.scorecard import (
    direction_figures,
    direction_scorecard,
    trend_figures,
    trend_scorecard,
)
from tapeline.evaluation.significance import Intervals
from tapeline.features.sessions import session_masks
from tapeline.models.entry import EnsembleEntry, ModelEntry
from tapeline.models.table import MODELS
from tapeline.params import Params
from tapeline.schema import DIRECTION, INTERVAL_MINUTES, LABELS, ROW_KEYS, Horizon, Interval, Symbols
from tapeline.scoring.controls import control_predictions, learned_of
from tapeline.scoring.rows import add_predictions, read_rows, read_validation
from tapeline.splits.candidate import Candidate
from tapeline.splits.folds import TimeFold
from tapeline.store.tables import is_scorable
from tapeline.tiers import is_constant

Figures = dict[str, Any]


@dataclass(frozen=True)
class Predicted:
    """What `model` predicted.

    test : every test candle that it predicted, with `fold` and `prediction`; of a direction with `tier`
    scored : those that can be scored, the label in column `label`
    validation : what every fold's model says of its own validation rows
    """

    model: ModelEntry
    test: pd.DataFrame
    scored: pd.DataFrame
    validation: pd.DataFrame

    @property
    def counts(self) -> str:
        """How many candles were predicted and scored, and why the others were left out."""
        has_label = self.test[self.model.label].notna()
        n_filled = (self.test["is_filled"] & has_label).sum()
        return (
            f"{self.model.name}: {len(self.test):,} test candles predicted, {len(self.scored):,} scored, "
            f"left out {(~has_label).sum():,} without label and {n_filled:,} filled"
        )


@dataclass(frozen=True)
class Judged:
    """What is said of a model: `counts` of its rows for the log, the declared metrics, and the detail."""

    counts: str
    metrics: Metrics
    detail: Figures


@dataclass(frozen=True)
class Scoring:
    """What every model is scored with: rows of all symbols since the first validation, the folds, params."""

    symbols: tuple[str, ...]
    horizon: int
    table: pd.DataFrame
    folds: list[TimeFold]
    candidate: Candidate
    signals: SignalParams
    evaluation: EvaluationParams
    minutes: int

    @classmethod
    def of_run(
        cls,
        params: Params,
        folds: list[TimeFold],
        candidate: Candidate,
        signals: SignalParams,
        evaluation: EvaluationParams,
    ) -> "Scoring":
        """Read the rows of the run in this folder."""
        symbols = params.value("data.symbols", Symbols)
        minutes = INTERVAL_MINUTES[params.value("data.interval", Interval)]
        horizon = params.value("labels.horizon", Horizon)
        scored = min(fold.test[0] for fold in folds), max(fold.test[1] for fold in folds)
        since = min(fold.validation[0] for fold in folds)
        rows = read_rows(symbols, minutes, horizon, since, scored)
        return cls(symbols, horizon, rows, folds, candidate, signals, evaluation, minutes)

    @cached_property
    def learned(self) -> dict[str, list[Learned]]:
        """By label what rules know of each fold's training rows."""
        return {label: learned_of(self.symbols, label, self.folds, self.horizon) for label in LABELS}

    def judge(self, model: str) -> Judged:
        """Read and score what the model of that name predicted; of its rows nothing is kept."""
        predicted = self.read(next(entry for entry in MODELS if entry.name == model))
        return Judged(predicted.counts, *self.score(predicted))

    def read(self, model: ModelEntry) -> Predicted:
        """Read what `model` predicted."""
        test = add_predictions(self.table, model.name, self.folds)
        validation = read_validation(
            model.name, self.folds, self.table, self.candidate.is_refit, self.minutes
        )
        if model.label == DIRECTION:
            test = add_tiers(test, self.signals, validation)
        kept = test.assign(label=test[model.label])[is_scorable(test, model.label)]
        return Predicted(model, test, kept.reset_index(drop=True), validation)

    def score(self, predicted: Predicted) -> tuple[Metrics, Figures]:
        """The declared metrics of a model, the candidate's own among them, and the detail."""
        rows, label = predicted.scored, predicted.model.label
        controls = control_predictions(self.table, rows, self.folds, self.learned[label], predicted.model)
        if label == DIRECTION:
            masks = session_masks(pd.DatetimeIndex(rows["timestamp"]))
            tiers = self.signals.expected_coverage
            metrics, detail = direction_scorecard(rows, controls, masks, tiers, self.evaluation)
        else:
            metrics, detail = trend_scorecard(rows, controls, self.evaluation)
        detail["importance"] = importance(predicted, self.evaluation)
        detail["candidate"] = own = self.score_candidate(predicted)
        of_label = OF_LABEL[label]
        return of_label(
            **metrics, **{key: own[key.removeprefix(CANDIDATE)] for key in of_label.added()}
        ), detail

    def details(self, judged: dict[str, Judged]) -> Figures:
        """The details of all models, by name, in one record, what they say of the candidate side by side."""
        pool = {
            name: {key: figures for key, figures in model.detail.items() if key != "candidate"}
            for name, model in judged.items()
        }
        own = {name: model.detail["candidate"] for name, model in judged.items()}
        return pool | {"candidate": self.candidate.record | own}

    def score_candidate(self, predicted: Predicted) -> Figures:
        """Figures of the model that is offered, on the rows that speak of it alone."""
        rows = self.candidate.rows(predicted.scored)
        if predicted.model.label != DIRECTION:
            return trend_figures(rows, self.evaluation) | self._constancy(predicted, rows)
        figures = direction_figures(rows, self.signals.expected_coverage, self.evaluation)
        ranges = model_ranges(self.signals, predicted.validation, self.candidate.fold)
        return figures | self._constancy(predicted, rows) | {"tier_ranges": ranges}

    def _constancy(self, predicted: Predicted, rows: pd.DataFrame) -> Figures:
        """Whether the model that ships predicts one number, and why its figures mean nothing if they do."""
        test, validation = self.candidate.rows(predicted.test), predicted.validation
        if self.candidate.is_refit:
            test = validation[validation["fold"] == self.candidate.fold]
        prediction = test["prediction"].to_numpy()
        reason = reason_of(rows["prediction"].to_numpy(), rows["label"].to_numpy())
        if is_constant(prediction):
            reason = f"the model predicts the constant {prediction[0]:.4g}" if prediction.size else reason
        return {"is_constant": int(is_constant(prediction)), "reason": reason}


def importance(predicted: Predicted, evaluation: EvaluationParams) -> Figures:
    """What each group of features is worth, on the scored rows whose groups were permuted one by one.

    Nothing of an ensemble: each member's groups were rotated by shifts of its own, and is told beside it.
    """
    if isinstance(predicted.model, EnsembleEntry):
        return {}
    kind = "log_loss" if predicted.model.label == DIRECTION else "absolute_error"
    without = pd.read_parquet(f"data/predictions/{predicted.model.name}_shifted.parquet").drop(columns="fold")
    groups = [name for name in without.columns if name not in ROW_KEYS]
    without = without.rename(columns={name: f"without {name}" for name in groups})
    merged = predicted.scored.merge(without, on=ROW_KEYS, how="inner", validate="one_to_one")
    worth = group_importance(merged, [f"without {name}" for name in groups], kind, evaluation)
    return {name.removeprefix("without "): figures for name, figures in worth.items()}


def undefined_reasons(name: str, detail: Figures) -> list[str]:
    """A line for every fold, and for the candidate, of model `name` whose figures mean nothing, and why."""
    folds = detail["folds"].items()
    lines = [f"{name} fold {fold}: {figures['reason']}" for fold, figures in folds if figures["reason"]]
    if "tier_a_reason" in detail:
        lines.append(f"{name}: precision_tier_a is undefined, {detail['tier_a_reason']}")
    own = detail["candidate"]
    return [*lines, f"{name}: no candidate, {own['reason']}"] if own["is_constant"] else lines


def direction_plots(scored: pd.DataFrame, evaluation: EvaluationParams) -> dict[str, pd.DataFrame]:
    """The tables behind the plots of a direction's scored rows."""
    rows = scored["prediction"], scored["label"], evaluation.bins
    intervals = None if scored.empty else Intervals(scored["bar"].to_numpy(), evaluation.level)
    return {"reliability": reliability_table(*rows), "confidence": confidence_table(*rows, intervals)}
