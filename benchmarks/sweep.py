"""A sweep's speed: a thousand configurations on a million bars, up to trades, net PnL and drawdown.

`python -m benchmarks.sweep [PYTHON]`, where PYTHON is the interpreter of an environment with vectorbt
(benchmarks/vectorbt_rate.py says how to make one): then its hundred columns, a stop each, and as many
configurations here run on the same market in turns, on what both model. Times are of the clock, of two
threads here and of what vectorbt takes there; CPU time is told beside it, and what memory was held at most.
"""

import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.backtest import SAME, market, shared_subset, split
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

BARS, DRAWS, WORKERS, COLUMNS, TURNS = 1_000_000, 1_000, 2, 100, 2
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
    "the same of tier A": {
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
        print(f"  held at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def against_vectorbt(python: str) -> None:
    """Print both times of a hundred stops on one market, in turns.

    Both look at stops from other bars on: benchmarks/backtest.py, which sets these apart, compares trades.
    Here a column that meets no stop must come to the same.
    """
    arrays, rules, given = shared_subset(BARS, with_stops=True)
    shared, orders = split(arrays, rules.basis)
    stops = np.linspace(0.002, 0.012, COLUMNS)
    stops[-1] = 0.9  # which nothing reaches
    opens = given["open"][np.minimum(orders["bar"] + 1, BARS - 1)]
    closes = np.arange(1439, BARS, 1440)
    rooms = [[Room() for _ in range(TOGETHER)] for _ in range(WORKERS)]

    def ours(worker: int) -> list[tuple[int, tuple[float, ...]]]:
        found, own = [], rooms[worker]
        numbers = range(worker, COLUMNS, WORKERS)
        for some in (numbers[k : k + TOGETHER] for k in range(0, len(numbers), TOGETHER)):
            accounts = []
            for number, room in zip(some, own, strict=False):
                lines = room.lines("orders", order_dtype, len(orders))
                lines[:] = orders
                lines["stop"] = stops[number] * opens
                accounts.append((lines, rules, room))
            for number, each in zip(some, sum_orders(shared, accounts, closes), strict=True):
                net = float(each.trades["net_pnl"].sum())
                found.append((number, (len(each.trades), net, each.max_drawdown)))
        return found

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(WORKERS) as pool:
        path = Path(folder) / "market.npz"
        np.savez(path, **given, stops=stops)
        command = [python, "benchmarks/vectorbt_sweep_rate.py", str(path)]
        mine, theirs = [], []
        for _ in range(TURNS):
            for _ in range(TURNS):
                cpu, clock = time.process_time(), time.perf_counter()
                found = dict(chain.from_iterable(pool.map(ours, range(WORKERS))))
                mine.append((time.process_time() - cpu, time.perf_counter() - clock))
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            theirs.append(tuple(map(float, done.stdout.split())))
        columns = np.load(f"{path}.columns.npy")
    figures = np.array([found[k] for k in range(COLUMNS)]).T
    if not (columns[0] == figures[0]).all():
        sys.exit("the engines do not trade as often")
    difference = np.abs(columns[1:, -1] / figures[1:, -1] - 1).max()
    if difference >= SAME:
        sys.exit(f"net PnL or drawdown of the column without a stop differs by {difference}")
    for unit, taken_here, taken_there in zip(
        ("CPU", "clock"), np.transpose(mine), np.transpose(theirs), strict=True
    ):
        here, there = min(taken_here), min(taken_there)
        print(f"{COLUMNS} columns, s of the {unit}: vectorbt {there:.2f}, here {here:.2f}", end=", ")
        print(f"{there / here:.1f} times")


def main() -> None:
    """Print a line a task."""
    time_sweeps()
    if len(sys.argv) > 1:
        against_vectorbt(sys.argv[1])


if __name__ == "__main__":
    main()
