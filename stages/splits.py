"""Purged, embargoed walk-forward folds over all symbols, audited for leaks and drift."""

import logging
from dataclasses import asdict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.runner import run_stage
from tapeline.market.params import Symbols
from tapeline.market.tables import feature_groups, read_features, read_tables
from tapeline.nets.scaler import fit_scaler
from tapeline.outputs import write_json
from tapeline.params import Params
from tapeline.quality.drift import (
    Drift,
    drift_lines,
    judge_drift,
    measure_drift,
    same_times_of_week,
    worst_first,
)
from tapeline.quality.overlap import audit_overlap
from tapeline.quality.params import QualityParams
from tapeline.quality.report import Audit, audit_records, failure_records, judge, judge_leaks, require_passed
from tapeline.quality.scaling import audit_scaler
from tapeline.schema import INTERVAL_MINUTES, LABELS, Horizon, Interval
from tapeline.splits.folds import PARTS, TimeFold, fold_record, on_calendar, require_rows, scaler_rows
from tapeline.splits.lengths import Lengths, Span, part_lengths
from tapeline.splits.params import SplitParams
from tapeline.splits.walk_forward import walk_forward

CALENDAR = "sessions"  # group of the features that follow from the time alone


def main(log: logging.Logger) -> None:
    """Cut the folds, audit them row by row, measure drift, write the splits file."""
    params = Params.read()
    splits, quality = params.section("splits", SplitParams), params.section("quality", QualityParams)
    horizon = params.value("labels.horizon", Horizon)
    require_passed("metrics/detail/expectations.json")
    minutes = INTERVAL_MINUTES[params.value("data.interval", Interval)]
    symbols = params.value("data.symbols", Symbols)
    timestamp = read_tables("data/features", symbols, ["timestamp"])["timestamp"]
    groups = feature_groups("data/features", symbols[0])
    columns = list(groups)
    features, step = read_features("data/features", symbols, columns), pd.Timedelta(minutes=minutes)
    span = span_of(read_tables("data/candles", symbols, ["timestamp"])["timestamp"], timestamp, minutes)
    days = days_of(part_lengths(splits, span, horizon), span)
    log.info("days of %s", ", ".join(f"{name} {value:g}" for name, value in days.items()))
    cut = walk_forward(splits, span, horizon)
    folds = [on_calendar(fold, timestamp.min(), step) for fold in cut]
    require_rows(folds, timestamp)
    audits = audit_overlaps(folds, timestamp, horizon * step)
    audits += audit_scalers(folds, timestamp, features, columns, quality.seed)
    drifts = drift_of(folds[-1], timestamp, features, groups)
    findings = judge_drift(drifts, quality)
    write_json(
        "metrics/detail/splits.json",
        audit_records(audits)
        | {"failures": failure_records(findings), "drift": [asdict(drift) for drift in drifts]}
        | {"days": days},
    )
    for line in drift_lines(drifts, groups, quality):
        log.info("%s: %s", findings[0].severity, line)
    judge(findings)
    judge_leaks(audits)
    records = [fold_record(fold, timestamp) for fold in folds]
    write_json("data/splits.json", {"mode": splits.mode, "horizon": horizon, "folds": records})
    for k, record in enumerate(records):
        spans = (
            f"{part} {span['start'][:16]} .. {span['end'][:16]} ({span['rows']} rows)"
            for part, span in record.items()
        )
        log.info("fold %d: %s", k, ", ".join(spans))


def span_of(candles: pd.Series, rows: pd.Series, minutes: int) -> Span:
    """The clock from the first to the last of `rows`, times of feature tables; `candles` began earlier."""
    step = pd.Timedelta(minutes=minutes)
    total, n_bars = (int((times.max() - times.min()) / step) + 1 for times in (candles, rows))
    return Span(n_bars, total - n_bars, 1440 // minutes)


def days_of(length: Lengths, span: Span) -> dict[str, float]:
    """Days of candles there are, and of each split part, whether they were given or `auto`."""
    found = {"candles": span.total} | asdict(length)
    return {name: round(n_bars / span.bars_per_day, 2) for name, n_bars in found.items()}


def audit_overlaps(folds: list[TimeFold], timestamp: pd.Series, label_span: pd.Timedelta) -> list[Audit]:
    """Label intervals of the parts of each fold, and rows that tests of two folds share."""
    audits = []
    for k, fold in enumerate(folds):
        parts = {part: fold.mask(timestamp, part) for part in PARTS}
        audits.append(audit_overlap(parts, timestamp, label_span, LABELS, f"fold {k}"))
    if len(folds) > 1:
        tests = {f"test {k}": fold.mask(timestamp, "test") for k, fold in enumerate(folds)}
        audits.append(audit_overlap(tests, timestamp, pd.Timedelta(0), LABELS, "all folds"))
    return audits


def audit_scalers(
    folds: list[TimeFold],
    timestamp: pd.Series,
    features: NDArray[np.float64],
    columns: list[str],
    seed: int,
) -> list[Audit]:
    """The scaler of each fold, fitted as training fits it."""
    times = timestamp.to_numpy("datetime64[us]").view(np.int64)
    audits = []
    for k, fold in enumerate(folds):
        rows = scaler_rows(fold, timestamp)

        def fit(values: np.ndarray, rows: np.ndarray = rows) -> np.ndarray:
            scaler = fit_scaler(values, rows)
            return np.stack([scaler.mean, scaler.std])

        is_train = fold.mask(timestamp, "train")
        audits.append(audit_scaler(fit, features, times, is_train, columns, f"fold {k}", seed))
    return audits


def drift_of(
    fold: TimeFold, timestamp: pd.Series, features: NDArray[np.float64], groups: dict[str, str]
) -> list[Drift]:
    """How far each feature's test rows have moved from its training rows, `groups` naming the columns.

    Those of the calendar are held against training of the same times of the week, or left out where
    training is too short for that.
    """
    columns, is_calendar = np.array(list(groups)), np.array(list(groups.values())) == CALENDAR
    train, test = (np.flatnonzero(fold.mask(timestamp, part)) for part in ("train", "test"))
    times = timestamp.to_numpy("datetime64[us]").view(np.int64)
    spans = (tuple(end.value // 1000 for end in part) for part in (fold.train, fold.test))
    drifts = []
    for chosen, rows in ((~is_calendar, train), (is_calendar, same_times_of_week(times, *spans))):
        if chosen.any() and len(rows):
            parts = (features[np.ix_(part, np.flatnonzero(chosen))] for part in (rows, test))
            drifts += measure_drift(columns[chosen].tolist(), *parts)
    return worst_first(drifts)


if __name__ == "__main__":
    run_stage("splits", main)
