"""vectorbt on a hundred columns of the market that benchmarks/sweep.py hands it, a stop each.

Runs in an environment of its own (benchmarks/vectorbt_rate.py says which) and imports nothing of this
project. `python benchmarks/vectorbt_sweep_rate.py FILE.npz` prints seconds of the CPU and of the clock;
FILE.columns.npy, trades, net PnL and deepest fall of each column, (3, n_columns), is written beside it.
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
        "open": given["open"], "high": given["high"], "low": given["low"],
    }  # fmt: skip

    def figures(stops: np.ndarray) -> list[np.ndarray]:
        portfolio = vbt.Portfolio.from_signals(given["close"], sl_stop=stops, **options)
        found = portfolio.trades.count(), portfolio.total_profit(), -portfolio.max_drawdown()
        return [np.asarray(each) for each in found]

    stops = given["stops"].T
    figures(stops[:, :2])  # compiles
    cpu, clock = time.process_time(), time.perf_counter()
    columns = figures(stops)
    print(time.process_time() - cpu, time.perf_counter() - clock)
    np.save(sys.argv[1] + ".columns.npy", columns)


if __name__ == "__main__":
    main()
