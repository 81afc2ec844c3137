"""How figures are said to people: shares as percent, money with its currency, p-values as bounds, yes and no.

Fractions stay fractions in files; only here do they become words. What a figure is, its key tells.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

NONE = "–"
TINY = 0.001  # p-values below it are said as less than it: no interval here is that exact
# Keys whose names people say otherwise than their underscores.
NAMES = {
    "accuracy_all": "accuracy",
    "accuracy_all_low": "accuracy, low end",
    "accuracy_all_high": "accuracy, high end",
    "accuracy_best_control": "accuracy of the best control",
    "share_of_ceiling": "share of the ceiling",
    "above_ceiling_low": "lead over the ceiling, low end",
    "accuracy_without_ceiling": "accuracy where no ceiling is known",
    "mcc": "Matthews correlation",
    "roc_auc": "area under the ROC curve",
    "brier": "Brier score",
    "ece": "calibration error",
    "brier_skill": "Brier skill",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r2": "R²",
    "net_pnl": "net PnL",
    "net_pnl_low": "net PnL, low end",
    "net_pnl_high": "net PnL, high end",
    "gross_pnl": "gross PnL",
    "return_": "return",
    "max_drawdown": "largest drawdown",
    "max_drawdown_inside": "largest drawdown inside candles",
    "sharpe_ratio": "Sharpe ratio",
    "sortino_ratio": "Sortino ratio",
    "calmar_ratio": "Calmar ratio",
    "probabilistic_sharpe": "probability that the Sharpe ratio is positive",
    "turnover_a_day": "turnover a day, in balances",
    "exposure": "time with a position",
    "zero_edge_p_value": "p-value against random sides",
    "pass_probability": "probability of passing",
    "pass_probability_low": "probability of passing, low end",
    "pass_probability_high": "probability of passing, high end",
    "pass_probability_random_sides": "probability of passing with random sides",
    "pass_probability_gain": "lead in passing over random sides",
    "p_value": "p-value",
    "p_adjusted": "adjusted p-value",
    "lead_over_controls_low": "lead over the best control, low end",
    "lead_over_rules_low": "lead over the best rule, low end",
    "candidate_is_constant": "candidate says one thing only",
    "coverage_tier_a": "share of candles in tier A",
    "precision_tier_a": "hits in tier A",
    "hold": "candles held",
    "diebold_mariano": "Diebold-Mariano statistic",
    "coverage_by_confidence_tier_a": "share of candles in tier A by confidence",
    "pnl": "net PnL",
    "control": "best control",
    "coverage_of_share_tier_a": "share of candles in tier A against what was asked",
    "failed": "gates failed",
    "psi": "PSI",
    "trade.mfe": "best excursion",
    "trade.mae": "worst excursion",
    "skill": "skill on validation",
    "drawdown": "drawdown",
    "mean_exposure_share": "mean exposure, of the balance",
    "share_of_time_held": "time held",
}
SHARES = re.compile(
    r"(accuracy|hit_rate|win_rate|precision|recall|coverage|drawdown|share|probability|ceiling|_margin$"
    r"|^ece(_low|_high)?$|_ece$|^return_$|^control$|^profit$|^exposure$|probabilistic_sharpe"
    r"|lead_over_(rules|controls)_low$|^difference(_low|_high)?$)"
)
NO_SHARES = re.compile(r"(_days|_rows|mae|rank_correlation|_ms)")
# What a file has in money that another has as a share is said by where it stands: `phase.profit`.
MONEY = re.compile(
    r"(pnl|_cost$|^swap$|^average_win$|^average_loss$|^largest_loss$|^mean_notional$|^balance$"
    r"|^phase\.(daily_margin|max_margin|profit)$|^trade\.(mae|mfe)$)"
)
P_VALUES = re.compile(r"(^|_)p_(value|adjusted)$")
BOOLEANS = re.compile(r"(^|_)(passed|breached|is_[a-z_]+|has_skill|leaking|kept|tiers_are_in_order)$")
TIMES = re.compile(r"^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(:\d\d)?(\.\d+)?(Z|\+00:00)$")


@dataclass(frozen=True)
class Wording:
    """Says figures of one run. currency : of the account; control_runs : of random sides."""

    currency: str
    control_runs: int = 0

    def said(self, value: Any, key: str = "") -> str:
        """`value` as its `key` asks for it; a dash where it is not defined."""
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return NONE
        if isinstance(value, str):
            time = TIMES.match(value)
            return f"{time[1]} {time[2]}" if time else value
        if isinstance(value, dict):
            return ", ".join(f"{name_of(name)} {self.said(item, name)}" for name, item in value.items())
        if isinstance(value, list | tuple):
            return ", ".join(self.said(item, key) for item in value)
        if not isinstance(value, int | float):  # a key that this record lacks
            return str(value)
        if isinstance(value, bool) or (BOOLEANS.search(key) and value in (0, 1)):
            return "yes" if value else "no"
        if P_VALUES.search(key):
            return p_value(value, 1 / (1 + self.control_runs) if key.startswith("zero_edge") else 0.0)
        if MONEY.search(key):
            return self.money(value)
        if SHARES.search(key) and not NO_SHARES.search(key):
            return percent(value)
        return plain(value)

    def money(self, value: float | None, signed: bool = False) -> str:
        """Whole units with the currency, hundredths below 1,000 in size; a plus where it is `signed`."""
        if value is None:
            return NONE
        decimals = 0 if abs(value) >= 1000 or value == int(value) else 2
        text = format(value, f"{'+' if signed else ''},.{decimals}f")
        return f"{minus(text)} {self.currency}"

    def gate(self, limit: str, key: str) -> str:
        """A limit, as in `>= 0.68`, with its figure in the words of `key`."""
        sign, _, figure = limit.partition(" ")
        try:
            value = float(figure)
        except ValueError:
            return limit
        if BOOLEANS.search(key):
            return self.said(value, key)
        return f"{'≥' if sign == '>=' else '≤'} {self.said(value, key)}"


def name_of(key: str) -> str:
    """The name that people say for a key, of a metric or of a gate (FILE.METRIC)."""
    last = key.rpartition(".")[2]
    if key in NAMES:
        return NAMES[key]
    if last in NAMES:
        return NAMES[last]
    own = last.removeprefix("candidate_")
    if own != last and own in NAMES:
        return f"{NAMES[own]}, of the candidate alone"
    return last.replace("_", " ").strip() or key


def percent(value: float | None, signed: bool = False) -> str:
    """A share as percent: a decimal between 0.1 and 99.9, two below."""
    if value is None:
        return NONE
    hundred = 100 * value
    decimals = 1 if abs(hundred) >= 1 or hundred == 0 else 2
    text = f"{hundred:{'+' if signed else ''}.{decimals}f}"
    if decimals == 1 and hundred == round(hundred):
        text = text.removesuffix(".0")
    return f"{minus(text)} %"


def equated(said: str) -> str:
    """What follows a figure's name: a bound as it is, `≤ 0.01`, anything else after an equals sign."""
    return said if said[0] in "≤<" else f"= {said}"


def p_value(value: float, floor: float = 0.0) -> str:
    """A p-value as a bound: no smaller than its `floor` lets it be, and not more exact than it is."""
    if value <= floor * (1 + 1e-9):
        return (
            f"≤ {math.ceil(floor * 1000 - 1e-9) / 1000:g}"
            if floor < 0.0095
            else f"≤ {math.ceil(floor * 100 - 1e-9) / 100:g}"
        )
    if value < TINY:
        return f"< {TINY:g}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def plain(value: float) -> str:
    """A number that is neither share nor money: four significant digits, thousands apart."""
    if isinstance(value, int) or abs(value) >= 1e4:
        return minus(f"{value:,.0f}")
    if value == int(value):
        return minus(f"{value:.0f}")
    return minus(f"{value:.3g}" if abs(value) < 1e-3 else f"{value:.4g}")


def minus(text: str) -> str:
    """The sign as it is set in print, so that a line never breaks behind it."""
    return text.replace("-", "−") if not re.search(r"e-", text) else re.sub(r"^-", "−", text)
