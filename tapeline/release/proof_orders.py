"""What is ordered at a close, when all candles and predictions from the next one on are others.

Here the backtest alone runs again, in this process: that costs milliseconds, so that hundreds of closes that
decided are tried.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.backtest.engine import BacktestResult
from tapeline.backtest.portfolio import Plan, align_candles, align_predictions
from tapeline.backtest.pricing import Market
from tapeline.backtest.tiers import add_tiers
from tapeline.models.table import TRADED
from tapeline.promotion.proofs import ProvedPart
from tapeline.release.proof_compare import ALL, Comparison
from tapeline.release.proof_moments import Array, Tables, times_of
from tapeline.release.proof_run import CANDLES, Run
from tapeline.release.proof_trading import judged_unchanged
from tapeline.schema import KEYS, PRICES
from tapeline.store.tables import read_table
from tapeline.tiers import NO_TIER
from tapeline.trading.accounts import TradingInputs, run
from tapeline.trading.params import TradingParams

CLOSES = 200  # that are tried
ORDER = ["symbol", "side", "tier", "decision_bar", "quantity"]
Records = NDArray[np.void]


def prove_orders(proved: Run, rng: np.random.Generator) -> ProvedPart:
    """Replace all that follows a close that decided: what was planned, ordered and held by then stays."""
    params = TradingParams.read(proved.params)
    tables, inputs = traded_inputs(proved, params)
    plan = inputs.plan(params)
    result = run(plan)
    times, comparison = times_of(inputs.market.timestamp.to_frame(name="timestamp")), Comparison()
    closes = choose_closes(plan, result, rng)
    for close in closes.tolist():
        moment, n_bars = int(times[close]) + proved.interval, close + 1
        changed = with_other_future(inputs, tables, n_bars, moment, params, rng)
        other_plan = changed.plan(params)
        other = run(other_plan)
        pairs = {
            "plan": (plan.candles[:n_bars], other_plan.candles[:n_bars]),
            "bars": (result.bars[:n_bars], other.bars[:n_bars]),
        }
        for name, records in pairs.items():
            comparison.arrays("evaluate", ALL, name, records, times, moment)
        orders = [orders_until(each, close) for each in (result, other)]
        comparison.figures("evaluate", [{"orders": len(each)} for each in orders], moment)
        at = times[orders[0]["decision_bar"]]
        comparison.arrays("evaluate", ALL, "order", orders, at, moment)
    return ProvedPart(name="orders at a close", moment=None, trials=closes.size, values=comparison.compared)


def traded_inputs(proved: Run, params: TradingParams) -> tuple[Tables, TradingInputs]:
    """Candles of the proved fold's test and what is known before it, and what its models say of them."""
    direction, trend = TRADED
    said = judged_unchanged(proved).predictions
    rows = add_tiers(said[direction.name, "test"], params.signals, said[direction.name, "validation"])
    first = rows["timestamp"].min()
    before = 2 * max(params.execution.volatility_candles, params.signals.atr_candles) + 2
    tables = {}
    for symbol in rows["symbol"].astype(str).unique():
        table = read_table(proved.root / CANDLES, symbol, [*KEYS, *PRICES])
        start = max(0, int(table["timestamp"].searchsorted(first)) - before)
        tables[symbol] = table.iloc[start:].reset_index(drop=True)
    market = align(tables, first, params)
    probability = align_predictions(market, rows, "prediction")
    strength = align_predictions(market, said[trend.name, "test"], "prediction")
    tier = align_predictions(market, rows, "tier")
    known = np.where(np.isnan(tier), NO_TIER, tier).astype(np.int8)
    return tables, TradingInputs(market, probability, strength, known)


def align(tables: Tables, first: pd.Timestamp, params: TradingParams) -> Market:
    """Candle tables on one clock from `first` on."""
    windows = params.execution.volatility_candles, params.signals.atr_candles
    return align_candles(tables, first, params.minutes, *windows)


def choose_closes(plan: Plan, result: BacktestResult, rng: np.random.Generator) -> Array:
    """Bars to try, in order: half of them decided something, the others had a side; without any, all."""
    made = np.unique([*result.trades["decision_bar"], *result.refused["decision_bar"]]).astype(np.int64)
    sided = np.flatnonzero((plan.candles["side"] != 0).any(axis=1))
    pools = [pool for pool in (made, np.setdiff1d(sided, made)) if pool.size] or [np.arange(len(plan.clock))]
    share = CLOSES // len(pools)
    chosen = [rng.choice(pool, min(share, pool.size), replace=False) for pool in pools]
    return np.sort(np.concatenate(chosen))


def with_other_future(
    inputs: TradingInputs, tables: Tables, n_bars: int, moment: int, params: TradingParams,
    rng: np.random.Generator,
) -> TradingInputs:  # fmt: skip
    """The same up to `moment`, microseconds; from there prices walk elsewhere, predictions change places."""
    changed = {}
    for symbol, table in tables.items():
        is_later = times_of(table) >= moment
        deviation = 2 * float(np.log(table["close"]).diff().std())
        walk = np.exp(np.cumsum(rng.normal(0.0, deviation, int(is_later.sum()))))
        other = table.copy()
        other.loc[is_later, list(PRICES)] = other.loc[is_later, list(PRICES)].mul(walk, axis=0)
        changed[symbol] = other
    market = align(changed, inputs.market.timestamp[0], params)
    order = np.arange(len(inputs.probability))
    order[n_bars:] = rng.permutation(order[n_bars:])
    probability = inputs.probability[order]
    is_turned = (np.arange(len(order)) >= n_bars) & (rng.random(len(order)) < 0.5)
    probability[is_turned] = 1 - probability[is_turned]
    tier = None if inputs.tier is None else inputs.tier[order]
    return replace(
        inputs, market=market, probability=probability, trend_strength=inputs.trend_strength[order], tier=tier
    )


def orders_until(result: BacktestResult, close: int) -> Records:
    """Orders made up to a close, filled later or not, and sides refused, by bar and symbol; of `ORDER`."""
    parts = [lines[lines["decision_bar"] <= close][ORDER] for lines in (result.trades, result.refused)]
    rows = np.concatenate([part.astype(parts[0].dtype) for part in parts])
    return rows[np.lexsort((rows["symbol"], rows["decision_bar"]))]
