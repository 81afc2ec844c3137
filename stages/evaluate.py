"""Out-of-sample figures of both networks beside controls, and a backtest with costs."""

import logging

import numpy as np
import pandas as pd

from stages.runner import run_stage
from stages.scoring import add_ceiling, add_past_labels, add_predictions, control_predictions, importance
from stages.trading import open_desk
from stages.trading_figures import trading_figures
from stages.trading_params import TradingParams
from tapeline.evaluation.calibration import confidence_table, reliability_table
from tapeline.evaluation.params import EvaluationParams
from tapeline.evaluation.scorecard import direction_scorecard, trend_scorecard
from tapeline.evaluation.significance import Intervals
from tapeline.features.sessions import session_masks
from tapeline.market.params import Symbols
from tapeline.market.tables import feature_groups, is_scorable, read_features, read_tables
from tapeline.outputs import write_csv, write_json
from tapeline.params import Params
from tapeline.schema import (
    DIRECTION,
    KEYS,
    LABELS,
    TREND_STRENGTH,
)
from tapeline.splits.folds import read_folds

FEATURES = "data/features"
NETWORKS = "lstm", "transformer"


def main(log: logging.Logger) -> None:
    """Score, trade, write."""
    params = Params.read()
    trading = TradingParams.read(params)
    evaluation, horizon = trading.evaluation, trading.horizon
    symbols = params.value("data.symbols", Symbols)
    folds = read_folds("data/splits.json")
    table = read_tables(FEATURES, symbols, [*KEYS, *LABELS])
    table["row"] = np.arange(len(table))
    features = read_features(FEATURES, symbols, list(feature_groups(FEATURES, symbols[0])))
    table = add_past_labels(add_ceiling(table, symbols), horizon)
    step = pd.Timedelta(minutes=trading.minutes)
    table["bar"] = ((table["timestamp"] - table["timestamp"].min()) // step).astype(np.int64)
    direction, trend = (add_predictions(table, name, folds) for name in NETWORKS)
    lstm = scored(direction, "lstm", DIRECTION, log)
    transformer = scored(trend, "transformer", TREND_STRENGTH, log)
    controls = [
        control_predictions(table, rows, features, folds, label, evaluation)
        for rows, label in ((lstm, DIRECTION), (transformer, TREND_STRENGTH))
    ]
    masks = session_masks(pd.DatetimeIndex(lstm["timestamp"]))
    lstm_metrics, lstm_detail = direction_scorecard(
        lstm, controls[0], masks, trading.signals.tiers, evaluation
    )
    transformer_metrics, transformer_detail = trend_scorecard(transformer, controls[1], evaluation)
    lstm_detail["importance"] = importance(lstm, "lstm", "log_loss", evaluation)
    transformer_detail["importance"] = importance(transformer, "transformer", "absolute_error", evaluation)
    backtest, ftmo, traded, tables = trading_figures(open_desk(direction, trend, trading), trading)
    for name, metrics in (
        ("lstm", lstm_metrics),
        ("transformer", transformer_metrics),
        ("backtest", backtest),
        ("ftmo", ftmo),
    ):
        write_json(f"metrics/{name}.json", metrics)
        log.info(
            "%s: %s",
            name,
            {key: value if value is None else round(value, 4) for key, value in metrics.items()},
        )
    write_json("metrics/detail/evaluation.json", {"lstm": lstm_detail, "transformer": transformer_detail})
    write_json("metrics/detail/backtest.json", traded)
    write_plots(lstm, tables, evaluation)


def write_plots(lstm: pd.DataFrame, tables: dict[str, pd.DataFrame], evaluation: EvaluationParams) -> None:
    """Write the tables behind the plots of the LSTM's scored rows and of trading."""
    rows = lstm["prediction"], lstm["label"], evaluation.bins
    intervals = Intervals(lstm["bar"].to_numpy(), evaluation.level)
    write_csv("plots/reliability.csv", reliability_table(*rows))
    write_csv("plots/confidence.csv", confidence_table(*rows, intervals))
    for name, table in tables.items():
        write_csv(f"plots/{name}.csv", table)


def scored(rows: pd.DataFrame, network: str, label: str, log: logging.Logger) -> pd.DataFrame:
    """The `rows` of `network` that can be scored, `label` in column `label`; the others are counted."""
    no_label, is_filled = rows[label].isna(), rows["is_filled"]
    kept = rows[is_scorable(rows, label)].assign(label=rows[label]).reset_index(drop=True)
    log.info(
        "%s: %d test candles predicted, %d scored, left out %d without label and %d filled",
        *(network, len(rows), len(kept), no_label.sum(), (is_filled & ~no_label).sum()),
    )
    return kept


if __name__ == "__main__":
    run_stage("evaluate", main)
