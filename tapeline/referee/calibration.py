"""Calibrations held against the validation they claim to come from."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tapeline.referee.candles import SymbolCandles
from tapeline.referee.findings import Findings, Place
from tapeline.referee.learned import Predictions, Times
from tapeline.referee.scores import EDGE, log_loss
from tapeline.schema import DIRECTION

LOSS_TOLERANCE = 1e-6  # of a log loss of single-precision predictions
FITTED = 1e-3  # what a slope or a shift may be off by: it is derived from single-precision predictions
STEPS = 50  # of Newton's method
LEVEL, LEAST_SLOPE = 0.95, 0.01  # of the interval over days that a line stays in; of any calibration
DAY = 86_400_000_000  # microseconds
Array = NDArray[np.float64]


def check_calibration(
    predictions: Predictions,
    record: Mapping[str, Any],
    loss: float,
    fold: int,
    market: list[SymbolCandles],
    findings: Findings,
) -> None:
    """Validation predictions under own labels: the log loss told, and that the map was fitted on them.

    A direction's leaves every call's side to the network. Platt's line is as near to the plain sigmoid as the
    interval over these days allows, which it is on no other rows.
    """
    found = [labelled(predictions, fold, candles) for candles in market]
    p, label, time = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    if not p.size:
        return
    name, place, is_direction = predictions.name, Place(fold), predictions.label == DIRECTION
    findings.equal(
        "validation loss",
        f"{name}'s calibrated log loss",
        loss,
        log_loss(p, label),
        place,
        tolerance=LOSS_TOLERANCE,
    )
    keeps = _keeps_sides(record) or not is_direction
    what = f"{name}'s calibration"
    findings.hold(
        "calibration", f"{what}, of sides", keeps, "may turn a call round", "the network's own", place
    )
    if record["kind"] != "platt":
        return
    slope, shift = record["slope"], record["intercept"]
    findings.hold("calibration", f"{what}: slope", slope >= LEAST_SLOPE, slope, f">= {LEAST_SLOPE}", place)
    if slope < LEAST_SLOPE:
        return
    inner = np.clip(p, EDGE, 1 - EDGE)
    logit = (np.log(inner / (1 - inner)) - shift) / slope
    plain = log_loss(1 / (1 + np.exp(-logit)), label)
    gain = plain - loss
    findings.hold("calibration", f"{what}: log loss it takes off", gain > 0, gain, "more than 0", place)
    middle = 0.0 if is_direction else float(logit.mean())
    expected = nearest_line(logit, middle, label, time // DAY, is_direction)
    claimed = [slope] if is_direction else [slope, shift + slope * middle - middle]
    findings.equal("calibration", f"{what}: slope, and shift", claimed, expected, place, tolerance=FITTED)


def nearest_line(logit: Array, middle: float, label: Array, day: Times, is_direction: bool) -> list[float]:
    """Slope, and shift of the mean logit `middle`, of the likeliest line, as near to 1 and 0 as days allow.

    Each lies at the nearest point of its Student's t interval, whose error comes from leaving out each day by
    a step of Newton's method.
    """
    columns = (logit - middle)[:, None] if is_direction else np.column_stack([logit - middle, logit**0])
    line = plain = np.array([1.0, 0.0])[: columns.shape[1]]

    def slopes(line: Array) -> tuple[Array, Array]:
        """Of the log likelihood at `line`: each row's gradient, and the columns times its weight."""
        p = 1 / (1 + np.exp(-(columns @ line + middle)))
        return columns * (label - p)[:, None], columns * (p * (1 - p))[:, None]

    for _ in range(STEPS):
        score, weighted = slopes(line)
        line = line + np.linalg.solve(weighted.T @ columns, score.sum(axis=0))
    score, weighted = slopes(line)
    days = np.unique(day)
    moved = []
    for left_out in days:
        kept = day != left_out
        moved.append(np.linalg.solve(weighted[kept].T @ columns[kept], score[kept].sum(axis=0)))
    n = len(days)
    reach = stats.t.ppf((1 + LEVEL) / 2, n - 1) * np.sqrt((n - 1) / n * np.sum(np.square(moved), axis=0))
    nearest = np.clip(plain, line - reach, line + reach)
    return [max(float(nearest[0]), LEAST_SLOPE), *map(float, nearest[1:])]


def _keeps_sides(record: Mapping[str, Any]) -> bool:
    """Whether a probability is above a half where the logit is above 0, and below where it is below."""
    if record["kind"] == "isotonic":
        raw, calibrated = (np.array(record[key]) for key in ("raw", "calibrated"))
        begins = raw[0] == calibrated[0] == 0.5 and bool(record.get("is_symmetric", False))
        return bool(begins and (np.diff(raw) > 0).all() and (np.diff(calibrated) > 0).all())
    return record["kind"] == "none" or bool(record["slope"] > 0 and record["intercept"] == 0)


def labelled(
    predictions: Predictions, fold: int, candles: SymbolCandles
) -> tuple[NDArray[np.float64], NDArray[np.float64], Times]:
    """Validation predictions of one symbol their own labels and open times, where all are there."""
    times, values = predictions.of("validation", fold, candles.symbol)
    at = np.searchsorted(candles.time, times)
    is_there = at < candles.time.size
    is_there[is_there] = candles.time[at[is_there]] == times[is_there]
    labels = candles.label(predictions.label)[at[is_there]]
    has_label = ~np.isnan(labels)
    return values[is_there][has_label], labels[has_label], times[is_there][has_label]
