"""From predictions to backtests of all symbols on one account, and to FTMO's verdict on them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.backtest.engine import ALL, BacktestResult, run_orders
from tapeline.backtest.ftmo import PhaseResult, judge_program
from tapeline.backtest.pass_probability import OF_DAYS, PassProbability, program_pass_probability, whole_days
from tapeline.backtest.portfolio import Plan, align_candles, align_predictions, plan_orders
from tapeline.backtest.pricing import Market, PricedMarket, price_market
from tapeline.backtest.signals import make_signals
from tapeline.schema import KEYS, PRICES
from tapeline.store.tables import read_table
from tapeline.tiers import NO_TIER
from tapeline.trading.params import TradingParams

FloatArray = NDArray[np.float64]
EXAMINED = 5_000  # trades with random sides, of whole runs, that are kept for the referee


@dataclass(frozen=True)
class TradingInputs:
    """Candles and predictions aligned on one clock: backtests of them under any params."""

    market: Market
    probability: FloatArray
    trend_strength: FloatArray
    tier: NDArray[np.int8] | None = None  # of each prediction; None: by the ranges of the params
    _priced: dict[str, tuple[object, PricedMarket]] = field(default_factory=dict, init=False, repr=False)

    def priced(self, params: TradingParams) -> PricedMarket:
        """The market with the costs of `params`: worked out once while only signals change."""
        terms = params.names, params.costs, params.execution
        if "last" not in self._priced or self._priced["last"][0] != terms:
            self._priced["last"] = terms, price_market(self.market, *terms)
        return self._priced["last"][1]

    def plan(self, params: TradingParams) -> Plan:
        """What the engine is to trade under `params`."""
        signals = make_signals(self.probability, self.trend_strength, params.signals, self.tier)
        rules = params.signals, params.execution, params.hold, params.guard_loss
        return plan_orders(self.priced(params), signals, *rules)

    def trade(self, params: TradingParams) -> BacktestResult:
        """Run one backtest."""
        return run(self.plan(params))


class Judged(NamedTuple):
    """One program's phases, by how equity inside a candle is taken."""

    certain: dict[str, PhaseResult]  # at opens and closes, which all symbols surely had together
    possible: dict[str, PhaseResult]  # at every symbol's worst at once, which is what counts


def align_inputs(
    direction: pd.DataFrame, trend: pd.DataFrame, params: TradingParams, before: pd.Timestamp | None = None
) -> TradingInputs:
    """Align the candles of the predicted symbols from the first prediction on.

    `direction` and `trend` hold `symbol`, `timestamp`, `prediction`, a row a predicted candle; `direction`
    its `tier` as well. Without a candle that opens at `before` or later, where it is given.
    """
    symbols = [str(symbol) for symbol in direction["symbol"].unique()]
    columns = [*KEYS, *PRICES]
    tables = {symbol: read_table("data/candles", symbol, columns) for symbol in symbols}
    if before is not None:
        tables = {symbol: table[table["timestamp"] < before] for symbol, table in tables.items()}
    windows = params.execution.volatility_candles, params.signals.atr_candles
    market = align_candles(tables, direction["timestamp"].min(), params.minutes, *windows)
    probability, strength = (align_predictions(market, rows, "prediction") for rows in (direction, trend))
    tier = align_predictions(market, direction, "tier")
    return TradingInputs(
        market, probability, strength, np.where(np.isnan(tier), NO_TIER, tier).astype(np.int8)
    )


def run(plan: Plan, columns: tuple[str, ...] = ALL) -> BacktestResult:
    """Run the engine on a plan; `columns` as of `run_orders`."""
    return run_orders(plan.priced.traded, plan.orders, plan.rules, columns)


def certain_low(result: BacktestResult) -> FloatArray:
    """Equity that all symbols surely had together: the lower of open and close; shape (n_bars,)."""
    lower: FloatArray = np.minimum(result.series["equity_open"], result.series["equity"])
    return lower


def judge(result: BacktestResult, plan: Plan, params: TradingParams, first_bar: int = 0) -> dict[str, Judged]:
    """Judge the account under every program, begun at `first_bar`."""
    return {
        name: Judged(
            *(
                judge_program(
                    result.bars, worst, plan.clock["day"], program, params.ftmo, plan.rules.initial_balance,
                    first_bar,
                )
                for worst in (certain_low(result), result.bars["equity_low"])
            )
        )
        for name, program in params.ftmo.judged.items()
    }  # fmt: skip


class RandomSides(NamedTuple):
    """The same decisions and costs with random sides, or times: what no edge at all comes to."""

    net_pnl: FloatArray  # (control_runs,) account currency
    days: list[NDArray[np.void]]
    trades: Sequence[NDArray[np.void]] = ()  # of the first runs, which the referee looks at

    def p_value(self, net: float) -> float | None:
        """Share of the runs, this one counted, that came to at least `net`; None if any is not a number."""
        if not np.isfinite([net, *self.net_pnl]).all():
            return None
        return float((1 + (self.net_pnl >= net).sum()) / (1 + self.net_pnl.size))


def trade_random_sides(plan: Plan, params: TradingParams) -> RandomSides:
    """Trade `plan` again and again with coins in place of its predictions."""
    rng = np.random.default_rng(params.evaluation.seed)
    net, days, trades = [], [], list[NDArray[np.void]]()
    for _ in range(params.ftmo.control_runs):
        result = run(plan.with_random_sides(rng), OF_DAYS)
        if sum(map(len, trades)) < EXAMINED:
            trades.append(result.trades)
        net.append(float(result.series["balance"][-1] - plan.rules.initial_balance))
        days.append(whole_days(result.series, result.series["equity_low"], plan.clock["day"]))
    return RandomSides(np.array(net), days, trades)


def pass_probabilities(
    days: list[NDArray[np.void]], params: TradingParams, level: float | None = None
) -> dict[str, dict[str, PassProbability]]:
    """Pass probability of every program's phases, from whole days of one run or of several."""
    return {
        name: program_pass_probability(
            days, program, params.ftmo, params.signals.initial_balance, params.evaluation.seed, level
        )
        for name, program in params.ftmo.judged.items()
    }
