"""Maps from a logit to a probability that leave the plain sigmoid only as far as UTC days compel.

What is estimated of the map, a slope, a shift, the mean label of a bin, is taken at the point of its
interval over days that is nearest to what the network says itself. A label that is a direction has maps
through one half alone, so that a call's side is the network's.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from tapeline.nets.days import Estimate, estimate, mean_over_days

FloatArray = NDArray[np.float64]
Days = NDArray[np.int64]
STEPS = 50  # of the isotonic map, at most: each then has enough rows, and steps are small
LEAST_SLOPE = 0.01  # of any map: what is less can't be told from a constant in single precision
NEWTON_STEPS, ENOUGH = 50, 1e-10  # steps of Newton's method at most, and one that ends it
EDGE = 1e-6  # a bin's mean confidence nearer to a half is that of no side


def platt_map(logits: FloatArray, labels: FloatArray, day: Days, is_direction: bool) -> dict[str, Any]:
    """Platt's scaling (Platt 1999, without his prior); of a direction without intercept (Guo et al. 2017).

    `logits`, `labels` in 0..1 and UTC `day`, (n,) each. Slope and shift are those around the mean logit,
    where they hardly depend on each other.
    """
    middle = 0.0 if is_direction else float(logits.mean())
    found = fit_line(logits - middle, middle, labels, day, has_shift=not is_direction)
    slope = max(found[0].nearest(1.0), LEAST_SLOPE)
    if is_direction:
        return {"kind": "platt", "slope": slope, "intercept": 0.0}
    return {"kind": "platt", "slope": slope, "intercept": middle + found[1].nearest(0.0) - slope * middle}


def fit_line(
    logits: FloatArray, offset: float, labels: FloatArray, day: Days, has_shift: bool
) -> list[Estimate]:
    """Slope, and shift where it `has_shift`, of the likeliest line slope * logits + shift + `offset`.

    A label of 0.3 counts as three tenths up and seven tenths down. Where no line is likeliest, as of equal
    logits or of labels that they part, or with a single day, nothing is known: 1, and 0, without error.
    """
    days, number = np.unique(day, return_inverse=True)
    # In units of the logits' own size: steps are then of the same size for any network.
    scale = float(np.sqrt(np.mean(logits**2))) or 1.0
    columns = np.stack([logits / scale, np.ones_like(logits)], axis=1)
    plain, units = np.array([1.0, 0.0]), np.array([scale, 1.0])
    if not has_shift:
        columns, plain, units = columns[:, :1], plain[:1], units[:1]
    found = _likeliest(columns, offset, labels, number, plain * units)
    if found is None or len(days) == 1:
        return [Estimate(float(value), None, len(days)) for value in plain]
    line, without = (each / units for each in found)
    return [estimate(float(value), left) for value, left in zip(line, without.T, strict=True)]


def _likeliest(
    columns: FloatArray, offset: float, labels: FloatArray, number: Days, start: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """The likeliest line (K,) of `columns` (n, K), and what it is without each of G days (G, K).

    None where there is none. Without a day it is one step of Newton's method away: the linearised jackknife
    (CV3L) of MacKinnon, Nielsen, Webb 2024, "Cluster-robust jackknife and bootstrap inference for logistic
    regression models".
    """
    line = start
    try:
        for _ in range(NEWTON_STEPS):
            score, curvature = _derivatives(columns, columns @ line + offset, labels, number)
            step = np.linalg.solve(curvature.sum(axis=0), score.sum(axis=0))
            line = line + np.clip(step, -1, 1)
            if np.abs(step).max() < ENOUGH:
                break
        else:
            return None
        if len(score) == 1:
            return line, line[None]
        others_score, others_curvature = score.sum(axis=0) - score, curvature.sum(axis=0) - curvature
        return line, line + np.linalg.solve(others_curvature, others_score[..., None])[..., 0]
    except np.linalg.LinAlgError:
        return None


def _derivatives(
    columns: FloatArray, line: FloatArray, labels: FloatArray, number: Days
) -> tuple[FloatArray, FloatArray]:
    """Of the log likelihood by day: score (G, K) and negative curvature (G, K, K), at `line` (n,)."""
    p = 1 / (1 + np.exp(-np.clip(line, -500, 500)))
    score = [np.bincount(number, weights=column * (labels - p)) for column in columns.T]
    curvature = [
        [np.bincount(number, weights=one * other * p * (1 - p)) for one in columns.T] for other in columns.T
    ]
    return np.array(score, dtype=np.float64).T, np.array(curvature, dtype=np.float64).T


def isotonic_map(logits: FloatArray, labels: FloatArray, day: Days, is_direction: bool) -> dict[str, Any]:
    """Isotonic regression on bins of equally many rows, or of more where logits are equal.

    `logits`, `labels` in 0..1 and UTC `day`, (n,) each. The map of a direction is that of confidence to the
    share of right calls, the same for both sides. It rises everywhere, if only by LEAST_SLOPE.
    """
    raw = 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
    if is_direction:
        raw, labels = np.maximum(raw, 1 - raw), np.where(logits > 0, labels, 1 - labels)
    parts = np.array_split(np.argsort(raw, kind="stable"), min(STEPS // (1 + is_direction), len(raw)))
    knot = np.empty(len(raw), dtype=np.int64)
    x, step = np.unique([raw[part].mean() for part in parts], return_inverse=True)
    for part, of in zip(parts, step, strict=True):
        knot[part] = of
    rows = [np.flatnonzero(knot == k) for k in range(len(x))]
    y = [mean_over_days(labels[each], day[each]).nearest(float(at)) for at, each in zip(x, rows, strict=True)]
    least = 0.5 if is_direction else 0.0
    regression = IsotonicRegression(y_min=least, y_max=1.0)
    fitted = regression.fit_transform(x, y, sample_weight=[len(each) for each in rows])
    fitted = LEAST_SLOPE * x + (1 - LEAST_SLOPE) * fitted
    record = {"kind": "isotonic", "raw": x.tolist(), "calibrated": fitted.tolist()}
    if is_direction:
        inside = x > least + EDGE
        half = {
            key: [least, *values[inside].tolist()] for key, values in (("raw", x), ("calibrated", fitted))
        }
        record |= half | {"is_symmetric": True}
    return record
