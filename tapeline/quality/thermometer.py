"""The leak thermometer: on a driftless random walk nobody can be right more than half of the time.

Features and labels are built, by the functions the pipeline uses, on a market with nothing to find; a
model that learns from its first half and is right about its second half more often than chance allows
has been told the future. One leaked minute of a 15-minute label gives 0.583 there, two 0.619:
1/2 + asin(sqrt(k/15))/pi.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier

from tapeline.quality.future import Build
from tapeline.quality.report import Audit, Leak, Temperature
from tapeline.schema import CANDLE_TYPES, INTERVAL_MINUTES, Interval

N_CANDLES = 24_000  # of each of two symbols; one leaked minute then lies far outside the interval
SIGMA = 7e-4  # of a one-candle log return
STEPS = 12  # of a candle's path, for its high and low
CORRELATION = 0.7  # of the two symbols' moves, so that a look at the leader's future tells, too
LEVEL = 0.999  # of the interval that must hold 0.5
BLOCK_HORIZONS = 20  # length of a bootstrap block, in horizons of the label
BOOSTING = {"max_iter": 60, "learning_rate": 0.1, "max_leaf_nodes": 15, "early_stopping": False}

# From right or wrong (n,) at consecutive clock positions (n,) and a block's length to the mean's interval.
Interval999 = Callable[[NDArray[np.float64], NDArray[np.int64], int], tuple[float, float]]


def audit_thermometer(
    build: Build,
    columns: Sequence[str],
    label: str,
    horizon: int,
    interval: Interval,
    mean_interval: Interval999,
    seed: int,
) -> tuple[Audit, Temperature]:
    """Fit boosting to `columns` on the first half of a random walk and count its hits on the second.

    It leaks if the interval of its accuracy does not hold 0.5. The column named then is the one whose
    ranks agree most with the move of a later candle; the candle is the first of the second half.
    """
    leader, follower = random_walks(N_CANDLES, INTERVAL_MINUTES[interval], seed)
    table = build(follower, leader).dropna(subset=[label]).reset_index(drop=True)
    half = len(table) // 2
    train, test = table.iloc[: half - horizon], table.iloc[half:]
    model = HistGradientBoostingClassifier(**BOOSTING, random_state=seed)
    model.fit(train[list(columns)].to_numpy(), train[label].to_numpy())
    is_hit = (model.predict(test[list(columns)].to_numpy()) == test[label].to_numpy()).astype(np.float64)
    low, high = mean_interval(is_hit, test.index.to_numpy(), BLOCK_HORIZONS * horizon)
    column, ahead, agreement = _suspect(table, follower, columns, horizon)
    found = Temperature(len(test), float(is_hit.mean()), low, high, column, ahead, agreement)
    stamp = test["timestamp"].iloc[0].strftime("%Y-%m-%dT%H:%M:%SZ")
    leaks = () if low <= 0.5 <= high else (Leak("random walk", column, stamp, 0.5, found.accuracy),)
    return Audit("random walk", "thermometer", len(test), leaks), found


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


def _suspect(
    table: pd.DataFrame, candles: pd.DataFrame, columns: Sequence[str], horizon: int
) -> tuple[str, int, float]:
    """Find the column and the candle ahead of it that agree most: name, candles ahead, rank correlation."""
    log_close = np.log(candles.set_index("timestamp")["close"])
    ranks = np.column_stack([rankdata(table[column]) for column in columns])
    ranks = (ranks - ranks.mean(axis=0)) / np.where(ranks.std(axis=0) > 0, ranks.std(axis=0), 1.0)
    best = ("", 0, 0.0)
    for ahead in range(1, horizon + 1):
        move = rankdata(log_close.diff().shift(-ahead).reindex(table["timestamp"]).fillna(0.0))
        agreement = ranks.T @ ((move - move.mean()) / move.std()) / len(move)
        strongest = int(np.argmax(np.abs(agreement)))
        if abs(agreement[strongest]) > abs(best[2]):
            best = (columns[strongest], ahead, float(agreement[strongest]))
    return best
