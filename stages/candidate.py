"""The candidate alone: what the model that ships did on its own test, beside the pool of all folds."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from stages.ftmo_figures import phase_tables, verdict_figures
from stages.tiers import model_ranges
from stages.trading import judge, open_desk, run
from stages.trading_figures import account_figures
from stages.trading_params import TradingParams
from tapeline.evaluation.degenerate import reason_of
from tapeline.evaluation.performance import daily_pnl
from tapeline.evaluation.scorecard import direction_figures, trend_figures
from tapeline.evaluation.trades import NOTHING
from tapeline.tiers import is_constant

Figures = dict[str, Any]
DECLARED = {  # metrics/NAME.json: figures that stand there beside the pool's, as `candidate_FIGURE`
    "lstm": ("accuracy_all", "accuracy_all_low", "ece", "is_constant"),
    "transformer": ("mae", "rank_correlation", "is_constant"),
    "backtest": ("trades", "net_pnl", "net_pnl_low", "max_drawdown_inside"),
    "ftmo": ("first_phase_passed", "breached"),
}


@dataclass(frozen=True)
class Candidate:
    """Which rows speak of it: the last fold's test; a refitted model has none, and carries all folds'."""

    n_folds: int
    is_refit: bool
    validations: dict[str, pd.DataFrame]  # by network: what every model says of its validation

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Those of a table of test rows with their `fold`."""
        return (table if self.is_refit else table[table["fold"] == self.n_folds - 1]).reset_index(drop=True)

    @property
    def record(self) -> Figures:
        """What ships, and whose figures it carries."""
        last = f"fold_{self.n_folds - 1}"
        return {
            "model": "refit" if self.is_refit else last,
            "figures_of": "walk_forward" if self.is_refit else last,
        }

    def figures(
        self,
        lstm: pd.DataFrame,
        transformer: pd.DataFrame,
        direction: pd.DataFrame,
        trend: pd.DataFrame,
        params: TradingParams,
    ) -> tuple[dict[str, Figures], Figures, Figures]:
        """Its declared metrics by file, the detail of its scores and that of its account.

        `lstm`, `transformer` : scored rows; `direction`, `trend` : all predicted rows, as for `open_desk`
        """
        tiers, evaluation = params.signals.expected_coverage, params.evaluation
        scores = {
            "lstm": direction_figures(self.rows(lstm), tiers, evaluation),
            "transformer": trend_figures(self.rows(transformer), evaluation),
        }
        for network, scored, predicted in (("lstm", lstm, direction), ("transformer", transformer, trend)):
            scores[network] |= self._explained(network, self.rows(scored), self.rows(predicted))
        fold = self.n_folds if self.is_refit else self.n_folds - 1
        scores["lstm"]["tier_ranges"] = model_ranges(params.signals, self.validations["lstm"], fold)
        account, verdict, traded = trade_alone(self.rows(direction), self.rows(trend), params)
        found = scores | {"backtest": account, "ftmo": verdict}
        metrics = {
            file: {f"candidate_{name}": found[file][name] for name in names}
            for file, names in DECLARED.items()
        }
        return metrics, self.record | scores, self.record | traded

    def _explained(self, network: str, scored: pd.DataFrame, predicted: pd.DataFrame) -> Figures:
        """Whether the model that ships predicts one number, and why its figures mean nothing if they do."""
        if self.is_refit:
            validation = self.validations[network]
            predicted = validation[validation["fold"] == self.n_folds]
        prediction = predicted["prediction"].to_numpy()
        reason = reason_of(scored["prediction"].to_numpy(), scored["label"].to_numpy())
        if is_constant(prediction):
            reason = f"the network predicts the constant {prediction[0]:.4g}" if prediction.size else reason
        return {"is_constant": int(is_constant(prediction)), "reason": reason}


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
    desk = open_desk(direction, trend, params)
    plan = desk.plan(params)
    result = run(plan)
    figures, judged = account_figures(result, desk, params), judge(result, plan, params)
    equity = pd.Series(result.bars["equity"], index=desk.market.timestamp)
    days = daily_pnl(equity, params.signals.initial_balance)
    detail = {
        "from": str(desk.market.timestamp[0]),
        "until": str(desk.market.timestamp[-1]),
        "account": figures,
        "daily_net_pnl": {str(day.date()): pnl for day, pnl in days.items()},
        "ftmo": phase_tables(judged, desk.market),
        "reason": None if result.trades.size else NOTHING,
    }
    return figures, verdict_figures(result, params, judged), detail
