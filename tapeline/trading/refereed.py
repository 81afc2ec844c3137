"""What the referee is given of an account: its trades and equity as plain tables, its rules as numbers."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.backtest.costs import BPS, InstrumentParams, instrument_of
from tapeline.backtest.engine import BacktestResult
from tapeline.backtest.ftmo import ProgramParams
from tapeline.backtest.kernel import REASONS, REFUSALS
from tapeline.backtest.pricing import Market
from tapeline.referee.orders import Account
from tapeline.referee.random_sides import Tossed
from tapeline.referee.rules import AccountRules, InstrumentRules, PhaseRules, ProgramRules
from tapeline.splits.candidate import Candidate
from tapeline.trading.accounts import RandomSides, align_inputs
from tapeline.trading.params import TradingParams

MONEY = "gross_pnl", "spread_cost", "slippage_cost", "commission_cost", "swap", "net_pnl"
FILLED = "side", "quantity", "entry_price", "exit_price"


def traded_accounts(
    direction: pd.DataFrame, trend: pd.DataFrame, candidate: Candidate, params: TradingParams
) -> dict[str, Account]:
    """Trade once more what metrics/backtest.json tells: all tests on one account, the candidate's on its own.

    The referee's figures are of these trades, so others that it was told of would differ.
    """
    rows = {"backtest": (direction, trend), "candidate": (candidate.rows(direction), candidate.rows(trend))}
    accounts = {}
    for title, (sides, strengths) in rows.items():
        if len(sides):
            inputs = align_inputs(sides, strengths, params)
            accounts[title] = as_account(inputs.trade(params), inputs.market)
    return accounts


def as_account(result: BacktestResult, market: Market) -> Account:
    """Trades and refusals of a backtest by symbol and open times; equity at each close, and the worst."""
    table, lines = trades_table(result.trades, market), result.refused
    refused = pd.DataFrame({name: lines[name] for name in ("side", "quantity")})
    refused["symbol"] = pd.Series([market.symbols[s] for s in lines["symbol"]], dtype=str)
    refused["reason"] = pd.Series([REFUSALS[k] for k in lines["reason"]], dtype=str)
    for when in ("decision", "last"):
        refused[f"{when}_time"] = market.timestamp[lines[f"{when}_bar"]]
    return Account(
        table, refused, pd.DataFrame(result.bars[["equity", "equity_low"]], index=market.timestamp)
    )


def trades_table(trades: NDArray[np.void], market: Market) -> pd.DataFrame:
    """Trades by symbol and open times."""
    table = pd.DataFrame({name: trades[name] for name in (*FILLED, *MONEY)})
    table["symbol"] = pd.Series([market.symbols[s] for s in trades["symbol"]], dtype=str)
    table["reason"] = pd.Series([REASONS[k] for k in trades["reason"]], dtype=str)
    for when in ("decision", "entry", "exit"):
        table[f"{when}_time"] = market.timestamp[trades[f"{when}_bar"]]
    return table


def as_tossed(random_sides: RandomSides, market: Market) -> Tossed:
    """What random sides came to, with the trades of the first runs."""
    runs = [trades_table(trades, market) for trades in random_sides.trades]
    return Tossed(random_sides.net_pnl, runs)


def account_rules(params: TradingParams, symbols: tuple[str, ...]) -> AccountRules:
    """What was declared of `symbols`' instruments, of orders and of fills; costs with their multiple."""
    signals, costs, execution = params.signals, params.costs, params.execution
    instruments = {symbol: instrument_of(symbol, params.names, costs) for symbol in symbols}
    return AccountRules(
        instruments={
            symbol: InstrumentRules(
                spread=traded.spread_bps * BPS * costs.multiple,
                commission=traded.commission_bps * BPS * costs.multiple,
                step=traded.lot_step * traded.contract_size,
                maximum=traded.maximum_lots * traded.contract_size,
                is_short_allowed=traded.kind != "spot" and signals.sides == "both",
                swap_long=_swap(traded, traded.swap_long, costs.multiple),
                swap_short=_swap(traded, traded.swap_short, costs.multiple),
                leverage=traded.leverage,
                is_cash=traded.kind == "spot",
            )
            for symbol, traded in instruments.items()
        },
        latency_s=execution.latency_s,
        slippage=execution.slippage * costs.multiple,
        volatility_candles=execution.volatility_candles,
        basis=costs.basis_bps * BPS * costs.multiple,
        widening=costs.widening,
        rollover=costs.rollover,
        swap_nights=costs.swap_nights,
        is_exit_commission=execution.exit_commission,
        hold=params.hold,
        atr_candles=signals.atr_candles,
        stop=signals.stop,
        target=signals.target,
        risk=signals.risk,
        initial_balance=signals.initial_balance,
        max_positions=signals.max_positions,
        max_margin=signals.max_margin,
        guard_loss=params.guard_loss,
        is_always_open=not costs.maintenance,
        programs={name: _program(program) for name, program in params.ftmo.judged.items()},
        program=params.ftmo.program,
        is_touch_breach=params.ftmo.is_touch_breach,
        level=params.evaluation.level,
    )


def _program(program: ProgramParams) -> ProgramRules:
    """A program's limits as plain numbers."""
    phases = {name: PhaseRules(phase.target, phase.minimum_days) for name, phase in program.phases.items()}
    limits = program.daily_loss, program.max_loss, program.is_trailing, program.best_day
    return ProgramRules(*limits, phases)


def _swap(traded: InstrumentParams, a_year: float, multiple: float) -> float:
    """A year's swap: coins in cash have none; only what is paid is a cost, and multiplied as such."""
    if traded.kind == "spot":
        return 0.0
    return a_year * multiple if a_year < 0 else a_year
