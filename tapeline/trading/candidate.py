"""The candidate's own account: its test alone, begun flat with the initial balance."""

from typing import Any

import pandas as pd

from tapeline.evaluation.account_metrics import BacktestMetrics, FtmoMetrics
from tapeline.evaluation.metrics import CANDIDATE
from tapeline.evaluation.performance import by_date, daily_pnl
from tapeline.evaluation.trades import NOTHING
from tapeline.trading.accounts import align_inputs, judge, run
from tapeline.trading.figures import account_figures
from tapeline.trading.ftmo_figures import phase_tables, verdict_figures
from tapeline.trading.params import TradingParams

Figures = dict[str, Any]
DECLARED = {  # metrics/NAME.json: figures that stand there beside the pool's, as `candidate_FIGURE`
    file: tuple(key.removeprefix(CANDIDATE) for key in metrics.added())
    for file, metrics in (("backtest", BacktestMetrics), ("ftmo", FtmoMetrics))
}


def candidate_figures(
    direction: pd.DataFrame, trend: pd.DataFrame, params: TradingParams
) -> tuple[dict[str, Figures], Figures]:
    """Declared metrics by file, and the detail, of an account on the candidate's rows alone."""
    account, verdict, detail = trade_alone(direction, trend, params)
    figures = {"backtest": account, "ftmo": verdict}
    declared = {
        file: {f"{CANDIDATE}{name}": figures[file][name] for name in names}
        for file, names in DECLARED.items()
    }
    return declared, detail


def trade_alone(
    direction: pd.DataFrame, trend: pd.DataFrame, params: TradingParams
) -> tuple[Figures, Figures, Figures]:
    """An account of its own, begun flat with the initial balance: figures, FTMO's verdict, detail.

    Without a predicted candle there is none: all is null but the count of trades.
    """
    if direction.empty:
        figures = dict.fromkeys(DECLARED["backtest"]) | {"trades": 0}
        detail = dict.fromkeys(("from", "until")) | {"account": figures, "daily_net_pnl": {}, "ftmo": {}}
        return figures, dict.fromkeys(DECLARED["ftmo"]), detail | {"reason": "no candle was predicted"}
    inputs = align_inputs(direction, trend, params)
    plan = inputs.plan(params)
    result = run(plan)
    figures, judged = account_figures(result, inputs, params), judge(result, plan, params)
    equity = pd.Series(result.bars["equity"], index=inputs.market.timestamp)
    days = by_date(daily_pnl(equity, params.signals.initial_balance))
    detail = {
        "from": str(inputs.market.timestamp[0]),
        "until": str(inputs.market.timestamp[-1]),
        "account": figures,
        "daily_net_pnl": days,
        "ftmo": phase_tables(judged, inputs.market),
        "reason": None if result.trades.size else NOTHING,
    }
    return figures, verdict_figures(result, params, judged), detail
