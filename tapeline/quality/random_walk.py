"""The random-walk check: on a driftless random walk nobody can be right more than half of the time.

Features and labels are built, by the functions the pipeline uses, on a market with nothing to find; a
model that learns from its first half and is right about its second half more often than chance allows
has a column that leaks it. One leaked minute of a 15-minute label gives 0.583 there, two 0.619:
1/2 + asin(sqrt(k/15))/pi.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, rankdata
from scipy.stats import t as student

from tapeline.quality.future import Build
from tapeline.quality.report import Audit, Leak, RandomWalk
from tapeline.schema import CANDLE_TYPES, INTERVAL_MINUTES, Interval

N_CANDLES = 24_000  # of each of two symbols; one leaked minute then lies far outside the interval
SIGMA = 7e-4  # of a one-candle log return
STEPS = 12  # of a candle's path, for its high and low
CORRELATION = 0.7  # of the two symbols' moves, so that the leader's future is a leak, too
ALPHA = 0.001  # how often honest columns may raise an alarm; half of it is on either side of the interval
TOGETHER = "columns together"  # what is named where no single column leaks
BOOSTING = {"max_iter": 60, "learning_rate": 0.1, "max_leaf_nodes": 15, "early_stopping": False}


def audit_random_walk(
    build: Build, columns: list[str], label: str, horizon: int, interval: Interval, seed: int
) -> tuple[Audit, RandomWalk]:
    """Fit boosting to `columns` on the first half of a random walk and count its hits on the second.

    It leaks if the interval of its accuracy lies above 0.5, or if a column's ranks agree with the move of a
    later candle, for among many columns boosting may overlook one. Each of the two gets half of ALPHA, and
    all columns and candles ahead share the second half. Blamed is each column that agrees, or else is right
    alone; where none does, the columns together. The candle is the first of the second half.
    """
    leader, follower = random_walks(N_CANDLES, INTERVAL_MINUTES[interval], seed)
    table = build(follower, leader).dropna(subset=[label]).reset_index(drop=True)
    accuracy, low, high = _accuracy(table, columns, label, horizon, ALPHA, seed)
    n_test = len(table) - len(table) // 2
    agreement = agreements(table, follower, columns, horizon)
    largest = norm.isf(ALPHA / 4 / agreement.size) / np.sqrt(len(table))
    blamed = [columns[k] for k in np.flatnonzero((np.abs(agreement) > largest).any(axis=1))]
    if low <= 0.5 and not blamed:
        return Audit("random walk", "random_walk", n_test, ()), RandomWalk(n_test, accuracy, low, high)
    alone = {name: _accuracy(table, [name], label, horizon, ALPHA / len(columns), seed) for name in columns}
    blamed = blamed or [name for name in columns if alone[name][1] > 0.5]
    accuracies = {name: alone[name][0] for name in blamed} or {TOGETHER: accuracy}
    stamp = table["timestamp"].iloc[-n_test].strftime("%Y-%m-%dT%H:%M:%SZ")
    leaks = [
        Leak("random walk", name, stamp, 0.5, hits)
        for name, hits in sorted(accuracies.items(), key=lambda item: -item[1])
    ]
    walk = RandomWalk(n_test, accuracy, low, high, leaks[0].column)
    if blamed:
        of_worst = agreement[columns.index(leaks[0].column)]
        ahead = int(np.argmax(np.abs(of_worst)))
        walk = replace(walk, ahead=ahead + 1, agreement=float(of_worst[ahead]))
    return Audit("random walk", "random_walk", n_test, tuple(leaks)), walk


def _accuracy(
    table: pd.DataFrame, columns: Sequence[str], label: str, horizon: int, alpha: float, seed: int
) -> tuple[float, float, float]:
    """Accuracy on the second half of a model of `columns` fitted on the first, and its interval."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # a second, where an earlier run has asked

    half = len(table) // 2
    train, test = table.iloc[: half - horizon], table.iloc[half:]
    model = HistGradientBoostingClassifier(**BOOSTING, random_state=seed)
    model.fit(train[list(columns)].to_numpy(), train[label].to_numpy())
    is_hit = model.predict(test[list(columns)].to_numpy()) == test[label].to_numpy()
    return float(is_hit.mean()), *interval_of_hits(is_hit.astype(np.float64), horizon, alpha)


def interval_of_hits(is_hit: NDArray[np.float64], horizon: int, alpha: float) -> tuple[float, float]:
    """Interval that misses the share of `is_hit`, (n,) of consecutive candles, with probability `alpha`.

    On a random walk a call is right or wrong by moves after it alone, so hits are uncorrelated once their
    labels share no candle: the variance of the mean is the sum of the autocovariances below lag `horizon`,
    and no bandwidth has to be chosen (L. Hansen and R. Hodrick, 1980). Student's t, since it is estimated.
    """
    n, off = len(is_hit), is_hit - is_hit.mean()
    covariances = np.array([off[lag:] @ off[: n - lag] for lag in range(min(horizon, n))]) / n
    variance = max(covariances[0] + 2 * covariances[1:].sum(), covariances[0])
    reach = student.isf(alpha / 2, max(n / (2 * horizon - 1) - 1, 1)) * np.sqrt(variance / n)
    return float(is_hit.mean() - reach), float(is_hit.mean() + reach)


def random_walks(n: int, minutes: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Canonical candles of a leader and a follower, `n` each, whose moves are correlated and have no past."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, STEPS))
    share = np.sqrt(CORRELATION)
    tables = []
    for _ in range(2):
        own = rng.normal(size=(n, STEPS))
        moves = SIGMA / np.sqrt(STEPS) * (share * common + np.sqrt(1 - CORRELATION) * own)
        path = np.cumsum(moves.ravel()).reshape(n, STEPS)
        before = np.concatenate([[0.0], path[:-1, -1]])
        log_prices = {
            "open": before,
            "high": np.maximum(before, path.max(axis=1)),
            "low": np.minimum(before, path.min(axis=1)),
            "close": path[:, -1],
        }
        table = pd.DataFrame({name: 100 * np.exp(values) for name, values in log_prices.items()})
        table.insert(0, "timestamp", pd.date_range("2024-01-01", periods=n, freq=f"{minutes}min", tz="UTC"))
        table["volume"] = rng.lognormal(size=n)
        others = [name for name in CANDLE_TYPES if name not in table]
        tables.append(table.assign(**dict.fromkeys(others, 0))[list(CANDLE_TYPES)].astype(CANDLE_TYPES))
    return tables[0], tables[1]


def agreements(
    table: pd.DataFrame, candles: pd.DataFrame, columns: Sequence[str], horizon: int
) -> NDArray[np.float64]:
    """Rank correlation of each column with the move of each later candle, shape (columns, horizon).

    Moves to come are independent of what a candle knows, however persistent that is, so that each has a
    standard deviation of 1 / sqrt(rows). 0 for a constant column.
    """
    moves = np.log(candles.set_index("timestamp")["close"]).diff()
    later = [moves.shift(-ahead).reindex(table["timestamp"]).fillna(0.0) for ahead in range(1, horizon + 1)]
    return _standard_ranks([table[name] for name in columns]) @ _standard_ranks(later).T / len(table)


def _standard_ranks(columns: Sequence[pd.Series]) -> NDArray[np.float64]:
    """Ranks of each column, less their mean and over their standard deviation, shape (columns, n)."""
    ranks = np.stack([rankdata(column) for column in columns])
    spread = ranks.std(axis=1, keepdims=True)
    standard: NDArray[np.float64] = (ranks - ranks.mean(axis=1, keepdims=True)) / np.where(
        spread > 0, spread, 1.0
    )
    return standard
