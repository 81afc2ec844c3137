"""Purged, embargoed walk-forward folds over all symbols, audited for leaks and drift."""

import logging
from functools import partial

import pandas as pd

from tapeline.memory import require_memory
from tapeline.outputs import write_json
from tapeline.params import Params
from tapeline.quality.params import QualityParams
from tapeline.quality.report import judge, judge_leaks, require_passed
from tapeline.schema import INTERVAL_MINUTES, Horizon, Interval, Symbols
from tapeline.scoring.fold_audits import audit_folds
from tapeline.splits.folds import fold_lines, fold_record, on_calendar, require_rows
from tapeline.splits.lengths import Span, days_per_part, part_lengths
from tapeline.splits.params import SplitParams
from tapeline.splits.walk_forward import walk_forward
from tapeline.stage import run_stage
from tapeline.store.feature_store import FeatureStore
from tapeline.store.tables import read_bounds


def main(log: logging.Logger) -> None:
    """Cut the folds, audit them row by row, measure drift, write the splits file."""
    params = Params.read()
    splits, quality = params.section("splits", SplitParams), params.section("quality", QualityParams)
    horizon, symbols = params.value("labels.horizon", Horizon), params.value("data.symbols", Symbols)
    minutes = INTERVAL_MINUTES[params.value("data.interval", Interval)]
    require_passed("metrics/detail/expectations.json")
    candles = read_bounds("data/candles", symbols)
    store = FeatureStore("data/features")
    require_memory(params, "splits")
    rows = store.read(symbols, columns=["timestamp"])["timestamp"]
    span, step = Span.of_times(candles, rows, minutes), pd.Timedelta(minutes=minutes)
    days = days_per_part(part_lengths(splits, span, horizon), span)
    log.info("days of %s", ", ".join(f"{name} {value:g}" for name, value in days.items()))
    folds = [on_calendar(fold, rows.min(), step) for fold in walk_forward(splits, span, horizon)]
    require_rows(folds, rows)
    groups = store.schema(symbols[0]).groups
    audited = audit_folds(folds, rows, partial(store.read_matrix, symbols), groups, horizon * step, quality)
    write_json("metrics/detail/splits.json", audited.record | {"days": days})
    for line in audited.lines:
        log.info(line)
    judge(audited.findings)
    judge_leaks(audited.audits)
    records = [fold_record(fold, rows) for fold in folds]
    write_json("data/splits.json", {"mode": splits.mode, "horizon": horizon, "folds": records})
    for line in fold_lines(records):
        log.info(line)


if __name__ == "__main__":
    run_stage("splits", main)
