"""The best of a sweep, traded once more the plain way: what is chosen, and how sure of it one may be."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.backtest.ftmo import limits_of
from tapeline.backtest.pass_probability import PassProbability, challenge_pass_probability, whole_days
from tapeline.evaluation.performance import daily_pnl, deflated_sharpe
from tapeline.sweeping.plan import SweepPlan
from tapeline.trading.accounts import TradingInputs, judge, run
from tapeline.trading.figures import account_figures
from tapeline.trading.ftmo_figures import verdict_figures
from tapeline.trading.params import TradingParams

Records = NDArray[np.void]
FINALISTS = 20
JUDGED_BY = "net_pnl_low"


@dataclass(frozen=True)
class Finalist:
    """One of the best choices, under the condition in which it does worst.

    number : of the choice; condition : likewise
    figures : of its account, as metrics/backtest.json has them
    breached : whether the account broke a limit of the chosen program, None without one
    probability : of passing the program's first phase, None without one or without a trade
    deflated_sharpe : probability that its Sharpe ratio is above the best that as many trials would show by
    chance; None where it has no ratio
    """

    number: int
    condition: int
    figures: dict[str, float | int | None]
    breached: bool | None
    probability: PassProbability | None
    deflated_sharpe: float | None


def ranking(figures: Records) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choices from the best on, and the condition in which each does worst, (n_choices,) both.

    A choice is worth the least `JUDGED_BY` of its conditions; one without a trade comes last. Of equals the
    one with more net PnL there comes first, then the one tried first.

    figures : (n_choices, n_conditions) of `figures_dtype`
    """
    lows = np.nan_to_num(figures[JUDGED_BY], nan=-np.inf)
    worst = lows.argmin(axis=1)
    at = np.arange(len(lows)), worst
    net = np.nan_to_num(figures["net_pnl"][at], nan=-np.inf)
    return np.lexsort((np.arange(len(lows)), -net, -lows[at])), worst


def choose(finalists: list[Finalist]) -> Finalist:
    """The best of those whose account broke no limit, or of all where each has broken one."""
    return next((each for each in finalists if not each.breached), finalists[0])


def look_closer(
    plan: SweepPlan,
    figures: Records,
    plainly: Callable[[TradingParams], TradingInputs],
    trials: int,
    on_done: Callable[[int], None] = lambda n: None,
) -> list[Finalist]:
    """The best choices in order, FINALISTS at most, traded as the stage evaluate trades.

    trials : that deflate their Sharpe ratios. AssertionError where one comes to something else than the sweep
    said.
    """
    order, worst = ranking(figures)
    found = []
    for number in order[:FINALISTS].tolist():
        condition = int(worst[number])
        params = plan.signals(plan.given(plan.conditions[condition]), plan.choices[number])
        finalist = trade_plainly(number, condition, plainly(params), params, trials)
        require_same(figures[number, condition], finalist.figures)
        found.append(finalist)
        on_done(1)
    return found


def trade_plainly(
    number: int, condition: int, inputs: TradingInputs, params: TradingParams, trials: int
) -> Finalist:
    """Trade a configuration by itself, with all that is told of it."""
    plan = inputs.plan(params)
    result = run(plan)
    figures, initial = account_figures(result, inputs, params), params.signals.initial_balance
    program, breached, probability = params.ftmo.chosen, None, None
    if program is not None:
        breached = bool(verdict_figures(result, params, judge(result, plan, params))["breached"])
    if program is not None and result.trades.size:
        days = whole_days(result.bars, result.bars["equity_low"], plan.clock["day"])
        limits = limits_of(program, next(iter(program.phases.values())), params.ftmo, initial)
        evaluation = params.evaluation
        probability = challenge_pass_probability(
            [days], limits, params.ftmo, evaluation.seed, evaluation.level
        )
    deflated = None
    if figures["probabilistic_sharpe"] is not None:
        equity = pd.Series(result.bars["equity"], index=inputs.market.timestamp)
        deflated = deflated_sharpe(daily_pnl(equity, initial).to_numpy(), initial, trials)
    return Finalist(number, condition, figures, breached, probability, deflated)


def require_same(swept: np.void, figures: dict[str, float | int | None]) -> None:
    """Raise AssertionError where an account traded by itself has other figures than in the sweep."""
    for name in swept.dtype.names or ():
        value, other = float(swept[name]), figures[name]
        if not np.array_equal(value, np.nan if other is None else other, equal_nan=True):
            raise AssertionError(f"{name} of a configuration is {other}, and {value} in the sweep")
