"""Out-of-sample figures of both networks beside controls, and a backtest with costs."""

import logging

import numpy as np
import pandas as pd

from stages.candidate import Candidate
from stages.edge import edge_figures
from stages.runner import run_stage
from stages.scoring import (
    add_ceiling,
    add_past_labels,
    add_predictions,
    control_predictions,
    importance,
    read_validations,
)
from stages.tiers import add_tiers
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
    Refit,
    Workers,
)
from tapeline.splits.folds import read_folds

FEATURES = "data/features"
NETWORKS = "lstm", "transformer"


def main(log: logging.Logger) -> None:
    """Score, trade, write."""
    params = Params.read()
    trading = TradingParams.read(params)
    evaluation, tiers = trading.evaluation, trading.signals.expected_coverage
    symbols, workers = params.value("data.symbols", Symbols), params.value("train.workers", Workers)
    folds = read_folds("data/splits.json")
    is_refit = params.value("promotion.refit", Refit) == "all"
    table = read_rows(symbols, trading)
    validations = read_validations(NETWORKS, folds, table, is_refit, trading.minutes)
    candidate = Candidate(len(folds), is_refit, validations)
    features = read_features(FEATURES, symbols, list(feature_groups(FEATURES, symbols[0])))
    direction, trend = (add_predictions(table, name, folds) for name in NETWORKS)
    direction = add_tiers(direction, trading.signals, validations["lstm"])
    lstm = scored(direction, "lstm", DIRECTION, log)
    transformer = scored(trend, "transformer", TREND_STRENGTH, log)
    controls = [
        control_predictions(table, rows, features, folds, label, evaluation, workers)
        for rows, label in ((lstm, DIRECTION), (transformer, TREND_STRENGTH))
    ]
    masks = session_masks(pd.DatetimeIndex(lstm["timestamp"]))
    metrics, detail = {}, {}
    metrics["lstm"], detail["lstm"] = direction_scorecard(lstm, controls[0], masks, tiers, evaluation)
    metrics["transformer"], detail["transformer"] = trend_scorecard(transformer, controls[1], evaluation)
    for name, rows, kind in ((NETWORKS[0], lstm, "log_loss"), (NETWORKS[1], transformer, "absolute_error")):
        detail[name]["importance"] = importance(rows, name, kind, evaluation)
    desk = open_desk(direction, trend, trading)
    metrics["backtest"], metrics["ftmo"], traded, tables = trading_figures(desk, trading)
    write_json("metrics/detail/edge.json", edge_figures(desk, direction, validations["lstm"], trading))
    alone, detail["candidate"], traded["candidate"] = candidate.figures(
        lstm, transformer, direction, trend, trading
    )
    for name, figures in metrics.items():
        write_json(f"metrics/{name}.json", figures | alone[name])
        log.info("%s: %s", name, told(figures | alone[name]))
    log_reasons(detail, log)
    write_json("metrics/detail/evaluation.json", detail)
    write_json("metrics/detail/backtest.json", traded)
    write_plots(lstm, tables, evaluation)


def read_rows(symbols: tuple[str, ...], trading: TradingParams) -> pd.DataFrame:
    """All rows of the features: keys, labels, ceiling, past labels; `row` and `bar` say where and when."""
    table = read_tables(FEATURES, symbols, [*KEYS, *LABELS])
    table["row"] = np.arange(len(table))
    step = pd.Timedelta(minutes=trading.minutes)
    table["bar"] = ((table["timestamp"] - table["timestamp"].min()) // step).astype(np.int64)
    return add_past_labels(add_ceiling(table, symbols), trading.horizon)


def told(figures: dict[str, float | None]) -> str:
    """The figures that are defined, in a line of the log, and how many are not."""
    defined = {key: round(value, 4) for key, value in figures.items() if value is not None}
    n_null = len(figures) - len(defined)
    return f"{defined}" + (f", {n_null} of {len(figures)} figures undefined" if n_null else "")


def log_reasons(detail: dict, log: logging.Logger) -> None:
    """Say in a line which folds, and whether the candidate, have figures that mean nothing, and why."""
    for network in NETWORKS:
        for fold, figures in detail[network]["folds"].items():
            if figures["reason"]:
                log.warning("%s fold %s: %s", network, fold, figures["reason"])
        own = detail["candidate"][network]
        if own["is_constant"]:
            log.warning("%s: no candidate, %s", network, own["reason"])


def write_plots(lstm: pd.DataFrame, tables: dict[str, pd.DataFrame], evaluation: EvaluationParams) -> None:
    """Write the tables behind the plots of the LSTM's scored rows and of trading."""
    rows = lstm["prediction"], lstm["label"], evaluation.bins
    intervals = None if lstm.empty else Intervals(lstm["bar"].to_numpy(), evaluation.level)
    write_csv("plots/reliability.csv", reliability_table(*rows))
    write_csv("plots/confidence.csv", confidence_table(*rows, intervals))
    for name, table in tables.items():
        write_csv(f"plots/{name}.csv", table)


def scored(rows: pd.DataFrame, network: str, label: str, log: logging.Logger) -> pd.DataFrame:
    """The `rows` of `network` that can be scored, `label` in column `label`; the others are counted."""
    no_label, is_filled = rows[label].isna(), rows["is_filled"]
    kept = rows.assign(label=rows[label])[is_scorable(rows, label)].reset_index(drop=True)
    log.info(
        "%s: %d test candles predicted, %d scored, left out %d without label and %d filled",
        *(network, len(rows), len(kept), no_label.sum(), (is_filled & ~no_label).sum()),
    )
    return kept


if __name__ == "__main__":
    run_stage("evaluate", main)
