"""What trading came to, as metrics, tables and curves."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.backtest.engine import BacktestResult
from tapeline.backtest.ftmo import FtmoParams, ProgramParams
from tapeline.backtest.kernel import REASONS
from tapeline.backtest.pass_probability import whole_days
from tapeline.backtest.portfolio import Plan
from tapeline.backtest.pricing import Market
from tapeline.evaluation.account_metrics import AccountFigures
from tapeline.evaluation.performance import (
    RATIOS,
    by_date,
    daily_pnl,
    interval_of_total,
    ratios_reason,
    score_equity,
)
from tapeline.evaluation.trades import NOTHING, describe_trades, score_cells, score_trades
from tapeline.features.sessions import session_masks
from tapeline.models.table import TRADED
from tapeline.trading.accounts import (
    Judged,
    RandomSides,
    TradingInputs,
    judge,
    pass_probabilities,
    run,
    trade_random_sides,
)
from tapeline.trading.ftmo_figures import (
    fan_table,
    ftmo_figures,
    pass_probability_table,
    phase_tables,
    start_tables,
)
from tapeline.trading.params import TradingParams

Figures = dict[str, Any]
Judgement = dict[str, Judged]
OF_FIGURES = "equity", "equity_low", "n_open"  # columns of a backtest that its figures are of
NOT_WATCHED = "ftmo.program is none: nothing is judged by FTMO's rules"


def trading_figures(
    inputs: TradingInputs, params: TradingParams
) -> tuple[Figures, Figures, Figures, dict[str, pd.DataFrame], RandomSides]:
    """Metrics of the backtest and of FTMO's program, detail of both, tables for plots, and random sides."""
    plan = inputs.plan(params)
    result = run(plan)
    initial = params.signals.initial_balance
    equity = pd.Series(result.bars["equity"], index=inputs.market.timestamp)
    backtest = account_figures(result, inputs, params) | {"refused_entries": plan.refused.inside_costs}
    judged = judge(result, plan, params)
    control = trade_random_sides(plan, params)
    days = whole_days(result.bars, result.bars["equity_low"], plan.clock["day"])
    own = pass_probabilities([days], params, params.evaluation.level)
    random = pass_probabilities(control.days, params)
    ftmo = ftmo_figures(result, plan, params, judged, own, random, control)
    curves = {
        "latency": _curve(inputs, plan, params, "execution", "latency_s", params.execution.latency_grid_s),
        "cost_stress": _curve(inputs, plan, params, "costs", "multiple", params.costs.stress),
    }
    detail = {
        "reason": NOTHING if not result.trades.size else None,
        "ratios_reason": ratios_reason(equity, initial) if result.trades.size else NOTHING,
        "refused": refused(plan),
        "trades": describe_trades(result.trades, REASONS, params.minutes),
        "daily_net_pnl": by_date(daily_pnl(equity, initial)),
        **trade_tables(result.trades, inputs.market, params),
        "ablation": ablation(inputs, params),
        **curves,
        "ftmo": {
            "phases": phase_tables(judged, inputs.market),
            "without_guard": phase_tables(_unguarded(inputs, params), inputs.market),
            "starts": start_tables(result, plan, params),
            "odds": pass_probability_table(own),
            "odds_zero_edge": pass_probability_table(random),
            "zero_edge_net_pnl": [float(q) for q in np.quantile(control.net_pnl, [0.05, 0.5, 0.95])],
            "reason": None if params.ftmo.chosen else NOT_WATCHED,
        },
    }
    tables = {name: pd.DataFrame(rows.values()) for name, rows in curves.items()}
    tables |= {
        "equity": equity_table(result, plan, inputs.market, params.ftmo),
        "odds": fan_table(own, random, params),
        "daily_pnl": daily_pnl(equity, initial).rename_axis("day").rename("net_pnl").reset_index(),
    }
    return backtest, ftmo, detail, tables, control


def account_figures(result: BacktestResult, inputs: TradingInputs, params: TradingParams) -> Figures:
    """Declared metrics of one backtest, of its `OF_FIGURES`; None of money and ratios if nothing traded."""
    initial = params.signals.initial_balance
    equity = pd.Series(result.series["equity"], index=inputs.market.timestamp)
    scores = score_equity(equity, result.series["equity_low"], initial)
    trades = score_trades(result.trades)
    if result.trades.size:
        daily = daily_pnl(equity, initial)
        low, high = interval_of_total(daily, params.evaluation.level)
        traded = (
            result.trades["quantity"] * (result.trades["entry_price"] + result.trades["exit_price"])
        ).sum()
        use = {
            "net_pnl_low": low,
            "net_pnl_high": high,
            "exposure": float((result.series["n_open"] > 0).mean()),
            "turnover_a_day": float(traded / initial / scores["days"]),
        }
    else:
        use = dict.fromkeys(("net_pnl_low", "net_pnl_high", "exposure", "turnover_a_day"))
        scores |= dict.fromkeys(name for name in scores if name != "days")
    figures = scores | trades | use | {"unfilled_orders": result.n_unfilled}
    return {key: figures[key] for key in AccountFigures.names()}


def trade_tables(trades: NDArray[np.void], market: Market, params: TradingParams) -> Figures:
    """Trades by symbol and tier, and net PnL by session of the entry, with intervals over days."""
    tiers = params.signals.tier_names
    by_symbol = {name: score_trades(trades[trades["symbol"] == s]) for s, name in enumerate(market.symbols)}
    by_tier = {name: score_trades(trades[trades["tier"] == k]) for k, name in enumerate(tiers)}
    entered = market.timestamp[trades["entry_bar"]]
    sessions: Figures = {}
    if trades.size:
        first, last = market.timestamp[0].floor("D"), market.timestamp[-1].floor("D")
        day = ((entered.floor("D") - first) // pd.Timedelta(days=1)).to_numpy()
        n_days, level = (last - first).days + 1, params.evaluation.level
        sessions = score_cells(trades["net_pnl"], day, session_masks(entered), n_days, level)
    return {"symbols": by_symbol, "tiers": by_tier, "sessions": sessions}


def ablation(inputs: TradingInputs, params: TradingParams) -> dict[str, Figures]:
    """What each rule of the signals is worth: tiers one by one and together, with and without the trend."""
    tiers = params.signals.tier_names
    choices = {"+".join(tiers[: k + 1]): tiers[: k + 1] for k in range(len(tiers))}
    table = {}
    for name, chosen in choices.items():
        for minimum in sorted({0.0, params.signals.minimum_trend, *params.signals.ablation_trends}):
            rule = f"trend of at least {minimum:g}" if minimum else f"{TRADED[0].title} alone"
            changed = params.changed("signals", trade_tiers=chosen, minimum_trend=minimum)
            table[f"tiers {name}, {rule}"] = _brief(inputs, changed)
    free = run(inputs.plan(params).without_stops(), OF_FIGURES)
    return table | {
        "as traded": _brief(inputs, params),
        "without stop and target": _brief(inputs, params, free),
    }


def equity_table(result: BacktestResult, plan: Plan, market: Market, ftmo: FtmoParams) -> pd.DataFrame:
    """Equity, its worst and the floors of the program, NaN without one, hour by hour."""
    bars, initial = result.bars, plan.rules.initial_balance
    day_floor, account_floor = _floors(result, plan, ftmo.chosen)
    table = pd.DataFrame(
        {
            "timestamp": market.timestamp,
            "equity": bars["equity"],
            "lowest": bars["equity_low"],
            "daily_floor": day_floor,
            "account_floor": account_floor,
        }
    ).set_index("timestamp")
    hourly = table.resample("1h").agg(
        {"equity": "last", "lowest": "min", "daily_floor": "max", "account_floor": "max"}
    )
    peak = np.maximum(hourly["equity"].cummax(), initial)
    return hourly.assign(drawdown=1 - hourly["equity"] / peak).reset_index()


def _floors(
    result: BacktestResult, plan: Plan, program: ProgramParams | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Floor of the day and of the account on each bar, NaN without a program; shape (n_bars,) each."""
    initial, day = plan.rules.initial_balance, plan.clock["day"]
    if program is None:
        return np.full(len(day), np.nan), np.full(len(day), np.nan)
    first = np.flatnonzero(np.diff(day, prepend=day[0] - 1))
    midnights = np.append(initial, result.bars["balance"][first[1:] - 1])
    highest = np.maximum(np.maximum.accumulate(midnights), initial) if program.is_trailing else initial
    of_day = np.cumsum(np.isin(np.arange(len(day)), first)) - 1
    account = np.broadcast_to(highest - program.max_loss * initial, midnights.shape)
    return (midnights - program.daily_loss * initial)[of_day], account[of_day]


def refused(plan: Plan) -> Figures:
    """Closes at which a predicted side could not be ordered, by why, and `wanted`, all with a side."""
    counts = plan.refused._asdict()
    return {"wanted": len(plan.orders) + sum(counts.values())} | counts


def _unguarded(inputs: TradingInputs, params: TradingParams) -> Judgement:
    without = params.changed("ftmo", guard=0.0)
    plan = inputs.plan(without)
    return judge(run(plan), plan, without)


def _curve(
    inputs: TradingInputs,
    plan: Plan,
    params: TradingParams,
    section: str,
    key: str,
    values: tuple[float, ...],
) -> dict[str, Figures]:
    """What the orders of `plan` come to under other values of one key: theirs are the sizes."""
    curve = {}
    for value in values:
        changed = params.changed(section, **{key: value})
        result = run(inputs.plan(changed).with_orders_of(plan), OF_FIGURES)
        curve[f"{value:g}"] = {key: value} | _brief(inputs, changed, result)
    return curve


def _brief(inputs: TradingInputs, params: TradingParams, result: BacktestResult | None = None) -> Figures:
    traded = run(inputs.plan(params), OF_FIGURES) if result is None else result
    figures = account_figures(traded, inputs, params)
    names = "trades", "net_pnl", "net_pnl_low", "net_pnl_high", "gross_pnl", "win_rate", "max_drawdown_inside"
    return {name: figures[name] for name in (*names, RATIOS[0])}
