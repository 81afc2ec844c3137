"""Figures as sentences of a log: rounded, beside their interval, those that are not defined counted."""

from collections.abc import Callable, Mapping
from typing import Any

from tapeline.documents import Metrics
from tapeline.evaluation.account_metrics import BacktestMetrics, FtmoMetrics
from tapeline.evaluation.metrics import DirectionMetrics, TrendMetrics

Figures = Mapping[str, Any]
NOTHING = "undefined"


def percent(value: float | None) -> str:
    """A share as people say it, `69.0 %`."""
    return NOTHING if value is None else f"{100 * value:.1f} %"


def number(value: float | None) -> str:
    """A figure to four digits behind the point."""
    return NOTHING if value is None else f"{value:.4f}"


def money(value: float | None) -> str:
    """Account currency without cents, or a count."""
    return NOTHING if value is None else f"{value:,.0f}"


def sentence(metrics: Metrics) -> str:
    """What `metrics` says first, in a line, and how many of its figures are not defined."""
    figures = metrics.plain()
    n_null = sum(value is None for value in figures.values())
    if n_null == len(figures):
        return "nothing is defined"
    told = TOLD[type(metrics)](figures)
    return f"{told} ({n_null} of {len(figures)} figures undefined)" if n_null else told


def with_interval(figures: Figures, key: str, told: Callable[[float | None], str]) -> str:
    """A figure and the ends of its interval, where it has some."""
    low, high = (figures.get(f"{key}_{end}") for end in ("low", "high"))
    return told(figures[key]) + (f" [{told(low)}, {told(high)}]" if None not in (low, high) else "")


def of_direction(figures: Figures) -> str:
    """Accuracy, what it stands beside, and the quality of the probabilities."""
    ceiling = "" if figures["ceiling"] is None else f", of at most {percent(figures['ceiling'])}"
    return (
        f"right on {with_interval(figures, 'accuracy_all', percent)}{ceiling}; "
        f"the best control on {percent(figures['accuracy_best_control'])}, the lead over each control is "
        f"{percent(figures['lead_over_controls_low'])} or more; log loss {number(figures['log_loss'])}, "
        f"calibration error {with_interval(figures, 'ece', number)}"
    )


def of_trend(figures: Figures) -> str:
    """Error of trend strength and what it stands beside."""
    ceiling = "" if figures["ceiling_mae"] is None else f", of at least {number(figures['ceiling_mae'])}"
    return (
        f"off by {with_interval(figures, 'mae', number)} on average{ceiling}; the best control by "
        f"{number(figures['mae_best_control'])}, the lead over each control is "
        f"{number(figures['lead_over_controls_low'])} or more; "
        f"rank correlation {number(figures['rank_correlation'])}"
    )


def of_account(figures: Figures) -> str:
    """Trades, what they came to, and what it cost."""
    known = None not in (figures["gross_pnl"], figures["net_pnl"])
    paid = figures["gross_pnl"] - figures["net_pnl"] if known else None  # swap is among them
    return (
        f"{money(figures['trades'])} trades in {money(figures['days'])} days, net PnL "
        f"{with_interval(figures, 'net_pnl', money)}, gross {money(figures['gross_pnl'])}, "
        f"costs {money(paid)}; largest drawdown {percent(figures['max_drawdown_inside'])}; "
        f"the candidate alone {money(figures['candidate_net_pnl'])}"
    )


def of_program(figures: Figures) -> str:
    """What FTMO's program makes of the account, and the odds."""
    passed, breached = figures["first_phase_passed"], figures["breached"]
    return (
        f"first phase {'passed' if passed else 'not passed'}, limits {'breached' if breached else 'kept'}; "
        f"odds of passing {with_interval(figures, 'pass_probability', percent)}, "
        f"with random sides {percent(figures['pass_probability_random_sides'])}"
    )


TOLD: dict[type[Metrics], Callable[[Figures], str]] = {
    DirectionMetrics: of_direction,
    TrendMetrics: of_trend,
    BacktestMetrics: of_account,
    FtmoMetrics: of_program,
}
