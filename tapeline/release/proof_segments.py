"""Many moments by pairs of runs of the cheap stages: candles, features, labels before each stay the same."""

import numpy as np
import pandas as pd

from tapeline.promotion.proofs import ProvedPart
from tapeline.release.proof_compare import Comparison, Known
from tapeline.release.proof_extra import tiled
from tapeline.release.proof_moments import Cut, Pair, make_pair, times_of
from tapeline.release.proof_run import CANDLES, SOURCE_FILE, Run, read_features, side_by_side
from tapeline.store.tables import read_table

MOST_PAIRS = 12  # a short history is not cut more often: the same rows would be tried again and again


def prove_moments(run: Run, rng: np.random.Generator, n_moments: int) -> ProvedPart:
    """Try `n_moments` or a few more, of all symbols together; fewer where the history is too short."""
    cut = Cut.for_run(run.lookback, run.horizon, run.max_fill)
    comparison, tried = Comparison(), 0
    for _ in range(MOST_PAIRS):
        pair = make_pair(run.candles, run.moves, run.clock, cut, rng)
        if not len(pair.starts) or tried >= n_moments:
            break
        tried += compare_pair(run, pair, comparison, rng)
    return ProvedPart(name="many moments", moment=None, trials=tried, values=comparison.compared)


def pairs_needed(run: Run, n_moments: int) -> int:
    """About how many pairs try `n_moments`: each tries one a tile and symbol."""
    cut = Cut.for_run(run.lookback, run.horizon, run.max_fill)
    n_tiles = run.clock.n_bars // (cut.length + cut.gap)
    return min(MOST_PAIRS, -(-n_moments // (n_tiles * len(run.symbols)))) if n_tiles else 0


def compare_pair(run: Run, pair: Pair, comparison: Comparison, rng: np.random.Generator) -> int:
    """Run ingest and features on both sides of a pair, compare them; return how many moments were tried."""
    edges = run.clock.first + pair.starts * run.interval
    last = np.max([pair.moments[symbol] for symbol in run.symbols], axis=0)
    extras = [tiled(extra, edges, last, rng) for extra in run.extras]
    copies = [
        run.copies.make(f"pair_{side}", each, extras=[both[k] for both in extras])
        for k, (side, each) in enumerate((("base", pair.base), ("changed", pair.changed)))
    ]
    side_by_side(run.workers, [(copy, ("ingest", "features")) for copy in copies])
    known = {
        symbol: Known(
            times_of(pair.base[symbol]), times_of(pair.changed[symbol]), edges, pair.moments[symbol]
        )
        for symbol in run.symbols
    }
    for symbol in run.symbols:
        tables = [with_own_segments(read_table(copy.folder / CANDLES, symbol), edges) for copy in copies]
        comparison.tables("ingest", symbol, tables, known[symbol], left_out=(SOURCE_FILE,))
    tried = 0
    for symbol in run.symbols:
        tables = [with_own_segments(read_features(copy.folder, symbol), edges) for copy in copies]
        comparison.tables("features", symbol, tables, known[symbol], run.horizon * run.interval)
        times = times_of(tables[0])
        of_tile = np.searchsorted(edges, times[known[symbol].is_known(times)], side="right")
        tried += len(np.unique(of_tile))
    return tried


def with_own_segments(table: pd.DataFrame, edges: np.ndarray) -> pd.DataFrame:
    """`table` with segments numbered from its first row behind each of `edges`: other gaps, other numbers."""
    tile = np.searchsorted(edges, times_of(table), side="right")
    segment = table["segment"] - table.groupby(tile)["segment"].transform("first")
    return table.assign(segment=segment)
