"""Everything that trading on predictions comes to: the pool of all folds, the candidate alone, the edge."""

from typing import Any, NamedTuple

import pandas as pd

from tapeline.documents import Metrics
from tapeline.evaluation.account_metrics import BacktestMetrics, FtmoMetrics
from tapeline.referee.random_sides import Tossed
from tapeline.splits.candidate import Candidate
from tapeline.trading.accounts import align_inputs
from tapeline.trading.candidate import candidate_figures
from tapeline.trading.edge import edge_figures
from tapeline.trading.figures import trading_figures
from tapeline.trading.params import TradingParams
from tapeline.trading.refereed import as_tossed


class Traded(NamedTuple):
    """By file name: declared metrics, details, and the tables behind plots; what random sides came to."""

    metrics: dict[str, Metrics]
    details: dict[str, Any]
    plots: dict[str, pd.DataFrame]
    tossed: Tossed


def trade(
    direction: pd.DataFrame,
    trend: pd.DataFrame,
    validation: pd.DataFrame,
    candidate: Candidate,
    params: TradingParams,
) -> Traded:
    """Trade test predictions of a `direction` with `tier`, as far as those of a `trend` allow.

    `validation` holds what every fold's direction model says of its own validation, by which the table of
    edges says how confident a call is.
    """
    inputs = align_inputs(direction, trend, params)
    backtest, ftmo, detail, plots, random_sides = trading_figures(inputs, params)
    declared, own = candidate_figures(candidate.rows(direction), candidate.rows(trend), params)
    metrics = {
        "backtest": BacktestMetrics(**backtest, **declared["backtest"]),
        "ftmo": FtmoMetrics(**ftmo, **declared["ftmo"]),
    }
    details = {
        "backtest": detail | {"candidate": candidate.record | own},
        "edge": edge_figures(inputs, direction, validation, params),
    }
    return Traded(metrics, details, plots, as_tossed(random_sides, inputs.market))
