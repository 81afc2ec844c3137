"""What FTMO's rules made of the trading, as metrics, tables and probabilities."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from tapeline.backtest.engine import BacktestResult
from tapeline.backtest.ftmo import FtmoParams, count_by_day, starts
from tapeline.backtest.pass_probability import FAN, PassProbability
from tapeline.backtest.portfolio import Plan
from tapeline.backtest.pricing import Market
from tapeline.evaluation.account_metrics import ProgramFigures, VerdictFigures
from tapeline.trading.accounts import Judged, RandomSides, judge
from tapeline.trading.params import TradingParams

Figures = dict[str, Any]
Judgement = dict[str, Judged]


def ftmo_figures(
    result: BacktestResult,
    plan: Plan,
    params: TradingParams,
    judged: Judgement,
    own: dict[str, dict[str, PassProbability]],
    random: dict[str, dict[str, PassProbability]],
    control: RandomSides,
) -> Figures:
    """Declared metrics of the chosen program, its first phase; margins are fractions of the capital.

    All are None of an account that FTMO does not watch.
    """
    ftmo, initial = params.ftmo, params.signals.initial_balance
    if ftmo.chosen is None:
        return dict.fromkeys(ProgramFigures.names())
    name, first = next(iter(judged[ftmo.program].possible.items()))
    verdict = verdict_figures(result, params, judged)
    has_traded = bool(result.trades.size)
    net = float(result.bars["balance"][-1] - initial)
    chance, coin = own[ftmo.program][name], random[ftmo.program][name]
    figures = {
        **verdict,
        "days_taken": first.days,
        "trading_days": first.trading_days,
        "daily_margin": first.daily_margin / initial,
        "max_margin": first.max_margin / initial,
        "profit": first.profit / initial,
        "best_day_share": first.best_day_share,
        "pass_probability": chance.passed,
        "pass_probability_low": chance.low,
        "pass_probability_high": chance.high,
        "pass_probability_random_sides": coin.passed,
        "pass_probability_gain": None if chance.low is None else chance.low - coin.passed,
        "daily_loss_probability": chance.daily_loss,
        "max_loss_probability": chance.max_loss,
        "unfinished_probability": chance.unfinished,
        "median_days_to_pass": chance.days[1] if chance.days else None,
        "zero_edge_p_value": control.p_value(net),
    }
    if not has_traded:
        figures = dict.fromkeys(figures) | verdict
    figures |= {
        "requests_a_day": count_by_day(result.bars["n_requests"], plan.clock["day"]),
        "is_within_limits": int(_within_limits(result, plan, ftmo)),
    }
    return {name: figures[name] for name in ProgramFigures.names()}


def verdict_figures(result: BacktestResult, params: TradingParams, judged: Judgement) -> Figures:
    """What the chosen program made of an account, 1 or 0 each, None without a program.

    Nothing happens to an account that never traded.
    """
    ftmo = params.ftmo
    if ftmo.chosen is None:
        return dict.fromkeys(VerdictFigures.names())
    phases = judged[ftmo.program].possible
    with_target = [key for key, phase in ftmo.chosen.phases.items() if phase.target is not None]
    first = next(iter(phases.values()))
    figures = {
        "program_passed": int(all(key in phases and phases[key].status == "passed" for key in with_target)),
        "first_phase_passed": int(first.status == "passed"),
        "breached": int(any(phase.status in ("daily_loss", "max_loss") for phase in phases.values())),
    }
    return figures if result.trades.size else dict.fromkeys(figures, 0)


def phase_tables(judged: Judgement, market: Market) -> Figures:
    """Each program's phases: verdict, when, margins; what was certain beside what was possible."""
    return {
        program: {
            kind: {
                name: asdict(phase) | _when(phase.first_bar, phase.bar, market)
                for name, phase in phases.items()
            }
            for kind, phases in both._asdict().items()
        }
        for program, both in judged.items()
    }


def start_tables(result: BacktestResult, plan: Plan, params: TradingParams) -> Figures:
    """How each program's first phase went from every day on which it could have begun; days overlap."""
    day = plan.clock["day"]
    begun = [judge(result, plan, params, int(bar)) for bar in starts(result.bars, day)]
    table = {}
    for program in params.ftmo.judged:
        first = [next(iter(judged[program].possible.values())) for judged in begun]
        counts = pd.Series([phase.status for phase in first]).value_counts()
        table[program] = {"starts": len(first)} | {str(name): int(n) for name, n in counts.items()}
    return table


def _within_limits(result: BacktestResult, plan: Plan, ftmo: FtmoParams) -> bool:
    day = plan.clock["day"]
    return (
        count_by_day(result.bars["n_requests"], day) <= ftmo.requests_a_day
        and count_by_day(result.bars["n_opened"], day) <= ftmo.positions_a_day
        and int(result.bars["n_open"].max(initial=0)) <= ftmo.positions_at_once
    )


def _when(first_bar: int, bar: int, market: Market) -> Figures:
    return {"from": str(market.timestamp[first_bar]), "until": str(market.timestamp[bar])}


def pass_probability_table(programs: dict[str, dict[str, PassProbability]]) -> Figures:
    """Pass probability of each program's phases, without the fan."""
    return {
        program: {
            name: {key: value for key, value in asdict(phase).items() if key != "fan"}
            for name, phase in phases.items()
        }
        for program, phases in programs.items()
    }


def fan_table(
    own: dict[str, dict[str, PassProbability]],
    random: dict[str, dict[str, PassProbability]],
    params: TradingParams,
) -> pd.DataFrame:
    """Quantiles of balance after each day of a resampled challenge, beside those without an edge.

    Without a line where no program is judged.
    """
    columns = [f"q{round(100 * q):02d}" for q in FAN]
    if params.ftmo.chosen is None:
        return pd.DataFrame(columns=[*columns, "day", "kind"])
    parts = []
    for kind, programs in (("model", own), ("random sides", random)):
        fan = next(iter(programs[params.ftmo.program].values())).fan
        table = pd.DataFrame(fan, columns=columns)
        parts.append(table.assign(day=np.arange(1, len(fan) + 1), kind=kind))
    return pd.concat(parts, ignore_index=True)
