"""vectorbt on the market that benchmarks/backtest.py hands it: its trades, and CPU seconds of the best round.

Runs in an environment of its own (`pip install vectorbt "pandas<3" "plotly<6"`) and imports nothing of this
project. `python benchmarks/vectorbt_rate.py FILE.npz ROUNDS`; FILE.trades.npy is written beside it.
"""

import sys
import time
import warnings

import numpy as np
import vectorbt as vbt


def main() -> None:
    """Time `from_signals`, write the trades."""
    warnings.filterwarnings("ignore")
    given = np.load(sys.argv[1])
    options = {
        "entries": given["long_entry"], "exits": given["long_exit"],
        "short_entries": given["short_entry"], "short_exits": given["short_exit"],
        "price": given["open"], "size": given["size"], "fees": float(given["commission"]),
        "slippage": float(given["half_spread"]), "init_cash": float(given["cash"]), "freq": "1min",
    }  # fmt: skip
    if "stop" in given:
        options |= {name: given[name] for name in ("open", "high", "low")} | {"sl_stop": float(given["stop"])}
        options["stop_entry_price"] = "FillPrice"
    taken = []
    for _ in range(int(sys.argv[2]) + 1):  # the first one compiles
        started = time.process_time()
        portfolio = vbt.Portfolio.from_signals(given["close"], **options)
        portfolio.value()  # equity on every bar, as the other engine gives it
        taken.append(time.process_time() - started)
    trades = portfolio.trades.values
    np.save(sys.argv[1] + ".trades.npy", np.stack([trades["entry_idx"], trades["exit_idx"], trades["pnl"]]))
    print(min(taken[1:]))


if __name__ == "__main__":
    main()
