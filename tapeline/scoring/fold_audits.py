"""What the audits of folds are given: label intervals, scalers as training fits them, drift of features."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from tapeline.nets.scaler import fit_scaler
from tapeline.parallel import side_by_side
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
from tapeline.quality.report import Audit, Finding, audit_records, failure_records
from tapeline.quality.scaling import (
    COLUMNS_AT_ONCE,
    ReadColumns,
    ScalerMoves,
    scaler_audit,
    scaler_moves,
)
from tapeline.schema import LABELS
from tapeline.splits.folds import PARTS, TimeFold, scaler_rows

CALENDAR = "sessions"  # group of the features that follow from the time alone


@dataclass(frozen=True)
class Block:
    """Some features beside each other, from the `first` on; of each the name of its group."""

    first: int
    groups: dict[str, str]

    def __str__(self) -> str:
        """Name it for who waits."""
        return f"{next(iter(self.groups))} and {len(self.groups) - 1} features beside it"


@dataclass(frozen=True)
class FoldAudits:
    """What the audits of all folds and the drift of the last say; `lines` are for the log."""

    audits: list[Audit]
    drifts: list[Drift]
    findings: list[Finding]
    lines: list[str]

    @property
    def record(self) -> dict[str, Any]:
        """All of it, for JSON."""
        drift = {"drift": [asdict(drift) for drift in self.drifts]}
        return audit_records(self.audits) | {"failures": failure_records(self.findings)} | drift


def audit_folds(
    folds: list[TimeFold],
    timestamp: pd.Series,
    read: ReadColumns,
    groups: dict[str, str],
    label_span: pd.Timedelta,
    quality: QualityParams,
) -> FoldAudits:
    """Audit the overlaps and the scaler of every fold, and measure the last one's drift.

    timestamp : of the rows of all symbols, (N,); read : gives their features, a few columns at a time
    groups : by column, the name of its group; label_span : how far a label reaches
    """
    audits, names = audit_overlaps(folds, timestamp, label_span), list(groups)
    blocks = [
        Block(k, {name: groups[name] for name in names[k : k + COLUMNS_AT_ONCE]})
        for k in range(0, len(names), COLUMNS_AT_ONCE)
    ]
    # One after the other here, so that some columns are held and no more; a cluster does many at once.
    found = list(side_by_side(partial(audit_block, folds, timestamp, read, quality.seed), blocks, workers=1))
    times = timestamp.to_numpy("datetime64[us]").view(np.int64)
    audits += [
        scaler_audit(f"fold {k}", names, times, moves)
        for k, moves in enumerate(zip(*(moves for moves, _ in found), strict=True))
    ]
    drifts = worst_first(drift for _, some in found for drift in some)
    findings = judge_drift(drifts, quality)
    lines = [f"{findings[0].severity}: {line}" for line in drift_lines(drifts, groups, quality)]
    return FoldAudits(audits, drifts, findings, lines)


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


def audit_block(
    folds: list[TimeFold], timestamp: pd.Series, read: ReadColumns, seed: int, block: Block
) -> tuple[list[ScalerMoves], list[Drift]]:
    """What garbage outside each fold's training does to the scaler, fitted as training does; and drift."""
    columns, moves = list(block.groups), []
    for fold in folds:
        rows = scaler_rows(fold, timestamp)

        def fit(values: np.ndarray, rows: np.ndarray = rows) -> np.ndarray:
            scaler = fit_scaler(values, rows)
            return np.stack([scaler.mean, scaler.std])

        is_train = fold.mask(timestamp, "train")
        moves.append(scaler_moves(fit, read, is_train, columns, [seed, block.first]))
    return moves, drift_of(folds[-1], timestamp, read, block.groups)


def drift_of(fold: TimeFold, timestamp: pd.Series, read: ReadColumns, groups: dict[str, str]) -> list[Drift]:
    """How far each feature's test rows have moved from its training rows, `groups` naming the columns.

    Those of the calendar are held against training of the same times of the week, or left out where
    training is too short for that.
    """
    train, test = (np.flatnonzero(fold.mask(timestamp, part)) for part in ("train", "test"))
    times = timestamp.to_numpy("datetime64[us]").view(np.int64)
    spans = [(start.value // 1000, end.value // 1000) for start, end in (fold.train, fold.test)]
    same_times = same_times_of_week(times, *spans)
    drifts = []
    for column, group in groups.items():
        rows = same_times if group == CALENDAR else train
        if len(rows):
            values = read([column])
            drifts += measure_drift([column], values[rows], values[test])
    return worst_first(drifts)
