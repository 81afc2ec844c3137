"""What less than everything allows, and trend strength at best, from the stored answers and own labels.

Whether an answer is the best that could be given can't be seen from files, and whether it knew the future is
for the proof.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tapeline.referee.candles import FloatArray, microseconds
from tapeline.referee.figures import Scored, compare
from tapeline.referee.findings import Findings, Place
from tapeline.referee.scores import trend_scores
from tapeline.schema import DIRECTION

CEILINGS = "ceilings"
EVERYTHING = "probability"
MEDIAN, GRADE = "strength_median", "strength_grade"  # least absolute error, best order
Figures = dict[str, Any]


def check_ceilings(
    name: str,
    label: str,
    scored: Scored,
    claimed: Mapping[str, Mapping[str, Any]],
    metrics: Mapping[str, Any],
    stored: Mapping[str, pd.DataFrame],
    findings: Findings,
) -> None:
    """Figures of each that is given less on the rows of `scored` that it was asked about; a trend's ceiling.

    claimed : `ceilings` of the model's detail; metrics : metrics/NAME.json
    stored : by symbol a table with `timestamp` and answers, NaN where none was asked for
    """
    columns = [str(column) for table in list(stored.values())[:1] for column in table]
    is_direction = label == DIRECTION
    if not is_direction:
        everything = _trend(scored, stored, "") if MEDIAN in columns and scored.label.size else None
        for key in ("mae", "rank_correlation"):
            if f"ceiling_{key}" in metrics:
                compare(
                    f"{name}.ceiling_{key}",
                    metrics[f"ceiling_{key}"],
                    (everything or {}).get(key),
                    findings,
                    CEILINGS,
                )
    lesser = _lesser(columns, is_direction)
    found = {}
    for given, column in lesser.items():
        asked = ~np.isnan(answers(scored, stored, column))
        if asked.any():
            rows = scored.rows(asked)
            of = _direction if is_direction else _trend
            less, more = of(rows, stored, given), of(rows, stored, "")
            found[given] = (
                {"rows": int(asked.sum())}
                | less
                | {f"{key}_of_everything": value for key, value in more.items()}
            )
    what = f"{name}: ceilings of less than everything"
    findings.hold(CEILINGS, what, set(found) == set(claimed), ", ".join(claimed), ", ".join(found), Place())
    for given in found.keys() & claimed.keys():
        for key, value in found[given].items():
            compare(f"{name}: {key} {given}", claimed[given].get(key), value, findings, CEILINGS)


def answers(scored: Scored, stored: Mapping[str, pd.DataFrame], column: str) -> FloatArray:
    """What is stored in `column` of each row, NaN where nothing is."""
    found = np.full(scored.label.size, np.nan)
    for symbol, table in stored.items():
        own = scored.symbol == symbol
        told = pd.Series(table[column].to_numpy(np.float64), index=microseconds(table["timestamp"]))
        found[own] = told.reindex(scored.time[own]).to_numpy(np.float64)
    return found


def _lesser(columns: list[str], is_direction: bool) -> dict[str, str]:
    """Column of each that is given less, by what it is given."""
    if is_direction:
        return {c: c for c in columns if c not in ("timestamp", EVERYTHING) and not c.startswith("strength_")}
    return {c.removeprefix(f"{MEDIAN}_"): c for c in columns if c.startswith(f"{MEDIAN}_")}


def _direction(rows: Scored, stored: Mapping[str, pd.DataFrame], given: str) -> Figures:
    """How often what was answered was right, half where it was one half, and how often it expected to be.

    None where a row has no answer.
    """
    best = answers(rows, stored, given or EVERYTHING)
    right = np.where(best == 0.5, 0.5, (best > 0.5) == (rows.label == 1))
    if np.isnan(best).any():
        return {"accuracy": None, "expected_accuracy": None}
    return {
        "accuracy": float(right.mean()),
        "expected_accuracy": float((0.5 + np.abs(best - 0.5)).mean()),
    }


def _trend(rows: Scored, stored: Mapping[str, pd.DataFrame], given: str) -> Figures:
    """Absolute error of the medians, correlation of the grades; None where a row has no answer."""
    ending = f"_{given}" if given else ""
    median, grade = (answers(rows, stored, f"{column}{ending}") for column in (MEDIAN, GRADE))
    if np.isnan(median).any() or np.isnan(grade).any():
        return {"mae": None, "rank_correlation": None}
    return {
        "mae": trend_scores(median, rows.label)["mae"],
        "rank_correlation": trend_scores(grade, rows.label)["rank_correlation"],
    }
