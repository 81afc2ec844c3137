"""How fast the full feature set is made, of one candle and of millions, and against plain pandas.

The reference computes the same columns and must give the same numbers, or there is no ratio to print. It
is given twice: over all features, and over those that are not TA-Lib's.
"""

import resource
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from tapeline.features.catalog import FEATURES
from tapeline.features.compiled import program_of
from tapeline.features.streaming import newest
from tapeline.features.table import as_candles, build_table
from tests.candles import random_candles
from tests.features.reference import plain_features, plain_indicators

MILLION = 1_000_000
SIZES = (100_000, MILLION, 5 * MILLION)
HORIZON, MAX_FILL = 15, 15
REPEATS = 3
ROUNDS, ROWS = 15, 300
SETTLED = 1500  # rows after which recursions have forgotten how they began


def table_seconds(n: int) -> float:
    """Seconds to build the whole table of `n` candles, best of some runs."""
    candles = random_candles(n)
    best = np.inf
    for _ in range(REPEATS):
        start = time.perf_counter()
        build_table(candles, candles, list(FEATURES.values()), HORIZON, MAX_FILL)
        best = min(best, time.perf_counter() - start)
    return best


def row_microseconds() -> float:
    """CPU time of one candle's row from a buffer of the longest lookback, the least of some rounds."""
    program, candles = program_of(tuple(FEATURES.values())), random_candles(2000)
    buffer = as_candles(candles, candles, MAX_FILL).rows(2000 - program.lookback, 2000)
    best = np.inf
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(ROWS):
            newest(buffer, program)
        best = min(best, time.process_time() - start)
    return 1e6 * best / ROWS


def compare(candles: pd.DataFrame, reference: Callable[[], dict[str, pd.Series]]) -> tuple[int, float, float]:
    """Number of the reference's columns, seconds of ours for them and of the reference's own."""
    start = time.perf_counter()
    plain = reference()
    plain_s = time.perf_counter() - start
    chosen = [FEATURES[name] for name in plain]
    best = np.inf
    for _ in range(REPEATS):
        start = time.perf_counter()
        table = build_table(candles, candles, chosen, HORIZON, MAX_FILL)
        best = min(best, time.perf_counter() - start)
    for feature in chosen:
        expected = plain[feature.name].to_numpy()[-len(table) + SETTLED :]
        ours, scale = table[feature.name].to_numpy()[SETTLED:], np.nanmax(np.abs(expected))
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5 * scale, err_msg=feature.name)
    return len(chosen), best, plain_s


def main() -> None:
    """Print seconds and memory of the table by size, then the ratios to pandas."""
    few = random_candles(5000)
    build_table(few, few, list(FEATURES.values()), HORIZON, MAX_FILL)  # compiles
    print(f"{len(FEATURES)} features of one candle: {row_microseconds():.0f} us")
    for n in SIZES:
        seconds = table_seconds(n)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"{len(FEATURES)} features, {n:>9,} candles: {seconds:6.2f} s, {1e6 * seconds / n:5.2f} us "
            f"a candle, peak memory of the process so far {peak:.2f} GB"
        )
    candles = random_candles(MILLION)
    own = compare(candles, lambda: plain_features(candles, candles))
    theirs = compare(candles, lambda: plain_indicators(candles))
    both = tuple(a + b for a, b in zip(own, theirs, strict=True))
    for name, (n, ours, plain) in {"all": both, "not TA-Lib's": own, "TA-Lib's": theirs}.items():
        print(f"{n:3} columns ({name}): ours {ours:5.2f} s, pandas {plain:6.2f} s, {plain / ours:5.1f}x")


if __name__ == "__main__":
    main()
