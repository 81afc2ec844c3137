"""The figures of one network: overall with intervals, by fold, symbol, session and tier, beside controls.

`rows` is a table with one line a scored test candle: `symbol`, `timestamp`, `fold`, `bar` (position on the
clock shared by all symbols), `prediction`, `label`. Controls and masks are arrays over the same lines.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.evaluation.calibration import (
    BINS,
    calibration_error_interval,
    expected_calibration_error,
    murphy_decomposition,
)
from tapeline.evaluation.ceilings import (
    above_ceiling,
    ceiling_accuracy,
    lesser_ceilings,
    lesser_trend_ceilings,
    trend_ceiling,
)
from tapeline.evaluation.degenerate import reason_of
from tapeline.evaluation.direction import hits, score_direction
from tapeline.evaluation.metrics import (
    ComparedDirection,
    ComparedTrend,
    DirectionFigures,
    TrendFigures,
)
from tapeline.evaluation.params import EvaluationParams
from tapeline.evaluation.significance import (
    BlockBootstrap,
    Intervals,
    adjust_for_many,
    diebold_mariano,
)
from tapeline.evaluation.tiers import are_in_order, score_tiers
from tapeline.evaluation.trend import TREND_SCORES, score_trend
from tapeline.losses import absolute_errors, log_losses
from tapeline.tiers import TIER_A, tier_a_reason

Arrays = dict[str, NDArray[np.float64]]
Masks = dict[str, NDArray[np.bool_]]
Figures = dict[str, Any]

RULES = "majority", "last_return", "reversal", "mean", "persistence"  # controls that learn nothing


def direction_scorecard(
    rows: pd.DataFrame,
    controls: Arrays,
    sessions: Masks,
    tiers: dict[str, float | None],
    params: EvaluationParams,
) -> tuple[Figures, Figures]:
    """Return the declared metrics and the detail of direction probabilities.

    `rows` also has `ceiling`, the best filter's probability, NaN where there is none. The ceiling of a
    set of rows is how often that filter was right on them (half where it had no opinion). `ceiling_...` are
    those of a filter that is given less. Its `tier` is a position in `tiers`, name: expected coverage (None:
    no such), the most confident first.
    """
    metrics = direction_figures(rows, tiers, params)
    if rows.empty:
        empty: Figures = {
            key: {} for key in ("controls", "calibration", "brier", "tiers", "sessions", "months")
        }
        groups = {f"{by}s": _by(rows, by, np.empty(0), None) for by in ("symbol", "fold")}
        return metrics | dict.fromkeys(ComparedDirection.added()), empty | {
            "tiers_are_in_order": None
        } | groups
    probability, label, hit, intervals = _arrays(rows, params)
    control_table = {
        name: _compare(label, p, hit, intervals)
        | _test(log_losses(probability, label), log_losses(p, label), intervals)
        for name, p in controls.items()
    }
    metrics |= {"accuracy_best_control": max(control["accuracy"] for control in control_table.values())}
    tier_table = _tier_table(rows, tiers, hit, intervals)
    bootstrap = _bootstrap(rows, params)
    detail = {
        "controls": control_table,
        "calibration": {
            kind: _calibration_error(probability, label, kind, bootstrap, params) for kind in BINS
        },
        "brier": {"brier": metrics["brier"]} | murphy_decomposition(probability, label, params.bins),
        "tiers": tier_table,
        "tiers_are_in_order": are_in_order(tier_table),
        **({"tier_a_reason": reason} if (reason := tier_a_reason(tiers)) else {}),
        "sessions": _hit_rates(hit, sessions, intervals),
        "months": _hit_rates(hit, _masks(rows["timestamp"].dt.strftime("%Y-%m")), intervals),
        "symbols": _by(rows, "symbol", hit, intervals),
        "folds": _by(rows, "fold", hit, intervals),
        **lesser_ceilings(rows),
    }
    return metrics | _leads(control_table), detail


def direction_figures(
    rows: pd.DataFrame, tiers: dict[str, float | None], params: EvaluationParams
) -> Figures:
    """Figures of direction probabilities alone, without controls; all None but the count without a row."""
    if rows.empty:
        return dict.fromkeys(DirectionFigures.names()) | {"rows": 0}
    probability, label, hit, intervals = _arrays(rows, params)
    best = rows["ceiling"].to_numpy()
    scores, ceiling = score_direction(probability, label), ceiling_accuracy(best, label)
    low, high = intervals.interval_of_mean(hit)
    accuracy = float(hit.mean())
    figures = {
        "rows": len(rows),
        "accuracy_all": accuracy,
        "accuracy_all_low": low,
        "accuracy_all_high": high,
        "ceiling": ceiling,
        "share_of_ceiling": accuracy / ceiling if ceiling else None,
        "above_ceiling_low": above_ceiling(best, label, hit, intervals)[0],
        # Real candles have no ceiling; there a gate can hold this against what is plausible.
        "accuracy_without_ceiling": accuracy if ceiling is None else None,
        **scores,
        **_calibration_error(probability, label, "equal_width", _bootstrap(rows, params), params),
        **_tier_a_figures(_tier_table(rows, tiers, hit, intervals)),
    }
    return {name: figures[name] for name in DirectionFigures.names()}


def trend_scorecard(
    rows: pd.DataFrame, controls: Arrays, params: EvaluationParams
) -> tuple[Figures, Figures]:
    """Return the declared metrics and the detail of trend strengths; controls by absolute error."""
    metrics = trend_figures(rows, params)
    groups = {f"{by}s": _trend_by(rows, by) for by in ("symbol", "fold")}
    if rows.empty:
        return metrics | dict.fromkeys(ComparedTrend.added()), {"controls": {}, **groups}
    predicted, actual = rows["prediction"].to_numpy(), rows["label"].to_numpy()
    intervals = Intervals(rows["bar"].to_numpy(), params.level)
    error = absolute_errors(predicted, actual)
    control_table = {}
    for name, control in controls.items():
        control_error = absolute_errors(control, actual)
        better = intervals.interval_of_difference(control_error, error)
        control_table[name] = score_trend(control, actual) | {
            "mae_difference": float(np.mean(control_error - error)),
            "difference_low": better[0],
            "difference_high": better[1],
            **_test(error, control_error, intervals),
        }
    of_mean = control_table["mean"]["mae"]
    metrics |= {
        "mae_best_control": min(control["mae"] for control in control_table.values()),
        "skill_over_mean": 1 - metrics["mae"] / of_mean if of_mean else None,
    }
    detail = {"controls": control_table, **groups, **lesser_trend_ceilings(rows)}
    return metrics | _leads(control_table), detail


def trend_figures(rows: pd.DataFrame, params: EvaluationParams) -> Figures:
    """Figures of trend strengths alone, without controls; all None but the count without a row."""
    if rows.empty:
        return dict.fromkeys(TrendFigures.names()) | {"rows": 0}
    predicted, actual = rows["prediction"].to_numpy(), rows["label"].to_numpy()
    intervals = Intervals(rows["bar"].to_numpy(), params.level)
    low, high = intervals.interval_of_mean(absolute_errors(predicted, actual))
    return score_trend(predicted, actual) | {"mae_low": low, "mae_high": high} | trend_ceiling(rows)


def _trend_by(rows: pd.DataFrame, column: str) -> dict[str, Figures]:
    predicted, actual = rows["prediction"].to_numpy(), rows["label"].to_numpy()
    nothing = {"rows": 0} | dict.fromkeys(TREND_SCORES)
    return {
        name: (score_trend(predicted[mask], actual[mask]) if mask.any() else nothing)
        | {"reason": reason_of(predicted[mask], actual[mask])}
        for name, mask in _masks(rows[column]).items()
    }


def _arrays(
    rows: pd.DataFrame, params: EvaluationParams
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], Intervals]:
    """Probabilities, labels, hits and intervals of `rows`, at least one."""
    probability, label = rows["prediction"].to_numpy(), rows["label"].to_numpy()
    return probability, label, hits(probability, label), Intervals(rows["bar"].to_numpy(), params.level)


def _bootstrap(rows: pd.DataFrame, params: EvaluationParams) -> BlockBootstrap:
    return BlockBootstrap(rows["bar"].to_numpy(), params.block, params.resamples, params.level, params.seed)


def _tier_table(
    rows: pd.DataFrame, tiers: dict[str, float | None], hit: NDArray[np.float64], intervals: Intervals
) -> dict[str, Figures]:
    days = rows["timestamp"].dt.floor("D").nunique()
    table = score_tiers(rows["tier"].to_numpy(), hit, tuple(tiers), intervals, days)
    return {name: tier | {"expected_coverage": tiers[name]} for name, tier in table.items()}


def _tier_a_figures(table: dict[str, Figures]) -> Figures:
    """Of the tier called A, wherever it stands among them; all None where no tier is called so."""
    tier = table.get(TIER_A, dict.fromkeys(("precision", "coverage", "expected_coverage")))
    coverage, expected = tier["coverage"], tier["expected_coverage"]
    return {
        "precision_tier_a": tier["precision"],
        "coverage_tier_a": coverage,
        # Two gates, of which one is in force: a tier by share should hold about its share.
        "coverage_by_confidence_tier_a": coverage if expected is None else None,
        "coverage_of_share_tier_a": None if expected is None else coverage / expected,
    }


def _leads(controls: dict[str, Figures]) -> Figures:
    """How far the model leads where it leads least.

    Over rules that learn nothing, and over all controls, at the low end of the interval, above 0: better than
    each of them; over all controls at its high end, below 0: worse than one of them beyond the interval. None
    where the model is right and wrong on the same rows as a rule, as a control, and as every control.
    """
    lows = {name: control["difference_low"] for name, control in controls.items()}
    highs = [control["difference_high"] for control in controls.values()]
    return {
        "lead_over_rules_low": _least([low for name, low in lows.items() if name in RULES]),
        "lead_over_controls_low": _least(list(lows.values())),
        "lead_over_controls_high": min((high for high in highs if high is not None), default=None),
    }


def _least(leads: list[float | None]) -> float | None:
    """The least of `leads`; None if one is, as of a model that is right and wrong with a control."""
    known = [lead for lead in leads if lead is not None]
    return min(known, default=None) if len(known) == len(leads) else None


def _compare(
    label: NDArray[np.float64],
    probability: NDArray[np.float64],
    hit: NDArray[np.float64],
    intervals: Intervals,
) -> Figures:
    own_hit = hits(probability, label)
    low, high = intervals.interval_of_mean(own_hit)
    difference_low, difference_high = intervals.interval_of_difference(hit, own_hit)
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


def _test(loss: NDArray[np.float64], other: NDArray[np.float64], intervals: Intervals) -> Figures:
    """Diebold-Mariano of the network's losses and a control's, positive where the control loses more."""
    statistic, p_value = diebold_mariano(loss, other, intervals)
    return {"diebold_mariano": statistic, "p_value": p_value}


def _calibration_error(
    probability: NDArray[np.float64],
    label: NDArray[np.float64],
    kind: str,
    bootstrap: BlockBootstrap,
    params: EvaluationParams,
) -> Figures:
    low, high = calibration_error_interval(probability, label, params.bins, kind, bootstrap)
    error = expected_calibration_error(probability, label, params.bins, kind)
    return {"ece": error, "ece_low": low, "ece_high": high}


def _hit_rates(hit: NDArray[np.float64], masks: Masks, intervals: Intervals | None) -> dict[str, Figures]:
    """Hit rate by mask, `intervals` None without a row; p-values are of one half, adjusted for all masks."""
    table = {name: _hit_rate(hit, mask, intervals) for name, mask in masks.items()}
    scored = [cell for cell in table.values() if cell["rows"]]
    adjusted = adjust_for_many([cell["p_value"] for cell in scored])
    for cell, p_value in zip(scored, adjusted, strict=True):
        cell["p_adjusted"] = p_value
    return table


def _hit_rate(hit: NDArray[np.float64], mask: NDArray[np.bool_], intervals: Intervals | None) -> Figures:
    names = "hit_rate", "low", "high", "p_value", "p_adjusted"
    if intervals is None or not mask.any():
        return {"rows": 0} | dict.fromkeys(names)
    hit_rate = intervals.mean(hit, mask)
    p_value = hit_rate.p_value(0.5)
    figures = hit_rate.mean, *hit_rate.interval(intervals.level), p_value, p_value
    return {"rows": int(mask.sum())} | dict(zip(names, figures, strict=True))


def _masks(values: pd.Series) -> Masks:
    """Rows of each value; of a categorical column also of those that no row has."""
    is_listed = isinstance(values.dtype, pd.CategoricalDtype)
    names = values.cat.categories if is_listed else pd.unique(values)
    return {str(name): (values == name).to_numpy() for name in names}


def _by(rows: pd.DataFrame, column: str, hit: NDArray[np.float64], intervals: Intervals | None) -> Figures:
    probability, label, masks = rows["prediction"].to_numpy(), rows["label"].to_numpy(), _masks(rows[column])
    table = _hit_rates(hit, masks, intervals)
    for name, mask in masks.items():
        table[name]["ceiling"] = ceiling_accuracy(rows["ceiling"].to_numpy()[mask], label[mask])
        table[name]["reason"] = reason_of(probability[mask], label[mask])
    return table
