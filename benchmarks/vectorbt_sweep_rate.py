"""vectorbt on a hundred columns of the market that benchmarks/sweep.py hands it, a stop each.

Runs in an environment of its own (benchmarks/vectorbt_rate.py says which) and imports nothing of this
project. `python benchmarks/vectorbt_sweep_rate.py FILE.npz ROUNDS` prints the best seconds of the clock;
FILE.trades.npy, the number of trades in each column, is written beside it.
"""

import sys
import time
import warnings

import numpy as np
import vectorbt as vbt


def main() -> None:
    """Time `from_signals` up to trades, net PnL and drawdown of every column."""
    warnings.filterwarnings("ignore")
    loaded = np.load(sys.argv[1])
    # Of bars, (n_bars, 1): each is broadcast over the columns.
    given = {name: loaded[name][:, None] if loaded[name].size > 1 else loaded[name] for name in loaded.files}
    options = {
        "entries": given["long_entry"], "exits": given["long_exit"],
        "short_entries": given["short_entry"], "short_exits": given["short_exit"],
        "price": given["open"], "size": given["size"], "fees": float(given["commission"]),
        "init_cash": float(given["cash"]), "freq": "1min", "stop_entry_price": "FillPrice",
        "open": given["open"], "high": given["high"], "low": given["low"], "sl_stop": given["stops"].T,
    }  # fmt: skip
    taken = []
    for _ in range(int(sys.argv[2]) + 1):  # the first one compiles
        started = time.perf_counter()
        portfolio = vbt.Portfolio.from_signals(given["close"], **options)
        counts = portfolio.trades.count()
        portfolio.total_profit()
        portfolio.max_drawdown()
        taken.append(time.perf_counter() - started)
    np.save(sys.argv[1] + ".trades.npy", np.asarray(counts))
    print(min(taken[1:]))


if __name__ == "__main__":
    main()
