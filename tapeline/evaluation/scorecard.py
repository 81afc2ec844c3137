"""The figures of one network: overall with intervals, by fold, symbol, session and tier, beside controls.

`rows` is a table with one line a scored test candle: `symbol`, `fold`, `bar` (position on the clock shared
by all symbols), `prediction`, `label`. Controls and masks are arrays over the same lines.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.evaluation.calibration import expected_calibration_error
from tapeline.evaluation.direction import hits, score_direction
from tapeline.evaluation.params import EvaluationParams
from tapeline.evaluation.significance import BlockBootstrap
from tapeline.evaluation.tiers import score_tiers
from tapeline.evaluation.trend import score_trend

Arrays = dict[str, NDArray[np.float64]]
Masks = dict[str, NDArray[np.bool_]]
Tiers = dict[str, tuple[float, float]]
Figures = dict[str, Any]


def direction_scorecard(
    rows: pd.DataFrame, controls: Arrays, sessions: Masks, tiers: Tiers, params: EvaluationParams
) -> tuple[Figures, Figures]:
    """Return the declared metrics and the detail of direction probabilities.

    `rows` also has `ceiling`, the best filter's probability, NaN where there is none. The ceiling of a
    set of rows is how often that filter was right on them (half where it had no opinion).
    """
    probability, label = rows["prediction"].to_numpy(), rows["label"].to_numpy()
    hit = hits(probability, label)
    bootstrap = _bootstrap(rows, params)
    low, high = bootstrap.interval_of_mean(hit)
    scores = score_direction(probability, label)
    tier_table = score_tiers(probability, label, tiers, bootstrap)
    control_table = {name: _compare(p, label, hit, bootstrap) for name, p in controls.items()}
    first_tier = tier_table[max(tiers, key=lambda name: tiers[name])]  # the most confident one
    ceiling = _ceiling(rows["ceiling"].to_numpy(), label)
    metrics = {
        "rows": len(rows),
        "accuracy_all": scores["accuracy"],
        "accuracy_all_low": low,
        "accuracy_all_high": high,
        "ceiling": ceiling,
        "share_of_ceiling": None if ceiling is None else scores["accuracy"] / ceiling,
        # Real candles have no ceiling; there a gate can hold this against what is plausible.
        "accuracy_without_ceiling": scores["accuracy"] if ceiling is None else None,
        **{key: scores[key] for key in ("balanced_accuracy", "roc_auc", "log_loss", "brier")},
        "ece": expected_calibration_error(probability, label, params.bins),
        "precision_tier_a": first_tier["precision"],
        "coverage_tier_a": first_tier["coverage"],
        "accuracy_best_control": max(control["accuracy"] for control in control_table.values()),
    }
    detail = {
        "controls": control_table,
        "tiers": tier_table,
        "sessions": {name: _hit_rate(hit, mask, bootstrap) for name, mask in sessions.items()},
        "symbols": _by(rows, "symbol", hit, bootstrap),
        "folds": _by(rows, "fold", hit, bootstrap),
    }
    return metrics, detail


def trend_scorecard(
    rows: pd.DataFrame, controls: Arrays, params: EvaluationParams
) -> tuple[Figures, Figures]:
    """Return the declared metrics and the detail of trend strengths; controls by absolute error."""
    predicted, actual = rows["prediction"].to_numpy(), rows["label"].to_numpy()
    bootstrap = _bootstrap(rows, params)
    error = np.abs(predicted - actual)
    low, high = bootstrap.interval_of_mean(error)
    scores = score_trend(predicted, actual)
    control_table = {}
    for name, control in controls.items():
        control_error = np.abs(control - actual)
        better = bootstrap.interval_of_difference(control_error, error)
        control_table[name] = score_trend(control, actual) | {
            "mae_difference": float(np.mean(control_error - error)),
            "difference_low": better[0],
            "difference_high": better[1],
        }
    metrics = {
        **scores,
        "mae_low": low,
        "mae_high": high,
        "mae_best_control": min(control["mae"] for control in control_table.values()),
        "skill_over_mean": 1 - scores["mae"] / control_table["mean"]["mae"],
    }
    groups = {
        by: {
            str(name): score_trend(predicted[mask], actual[mask])
            for name, mask in _masks(rows, by.removesuffix("s")).items()
        }
        for by in ("symbols", "folds")
    }
    return metrics, {"controls": control_table, **groups}


def _compare(
    probability: NDArray[np.float64],
    label: NDArray[np.float64],
    hit: NDArray[np.float64],
    bootstrap: BlockBootstrap,
) -> Figures:
    own_hit = hits(probability, label)
    low, high = bootstrap.interval_of_mean(own_hit)
    difference_low, difference_high = bootstrap.interval_of_difference(hit, own_hit)
    scores = score_direction(probability, label)
    return {
        "accuracy": scores["accuracy"],
        "low": low,
        "high": high,
        "log_loss": scores["log_loss"],
        "roc_auc": scores["roc_auc"],
        "difference": float(np.mean(hit - own_hit)),
        "difference_low": difference_low,
        "difference_high": difference_high,
    }


def _hit_rate(hit: NDArray[np.float64], mask: NDArray[np.bool_], bootstrap: BlockBootstrap) -> Figures:
    if not mask.any():
        return {"rows": 0, "hit_rate": None, "low": None, "high": None}
    low, high = bootstrap.interval_of_mean(hit, where=mask)
    return {"rows": int(mask.sum()), "hit_rate": float(hit[mask].mean()), "low": low, "high": high}


def _masks(rows: pd.DataFrame, column: str) -> Masks:
    values = rows[column].to_numpy()
    return {name: values == name for name in pd.unique(rows[column])}


def _by(rows: pd.DataFrame, column: str, hit: NDArray[np.float64], bootstrap: BlockBootstrap) -> Figures:
    label = rows["label"].to_numpy()
    table = {}
    for name, mask in _masks(rows, column).items():
        ceiling = _ceiling(rows["ceiling"].to_numpy()[mask], label[mask])
        table[str(name)] = _hit_rate(hit, mask, bootstrap) | {"ceiling": ceiling}
    return table


def _ceiling(best: NDArray[np.float64], label: NDArray[np.float64]) -> float | None:
    if np.isnan(best).any():
        return None
    return float(np.where(best == 0.5, 0.5, hits(best, label)).mean())


def _bootstrap(rows: pd.DataFrame, params: EvaluationParams) -> BlockBootstrap:
    return BlockBootstrap(rows["bar"].to_numpy(), params.block, params.resamples, params.level, params.seed)
