"""The baselines: what they had to predict, may have learned from and say of their losses, derived anew."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tapeline.referee.calibration import LOSS_TOLERANCE, labelled
from tapeline.referee.candles import SymbolCandles, within
from tapeline.referee.findings import Findings, Place
from tapeline.referee.folds import Parts
from tapeline.referee.learned import Predictions, check_predictions, check_record, expected_validation
from tapeline.referee.scores import log_loss
from tapeline.row_records import FittedRows, row_record
from tapeline.schema import DIRECTION

BASELINES = "baselines"


@dataclass(frozen=True)
class BaselineClaims:
    """What one baseline left.

    training, rows, models : its figures, the rows it learned from and its JSON, by the fold's name
    kind : its name among the controls of a model
    """

    predictions: Predictions
    training: Mapping[str, Mapping[str, Any]]
    rows: Mapping[str, Mapping[str, Any]]
    models: Mapping[str, Mapping[str, Any]]
    kind: str


def check_baseline(
    claims: BaselineClaims, folds: Mapping[str, Parts], market: list[SymbolCandles], findings: Findings
) -> None:
    """Rows that were predicted and learned from, the loss of each fold's validation."""
    predictions = claims.predictions
    check_predictions(predictions, list(folds.values()), market, findings)
    for k, (name, parts) in enumerate(folds.items()):
        used = FittedRows.model_validate(claims.rows[name], strict=False)
        check_fitted(predictions, used, k, parts, market, findings)
        told = claims.training[name]["validation_loss"]
        check_loss(predictions, told, k, market, findings)


def check_fitted(
    predictions: Predictions,
    used: FittedRows,
    fold: int,
    parts: Parts,
    market: list[SymbolCandles],
    findings: Findings,
) -> None:
    """The rows that a fold's baseline was scaled, trained and chosen by: every n-th of all symbols' rows."""
    rules = market[0].rules
    inside = [within(candles.time, parts.train) & candles.has_features for candles in market]
    learned = [
        np.flatnonzero(is_part & c.has_window(rules.minimum_context) & c.is_scored(predictions.label))
        for is_part, c in zip(inside, market, strict=True)
    ]
    n_learned = sum(rows.size for rows in learned)
    step = max(rules.baseline_stride, math.ceil(n_learned / rules.baseline_rows))
    n_before = 0
    for candles, is_part, rows in zip(market, inside, learned, strict=True):
        place, time = Place(fold, candles.symbol), candles.time
        trained = rows[(n_before + np.arange(rows.size)) % step == 0]
        n_before += rows.size
        chosen = expected_validation(candles, parts.validation, predictions.label)
        labels = candles.label(predictions.label)[trained]
        for name, record in (
            ("scaled", row_record(time[is_part])),
            ("trained", row_record(time[trained], labels)),
            ("chosen", row_record(time[chosen])),
        ):
            claimed = getattr(used, name).get(candles.symbol)
            check_record(f"{predictions.name}'s rows {name}", claimed, record, place, findings)


def check_loss(
    predictions: Predictions, told: float, fold: int, market: list[SymbolCandles], findings: Findings
) -> None:
    """The loss by which a fold's baseline was chosen: of its predictions under own labels."""
    own = validation_loss(predictions, fold, market)
    if own is not None:
        what = f"{predictions.name}'s loss of validation"
        findings.equal(BASELINES, what, told, own, Place(fold), tolerance=LOSS_TOLERANCE)


def validation_loss(predictions: Predictions, fold: int, market: list[SymbolCandles]) -> float | None:
    """Log loss of a direction, squared error of a strength, of a fold's validation; None without rows."""
    found = [labelled(predictions, fold, candles) for candles in market]
    p, label, _ = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    if not p.size:
        return None
    return log_loss(p, label) if predictions.label == DIRECTION else float(np.mean((p - label) ** 2))
