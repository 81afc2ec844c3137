"""Answers to the same candles by two ways of serving: they must say the same."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from tapeline.errors import ArtifactError
from tapeline.schema import ROW_KEYS

TOLERANCE = 1e-5  # between a stored prediction and a computed one


def require_same_answers(
    artifacts: Iterable[str], in_step: pd.DataFrame, other: pd.DataFrame, how: str
) -> None:
    """ArtifactError names the first candle answered `other` than in step, by status or by a number.

    Both are of the same candles and hold `symbol`, `timestamp`, `status`, `reason` and by artifact its
    number; `how` says in words how the other answers came about. NaN is equal to NaN.
    """
    both = in_step.merge(other, on=ROW_KEYS, how="outer", suffixes=("", " other")).sort_values(
        ["timestamp", "symbol"]
    )
    is_other = (both["status"] != both["status other"]).to_numpy()
    if is_other.any():
        row = both[is_other].iloc[0]
        said = _told(row, ""), _told(row, " other")
        raise ArtifactError(f"models/candidate: the bundles answer {_both(row, said, how)}{_more(is_other)}")
    for artifact in artifacts:
        ours, theirs = (both[name].to_numpy(np.float64) for name in (artifact, f"{artifact} other"))
        is_other = ~((np.abs(ours - theirs) <= TOLERANCE) | (np.isnan(ours) & np.isnan(theirs)))
        if is_other.any():
            row = both[is_other].iloc[0]
            said = f"{row[artifact]:.8g}", f"{row[f'{artifact} other']:.8g}"
            raise ArtifactError(f"{artifact}: the bundle answers {_both(row, said, how)}{_more(is_other)}")


def _told(row: pd.Series, end: str) -> str:
    status, reason = row[f"status{end}"], row[f"reason{end}"]
    if not isinstance(status, str):
        return "nothing"
    return f"{status} ({reason})" if reason else status


def _both(row: pd.Series, said: tuple[str, str], how: str) -> str:
    return f"{said[0]} at {row['symbol']} {row['timestamp']} fed in step, and {said[1]} {how}"


def _more(is_other: np.ndarray) -> str:
    n = int(is_other.sum()) - 1
    return f", as at {n:,} more" if n else ""
