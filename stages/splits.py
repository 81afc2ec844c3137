"""Walk-forward folds over all symbols, purged, embargoed and audited."""

import logging

import pandas as pd

from stages.runner import run_stage
from tapeline.market.params import Symbols
from tapeline.market.tables import read_tables
from tapeline.outputs import write_json
from tapeline.params import Params
from tapeline.quality.report import require_passed
from tapeline.schema import INTERVAL_MINUTES, Horizon, Interval
from tapeline.splits.audit import audit_folds
from tapeline.splits.folds import fold_record, on_calendar
from tapeline.splits.walk_forward import SplitParams, walk_forward


def main(log: logging.Logger) -> None:
    """Cut the folds, audit them row by row, write the splits file."""
    params = Params.read()
    splits = params.section("splits", SplitParams)
    horizon = params.value("labels.horizon", Horizon)
    require_passed("metrics/detail/expectations.json")
    minutes = INTERVAL_MINUTES[params.value("data.interval", Interval)]
    timestamp = read_tables("data/features", params.value("data.symbols", Symbols))["timestamp"]
    first, step = timestamp.min(), pd.Timedelta(minutes=minutes)
    n_bars = int((timestamp.max() - first) / step) + 1
    cut = walk_forward(n_bars, splits, horizon, bars_per_day=1440 // minutes)
    folds = [on_calendar(fold, first, step) for fold in cut]
    audit_folds(folds, timestamp, label_span=horizon * step)
    records = [fold_record(fold, timestamp) for fold in folds]
    write_json("data/splits.json", {"mode": splits.mode, "horizon": horizon, "folds": records})
    for k, record in enumerate(records):
        spans = (
            f"{part} {span['start'][:16]} .. {span['end'][:16]} ({span['rows']} rows)"
            for part, span in record.items()
        )
        log.info("fold %d: %s", k, ", ".join(spans))


if __name__ == "__main__":
    run_stage("splits", main)
