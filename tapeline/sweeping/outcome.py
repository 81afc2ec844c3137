"""What a sweep came to: the chosen configuration beside that of params.yaml, and what is said of both."""

import shlex
from dataclasses import dataclass

from tapeline.reports.pages import figure
from tapeline.sweeping.charts import written
from tapeline.sweeping.finalists import Finalist, choose
from tapeline.sweeping.plan import SweepPlan
from tapeline.sweeping.predictions import TESTS


@dataclass(frozen=True)
class Outcome:
    """The finalists of a sweep, best first.

    on : what was traded, `inner` or `tests`; trials : that the Sharpe ratios are deflated by
    span : open times of the first and the last candle of the accounts; first_test : when the first reported
    test begins
    present : the account of the values of params.yaml
    """

    plan: SweepPlan
    on: str
    trials: int
    span: tuple[str, str]
    first_test: str
    present: Finalist
    finalists: list[Finalist]

    @property
    def chosen(self) -> Finalist:
        """The best whose account broke no limit."""
        return choose(self.finalists)

    @property
    def is_on_tests(self) -> bool:
        """Whether reported figures were swept on."""
        return self.on == TESTS

    @property
    def is_present_best(self) -> bool:
        """Whether nothing that was tried is better than params.yaml."""
        return self.chosen.number == 0

    @property
    def is_surely_worth_it(self) -> bool:
        """Whether the chosen one's interval of net PnL lies above that of an account that never trades."""
        low = self.chosen.figures["net_pnl_low"]
        return low is not None and low > 0

    @property
    def line(self) -> str:
        """The command that runs the pipeline with the chosen configuration."""
        pairs = zip(self.plan.keys, self.plan.choices[self.chosen.number], strict=True)
        settings = [f"-S {shlex.quote(f'{key}={written(value)}')}" for key, value in pairs]
        return " ".join(["dvc exp run", *settings])

    @property
    def lines(self) -> list[str]:
        """What a person should know, the command last."""
        told = [f"params.yaml: {self._told(self.present)}"]
        if self.is_present_best:
            told.append(f"none of {self.plan.tried} configurations is better")
        else:
            best = f"best of {self.plan.tried} configurations, number {self.chosen.number}"
            told.append(f"{best}: {self._told(self.chosen)}")
            told.append(f"{self._deflated}; the best of many is flattered by the choice")
        if not self.is_surely_worth_it:
            told.append("none that trades is surely better than not to trade: no low end is above 0")
        return [*told, self.line]

    @property
    def _deflated(self) -> str:
        value = self.chosen.deflated_sharpe
        if value is None:
            return "it has no Sharpe ratio to deflate, too few days were traded to judge it by"
        return f"deflated Sharpe ratio {value:.3f}, by {self.trials} trials"

    def _told(self, each: Finalist) -> str:
        figures = each.figures
        trades = figures["trades"]
        if not trades:
            return "no trades"
        ends = ", ".join(figure(figures[name]) for name in ("net_pnl_low", "net_pnl_high"))
        chance = each.probability
        told = f"{trades} {'trade' if trades == 1 else 'trades'}, "
        told += (
            f"net PnL {figure(figures['net_pnl'])} [{ends}], "
            f"drawdown {figure(figures['max_drawdown_inside'])}"
        )
        if chance is not None:
            ends = ", ".join(figure(end) for end in (chance.low, chance.high))
            told += f", passes with probability {figure(chance.passed)} [{ends}]"
        return told + (", breaks a limit" if each.breached else "")
