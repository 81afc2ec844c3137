"""The engine's speed: a million candles with every rule on, four symbols for a year, one set of signals.

`python -m benchmarks.backtest [PYTHON]`, where PYTHON is the interpreter of an environment with vectorbt
(benchmarks/vectorbt_rate.py says how to make one): then both engines run the same market in turns, up to
trades and equity on every bar, on what both model: side by signal, fixed size, time exits, commission, and
either spread or stops, which they do not combine alike. Every trade's net PnL must agree to 1e-9. Times are
of the CPU, of a market that was checked before, as it is for all backtests on it but the first.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from tapeline.backtest.engine import ALL, TradedMarket, orders_in, run_orders
from tapeline.backtest.ftmo import FtmoParams, limits_of
from tapeline.backtest.kernel import Rules
from tapeline.backtest.pass_probability import challenge_pass_probability, whole_days
from tapeline.backtest.portfolio import align_candles
from tapeline.backtest.records import candle_dtype, clock_dtype, quote_dtype, symbol_dtype
from tapeline.params import Params
from tapeline.tiers import tier_numbers
from tapeline.trading.accounts import TradingInputs, run
from tapeline.trading.params import TradingParams

ROUNDS, HORIZON, STOP, SAME = 15, 15, 0.004, 1e-9
CONFIGURED = 250_000  # bars
EQUITY = "equity", "equity_low"
ALL_RULES = Rules(100_000.0, HORIZON, 1, 4, 0.9, 0.5, 3_000.0, 1e-5, 1.0)
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def market(n_bars: int, n_symbols: int, share: float = 0.04) -> Arrays:
    """A random walk with a side wanted at a `share` of closes; stops, targets, swap, days, costs."""
    rng = np.random.default_rng(0)
    walk = 100 * np.exp(np.cumsum(rng.normal(0, 7e-4, (n_bars * 4, n_symbols)), axis=0))
    walk = walk.reshape(n_bars, 4, n_symbols)
    candles = np.zeros((n_bars, n_symbols), candle_dtype)
    candles["open"], candles["close"] = walk[:, 0], walk[:, 3]
    candles["high"], candles["low"] = walk.max(axis=1), walk.min(axis=1)
    candles["half_spread"], candles["slippage"] = 1e-5, 2e-5
    candles["stop"], candles["target"] = 0.003 * candles["close"], 0.004 * candles["close"]
    candles["quantity"] = 20_000 / candles["close"]
    candles["side"] = rng.choice([-1, 0, 1], (n_bars, n_symbols), p=[share / 2, 1 - share, share / 2])
    for name in ("has_price", "can_fill", "may_open"):
        candles[name] = True
    clock = np.zeros(n_bars, clock_dtype)
    clock["day"], clock["nights"] = np.arange(n_bars) // 1440, np.arange(n_bars) % 1440 == 1320
    symbols = np.zeros(n_symbols, symbol_dtype)
    symbols["fee"]["rate"], symbols["leverage"], symbols["maximum"] = 2e-5, 1.0, 1e9
    symbols["step"] = symbols["minimum"] = 0.01
    symbols["swap_long"] = symbols["swap_short"] = -0.25 / 360
    return candles, clock, symbols


def best_of(call: Callable[[], object]) -> float:
    """CPU seconds of the fastest of some rounds, the first one left out."""
    taken = []
    for _ in range(ROUNDS + 1):
        started = time.process_time()
        call()
        taken.append(time.process_time() - started)
    return min(taken[1:])


def split(arrays: Arrays, basis: float) -> tuple[TradedMarket, np.ndarray]:
    """The market that all backtests share, and the orders of one."""
    candles, clock, symbols = arrays
    quotes = np.empty(candles.shape, quote_dtype)
    for name in quote_dtype.names or ():
        quotes[name] = candles[name]
    return TradedMarket(quotes, clock, symbols, basis), orders_in(candles)


def time_configurations() -> str:
    """Time of a configuration of signals, planned and traded, on one market."""
    params = TradingParams.read(Params.read())
    opens = pd.date_range("2026-01-01", periods=CONFIGURED, freq="min", tz="UTC", unit="us")
    candles = market(CONFIGURED, 1)[0][:, 0]
    table = pd.DataFrame({name: candles[name] for name in ("open", "high", "low", "close")})
    tables = {next(iter(params.names.root)): table.assign(timestamp=opens, is_filled=False)}
    windows = params.execution.volatility_candles, params.signals.atr_candles
    aligned = align_candles(tables, opens[0], params.minutes, *windows)
    probability = np.clip(np.random.default_rng(0).normal(0.5, 0.1, (CONFIGURED, 1)), 0, 1)
    tier = tier_numbers(probability, params.signals.ranges)
    inputs = TradingInputs(aligned, probability, np.full(probability.shape, 0.5), tier)
    stops = iter(np.linspace(4, 8, ROUNDS + 1).tolist())
    taken = best_of(lambda: run(inputs.plan(params.changed("signals", stop=next(stops))), EQUITY))
    orders = len(inputs.plan(params).orders)
    return f"{'a configuration':22} {1000 * taken:6.1f} ms, signals of {CONFIGURED} bars, {orders} orders"


def shared_subset(n_bars: int, with_stops: bool) -> tuple[Arrays, Rules, dict[str, np.ndarray]]:
    """A market that both engines model, as each of them takes it."""
    candles, clock, symbols = market(n_bars, 1)
    candles["target"] = candles["slippage"] = 0.0
    clock["nights"] = 0
    candles["quantity"] = np.round(candles["quantity"], 2)
    decisions = np.arange(10, n_bars - 40, 32)  # apart, so that no exit shares a bar with an entry
    side = np.zeros(n_bars, np.int8)
    side[decisions] = np.random.default_rng(1).choice([-1, 1], decisions.size)
    candles["stop"] = 1e6
    given = {name: candles[name][:, 0].copy() for name in ("open", "high", "low", "close")}
    if with_stops:
        candles["half_spread"] = 0.0
        candles["stop"][:-1, 0] = STOP * given["open"][1:]  # of a fill that is known here, and only here
        # The other looks at stops from the next bar on, and before it lets time end a trade.
        side[_is_hit(side, given, 1) | _is_hit(side, given, 1 + HORIZON)] = 0
        given["stop"] = STOP
    candles["side"] = side[:, None]
    given["size"] = np.roll(candles["quantity"][:, 0], 1)  # of the close before the entry
    for name, sign in (("long", 1), ("short", -1)):
        given[f"{name}_entry"] = np.roll(side == sign, 1)
        given[f"{name}_exit"] = np.roll(side == sign, 1 + HORIZON)
    given |= {
        "commission": symbols["fee"]["rate"][0],
        "half_spread": candles["half_spread"][0, 0],
        "cash": 1e9,
    }
    return (candles, clock, symbols), Rules(1e9, HORIZON, 1, 1, 1.0, 0.0, np.inf, 0.0, 0.0), given


def _is_hit(side: np.ndarray, given: dict[str, np.ndarray], later: int) -> np.ndarray:
    """Whether a trade decided at each bar would meet its stop in the bar so many `later`."""
    entry = np.roll(given["open"], -1)
    low, high = (np.roll(given[name], -later) for name in ("low", "high"))
    return np.where(side > 0, low <= entry * (1 - STOP), high >= entry * (1 + STOP))


def against_vectorbt(python: str, with_stops: bool) -> None:
    """Print both engines' times on the same market, after comparing their trades."""
    arrays, rules, given = shared_subset(1_000_000, with_stops)
    shared, orders = split(arrays, rules.basis)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "market.npz"
        np.savez(path, **given)
        command = [python, "benchmarks/vectorbt_rate.py", str(path), str(ROUNDS)]
        few, every, theirs = [], [], []
        for _ in range(3):
            few.append(best_of(lambda: run_orders(shared, orders, rules, EQUITY)))
            every.append(best_of(lambda: run_orders(shared, orders, rules)))
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            theirs.append(float(done.stdout.split()[-1]))
        entry, leave, pnl = np.load(f"{path}.trades.npy")
    trades = run_orders(shared, orders, rules).trades
    if not (np.array_equal(trades["entry_bar"], entry) and np.array_equal(trades["exit_bar"], leave)):
        sys.exit("the engines do not trade the same bars")
    difference = np.abs(trades["net_pnl"] - pnl).max()
    if difference >= SAME:
        sys.exit(f"net PnL of a trade differs by {difference}")
    what = "stops" if with_stops else "spread"
    print(f"vectorbt, {what}: {1000 * min(theirs):.1f} ms; {len(trades)} trades differ by {difference:.0e}")
    for name, ours in (("trades, equity and lowest equity", min(few)), ("every column", min(every))):
        print(f"  {name}: {1000 * ours:.1f} ms, {min(theirs) / ours:.1f} times")


def main() -> None:
    """Print a line a task."""
    for n_bars, n_symbols, name in (
        (1_000_000, 1, "a million candles"),
        (525_600, 4, "four symbols, a year"),
    ):
        shared, orders = split(market(n_bars, n_symbols), ALL_RULES.basis)
        result = run_orders(shared, orders, ALL_RULES)
        every, few = (
            best_of(lambda s=shared, o=orders, c=columns: run_orders(s, o, ALL_RULES, c))
            for columns in (ALL, EQUITY)
        )
        checked = best_of(lambda s=shared: TradedMarket(s.quotes, s.clock, s.symbols, s.basis))
        what = f"every rule on, {len(result.trades)} trades; equity and its lowest alone {1000 * few:.1f} ms"
        print(f"{name:22} {1000 * every:6.1f} ms, {what}; its check once {1000 * checked:.1f} ms")
    print(time_configurations())
    params = Params.read().section("ftmo", FtmoParams)
    program = params.programs[params.program]
    limits = limits_of(program, next(iter(program.phases.values())), params, 100_000.0)
    days = whole_days(result.series, result.series["equity_low"], shared.clock["day"])
    taken = best_of(lambda: challenge_pass_probability([days], limits, params, 1))
    paths = f"{params.odds_paths} paths of {params.odds_days} days at most"
    print(f"{'challenges':22} {1000 * taken:6.1f} ms, {paths}")
    if len(sys.argv) > 1:
        against_vectorbt(sys.argv[1], with_stops=False)
        against_vectorbt(sys.argv[1], with_stops=True)


if __name__ == "__main__":
    main()
