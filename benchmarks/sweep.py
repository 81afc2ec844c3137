"""A sweep's speed: a thousand configurations on a million bars, up to trades, net PnL and drawdown.

`python -m benchmarks.sweep [PYTHON]`, where PYTHON is the interpreter of an environment with vectorbt
(benchmarks/vectorbt_rate.py says how to make one): then its hundred columns, a stop each, and as many
configurations here run on the same market in turns, on what both model. Times are of the clock, of two
threads here and of what vectorbt takes there; CPU time is told beside it.
"""

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.backtest import market, shared_subset, split
from tapeline.backtest.engine import Room, sum_orders
from tapeline.backtest.portfolio import align_candles
from tapeline.backtest.records import order_dtype
from tapeline.models.swept import SweepParams
from tapeline.params import Params
from tapeline.sweeping.accounts import TOGETHER, SweptMarket, trade_all
from tapeline.sweeping.calls import sort_calls
from tapeline.sweeping.plan import plan_sweep
from tapeline.trading.accounts import TradingInputs
from tapeline.trading.params import TradingParams

BARS, DRAWS, WORKERS, COLUMNS = 1_000_000, 1_000, 2, 100
RANGES = {
    "every key of its own": {
        "trade_tiers": [["A"], ["A", "B"]],
        "tiers.A": [[0.7, 1.0], [0.72, 1.0], [0.75, 1.0]],
        "minimum_trend": {"low": 0.0, "high": 0.5},
        "stop": {"low": 2.0, "high": 10.0},
        "target": {"low": 0.0, "high": 10.0},
        "hold": {"low": 5, "high": 60},
        "risk": {"low": 0.001, "high": 0.005},
    },
    "the same calls": {"stop": {"low": 2.0, "high": 10.0}, "hold": [5, 10, 15, 20]},
}


def swept_market(params: TradingParams) -> SweptMarket:
    """A random walk with predictions of one fold, 4.5 % of them of tier A."""
    opens = pd.date_range("2026-01-01", periods=BARS, freq="min", tz="UTC", unit="us")
    candles = market(BARS, 1)[0][:, 0]
    table = pd.DataFrame({name: candles[name] for name in ("open", "high", "low", "close")})
    tables = {next(iter(params.names.root)): table.assign(timestamp=opens, is_filled=False)}
    rng = np.random.default_rng(0)
    probability = np.clip(rng.normal(0.5, 0.1, (BARS, 1)), 0, 1)
    strength = rng.uniform(0, 1, probability.shape)

    def read(asked: TradingParams) -> TradingInputs:
        windows = asked.execution.volatility_candles, asked.signals.atr_candles
        return TradingInputs(align_candles(tables, opens[0], asked.minutes, *windows), probability, strength)

    return SweptMarket(
        sort_calls(read(params), np.zeros(probability.shape), {0: probability[:1000, 0]}), read
    )


def time_sweeps() -> None:
    """Print a line a kind of sweep."""
    params = Params.read()
    for name, ranges in RANGES.items():
        section = {
            "mode": "random",
            "draws": DRAWS,
            "seed": 1,
            "workers": WORKERS,
            "ranges": {"signals": ranges},
        }
        plan = plan_sweep(params, SweepParams(**section))
        shared = swept_market(plan.present)
        shared.inputs(plan.present).priced(plan.present)
        trade_all(replace(plan, choices=plan.choices[:4]), shared)
        clock, cpu = time.perf_counter(), time.process_time()
        figures = trade_all(plan, shared)
        clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
        trades = f"{figures['trades'].mean():.0f} trades each"
        print(f"{name:22} {clock:5.1f} s, {cpu:5.1f} of the CPU, {plan.tried} configurations, {trades}")


def against_vectorbt(python: str) -> None:
    """Print both times of a hundred stops on one market, in turns, and how far trades differ in number.

    Both look at stops from other bars on: benchmarks/backtest.py, which sets these apart, compares trades.
    """
    arrays, rules, given = shared_subset(BARS, with_stops=True)
    shared, orders = split(arrays, rules.basis)
    stops = np.linspace(0.002, 0.012, COLUMNS)
    opens = given["open"][np.minimum(orders["bar"] + 1, BARS - 1)]
    closes = np.arange(1439, BARS, 1440)
    rooms = [[Room() for _ in range(TOGETHER)] for _ in range(WORKERS)]

    def ours(worker: int) -> list[int]:
        found, own = [], rooms[worker]
        for first in range(worker * TOGETHER, COLUMNS, WORKERS * TOGETHER):
            accounts = []
            for stop, room in zip(stops[first : first + TOGETHER], own, strict=False):
                lines = room.lines("orders", order_dtype, len(orders))
                lines[:] = orders
                lines["stop"] = stop * opens
                accounts.append((lines, rules, room))
            found += [len(each.trades) for each in sum_orders(shared, accounts, closes)]
        return found

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(WORKERS) as pool:
        path = Path(folder) / "market.npz"
        np.savez(path, **given, stops=stops)
        command = [python, "benchmarks/vectorbt_sweep_rate.py", str(path), "1"]
        mine, theirs = [], []
        for _ in range(3):
            started = time.perf_counter()
            counts = list(pool.map(ours, range(WORKERS)))
            mine.append(time.perf_counter() - started)
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            theirs.append(float(done.stdout.split()[-1]))
        columns = np.load(f"{path}.trades.npy")
    total = sum(map(sum, counts))
    print(f"vectorbt, {COLUMNS} columns: {min(theirs):.2f} s of the clock, {columns.sum()} trades")
    print(
        f"  here, {WORKERS} threads: {min(mine):.2f} s, {total} trades, {min(theirs) / min(mine):.1f} times"
    )


def main() -> None:
    """Print a line a task."""
    time_sweeps()
    if len(sys.argv) > 1:
        against_vectorbt(sys.argv[1])


if __name__ == "__main__":
    main()
