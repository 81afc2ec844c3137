"""The best that could be known of scored rows of the simulated market, as figures beside a model's.

Columns of `rows`: `ceiling`, the probability of the filter that is given everything, `ceiling_...` those of
one that is given less; `strength_median...` and `strength_grade...`, what is best said of trend strength for
the absolute error and for the order. NaN where nobody knows; real candles have none of the latter columns.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.evaluation.direction import hits
from tapeline.evaluation.significance import Ends, Intervals
from tapeline.evaluation.trend import score_trend

Figures = dict[str, Any]

LESSER = "ceiling_"  # how columns of filters begin that are given less than all
MEDIAN, GRADE = "strength_median", "strength_grade"
OF_TREND = "mae", "rank_correlation"


def ceiling_accuracy(best: NDArray[np.float64], label: NDArray[np.float64]) -> float | None:
    """How often the best filter was right, half where it had no opinion; None where a row has none."""
    if not best.size or np.isnan(best).any():
        return None
    return float(np.where(best == 0.5, 0.5, hits(best, label)).mean())


def lesser_ceilings(rows: pd.DataFrame) -> Figures:
    """Of filters that are given less than all there is, by what they are given: accuracy, told and expected.

    On the `rows` that they were asked about, beside those of everything on the same ones. What a filter
    expects of itself, max(p, 1 - p) on average, has less of chance in it than how often it was right.
    """
    label, found = rows["label"].to_numpy(), {}
    for name in _after(rows, LESSER):
        best = rows[f"{LESSER}{name}"].to_numpy()
        asked = ~np.isnan(best)
        if asked.any():
            everything = best_direction(rows["ceiling"].to_numpy()[asked], label[asked])
            found[name] = {"rows": int(asked.sum())} | best_direction(best[asked], label[asked])
            found[name] |= {f"{key}_of_everything": value for key, value in everything.items()}
    return {"ceilings": found} if found else {}


def best_direction(best: NDArray[np.float64], label: NDArray[np.float64]) -> Figures:
    """How often a filter's probabilities were right and expect to be; None where a row has none."""
    accuracy = ceiling_accuracy(best, label)
    expected = None if accuracy is None else float(np.maximum(best, 1 - best).mean())
    return {"accuracy": accuracy, "expected_accuracy": expected}


def trend_ceiling(rows: pd.DataFrame) -> Figures:
    """Figures of what is best said of trend strength from everything; None where a row has none."""
    figures = best_trend(rows, "") if MEDIAN in rows and not rows[MEDIAN].isna().any() else {}
    return {f"ceiling_{name}": figures.get(name) for name in OF_TREND}


def lesser_trend_ceilings(rows: pd.DataFrame) -> Figures:
    """Of what is best said of trend strength from less than all there is, as `lesser_ceilings`."""
    found = {}
    for name in _after(rows, f"{MEDIAN}_"):
        asked = rows[rows[f"{MEDIAN}_{name}"].notna()]
        if len(asked):
            everything = {f"{key}_of_everything": value for key, value in best_trend(asked, "").items()}
            found[name] = {"rows": len(asked)} | best_trend(asked, f"_{name}") | everything
    return {"ceilings": found} if found else {}


def best_trend(rows: pd.DataFrame, suffix: str) -> Figures:
    """Absolute error of the medians and correlation of the grades that are called `suffix`, of all `rows`."""
    label = rows["label"].to_numpy()
    median, grade = (score_trend(rows[f"{name}{suffix}"].to_numpy(), label) for name in (MEDIAN, GRADE))
    return {"mae": median["mae"], "rank_correlation": grade["rank_correlation"]}


def _after(rows: pd.DataFrame, beginning: str) -> list[str]:
    """Ends of the names of columns that begin so."""
    return [str(name).removeprefix(beginning) for name in rows if str(name).startswith(beginning)]


def above_ceiling(
    best: NDArray[np.float64], label: NDArray[np.float64], hit: NDArray[np.float64], intervals: Intervals
) -> Ends:
    """Interval of how much more often the network is right than the best filter expects to be, row by row.

    Without a look at the future it is 0 at most, whatever the labels were. The filter's own luck, how much
    more often it was right than it expects, is 0 on average and common to both, so as much of it is taken off
    as the network shares (a control variate).
    """
    if np.isnan(best).any():
        return None, None
    expected = np.maximum(best, 1 - best)
    above, luck = hit - expected, np.where(best == 0.5, 0.5, hits(best, label)) - expected
    shared = float(above @ luck / (luck @ luck)) if luck.any() else 0.0
    return intervals.interval_of_mean(above - shared * luck)
