"""The baseline that is offered: of every fold the one that loses least on validation, row by row."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tapeline.referee.baselines import BASELINES, BaselineClaims, validation_loss
from tapeline.referee.calibration import LOSS_TOLERANCE
from tapeline.referee.candles import SymbolCandles
from tapeline.referee.findings import Findings, Place
from tapeline.referee.learned import Predictions


def check_offered(
    predictions: Predictions,
    models: Mapping[str, Mapping[str, Any]],
    baselines: Sequence[BaselineClaims],
    folds: Sequence[str],
    market: list[SymbolCandles],
    findings: Findings,
) -> None:
    """Every fold's offered model is the baseline of least loss under own labels, and says what that one says.

    models : JSON of the offered, by name of the fold; baselines : of the same label; folds : names, in order
    """
    for k, fold in enumerate(folds):
        losses = [validation_loss(each.predictions, k, market) for each in baselines]
        kind, place = models[fold]["kind"], Place(k)
        chosen = [each for each in baselines if each.models[fold]["kind"] == kind]
        what = f"{predictions.name}'s kind"
        findings.hold(BASELINES, what, len(chosen) == 1, kind, "one of those that were fitted", place)
        if len(chosen) != 1:
            continue
        claims, known = chosen[0], [loss for loss in losses if loss is not None]
        own = losses[baselines.index(claims)]
        if own is not None:
            is_least = own <= min(known) + LOSS_TOLERANCE
            what = f"{predictions.name}'s loss of validation, {kind}"
            findings.hold(BASELINES, what, is_least, own, f"the least, {min(known)}", place)
        for part in ("test", "validation"):
            for candles in market:
                times, values = predictions.of(part, k, candles.symbol)
                fitted_times, fitted = claims.predictions.of(part, k, candles.symbol)
                what, at = f"{predictions.name}'s prediction, {kind}", Place(k, candles.symbol)
                findings.same_rows(BASELINES, what, times, fitted_times, at)
                if np.array_equal(times, fitted_times):
                    findings.equal(BASELINES, what, values, fitted, at, times)
