"""Which rows had to be predicted and which could be learned from, held against what the trainings left."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.referee.candles import SymbolCandles, microseconds, within
from tapeline.referee.findings import Findings, Place, show
from tapeline.referee.folds import Parts, Span, microsecond
from tapeline.referee.rules import RowRules
from tapeline.row_records import BUNDLE, LearnedRows, RowRecord, StartRows, row_record

LABEL_TOLERANCE = 1e-7  # of means of labels, which a training holds in single precision
Times = NDArray[np.int64]


@dataclass(frozen=True)
class Predictions:
    """What one model predicted: `test` and `validation`, tables of symbol, timestamp, fold, prediction."""

    name: str
    label: str
    test: pd.DataFrame
    validation: pd.DataFrame

    def of(self, part: str, fold: int, symbol: str) -> tuple[Times, NDArray[np.float64]]:
        """Open times of the rows of a part that a fold's model predicted, in order, and the predictions."""
        table = getattr(self, part)
        own = table[(table["fold"] == fold) & (table["symbol"] == symbol)]
        times = microseconds(own["timestamp"])
        order = np.argsort(times, kind="stable")
        return times[order], own["prediction"].to_numpy(np.float64)[order]


def expected_test(candles: SymbolCandles, span: Span) -> Times:
    """Rows that have to be predicted: of the test, with a whole window of features; label or not."""
    return candles.time[within(candles.time, span) & candles.has_window(candles.rules.sequence_length)]


def expected_validation(candles: SymbolCandles, span: Span, label: str) -> NDArray[np.bool_]:
    """Rows (n,) of validation: with a whole window, real, and with the label."""
    is_whole = candles.has_window(candles.rules.sequence_length) & candles.is_scored(label)
    return within(candles.time, span) & is_whole


def check_predictions(
    predictions: Predictions, folds: list[Parts], market: list[SymbolCandles], findings: Findings
) -> None:
    """Every row that has to be predicted is, once, by its own fold's model, and no other row."""
    for part in ("test", "validation"):
        check, n_known = f"{part} rows", 0
        for k, fold in enumerate(folds):
            for candles in market:
                span = getattr(fold, part)
                expected = (
                    expected_test(candles, span)
                    if part == "test"
                    else candles.time[expected_validation(candles, span, predictions.label)]
                )
                times, values = predictions.of(part, k, candles.symbol)
                place, what = Place(k, candles.symbol), f"{predictions.name}'s prediction of a {part} row"
                findings.same_rows(check, what, times, expected, place)
                is_number = (values >= 0) & (values <= 1)
                findings.hold(check, what, is_number, values, "within 0..1", place, times)
                n_known += times.size
        what = f"{predictions.name}'s {part} predictions"
        stored = len(getattr(predictions, part))
        findings.equal(check, f"{what}, of known symbols and folds", stored, n_known, Place())


def check_learned(
    name: str,
    label: str,
    learned: LearnedRows,
    fold: int,
    parts: Parts,
    market: list[SymbolCandles],
    findings: Findings,
) -> None:
    """The rows that a fold's model was scaled, trained and stopped by, and what its chunks were cut from."""
    rules = market[0].rules
    contexts = (
        rules.minimum_context,
        rules.sequence_length,
    )  # the latter where the input is read backwards too
    least = learned.minimum_context
    findings.hold(
        "learned rows", f"{name}'s minimum context", least in contexts, least, contexts[0], Place(fold)
    )
    n_before = 0  # rows of validation, those of all symbols below each other
    for candles in market:
        place, time = Place(fold, candles.symbol), candles.time
        is_part = within(time, parts.train) & candles.has_features
        is_trained = is_part & candles.has_window(least) & candles.is_scored(label)
        validation = np.flatnonzero(expected_validation(candles, parts.validation, label))
        stopped = validation[(n_before + np.arange(validation.size)) % rules.validation_stride == 0]
        n_before += validation.size
        begins = is_part & (candles.begins | ~np.r_[False, is_part[:-1]])
        ends = is_part & (np.r_[candles.begins[1:], True] | ~np.r_[is_part[1:], False])
        for used, rows in (
            ("scaled", is_part),
            ("trained", is_trained),
            ("stopped", stopped),
            ("span_firsts", begins),
            ("span_lasts", ends),
        ):
            labels = candles.label(label)[rows] if used == "trained" else None
            claimed = getattr(learned, used).get(candles.symbol)
            what = f"{name}'s rows {used.replace('_', ' ')}"
            check_record(what, claimed, row_record(time[rows], labels), place, findings)
    known = {candles.symbol for candles in market}
    for used in ("scaled", "trained", "stopped"):
        others = sorted(set(getattr(learned, used)) - known)
        findings.hold(
            "learned rows", f"{name}'s symbols {used}", not others, str(others), "none else", Place(fold)
        )


def check_start(
    name: str,
    start: StartRows | None,
    made_from: Mapping[str, str],
    fold: int,
    folds: Mapping[str, Parts],
    rules: RowRules,
    findings: Findings,
) -> None:
    """Weights that were another model's at first: all that it learned from is a label and the embargo away.

    made_from : what the fold's model says that it comes from; folds : by name, in order
    """
    check, place, names = "learned rows", Place(fold), list(folds)
    what = f"{name}'s first weights"
    said = None if start is None else start.of
    findings.hold(
        check,
        what,
        made_from.get("start") == said,
        str(said),
        f"{made_from.get('start')} by its model",
        place,
    )
    if start is None:
        return
    if start.of == BUNDLE:
        lasts = [(start.span or {}).get(part) for part in ("train", "validation")]
        is_told = None not in lasts
        findings.hold(check, f"{what}: span", is_told, str(start.span), "of training and validation", place)
        stop = max(microsecond(rows[1]) for rows in lasts if rows) + rules.step if is_told else 0
    else:
        before = names[fold - 1] if fold else None
        findings.hold(check, what, start.of == before, start.of, str(before), place)
        stop = folds[names[fold - 1]].validation[1]
    latest = folds[names[fold]].validation[0] - (rules.horizon + rules.embargo) * rules.step
    findings.hold(
        check, f"{what}: end of what they learned from", stop <= latest, show(stop),
        f"at {show(latest)} or before: a label and the embargo ahead of its validation", place,
    )  # fmt: skip


def check_record(
    what: str, claimed: RowRecord | None, expected: RowRecord, place: Place, findings: Findings
) -> None:
    """A record of rows against the one that is derived; None: there is none."""
    check = "learned rows"
    if claimed is None:
        findings.hold(check, what, expected.rows == 0, "not recorded", f"{expected.rows} rows", place)
        return
    for field in ("rows", "first", "last", "digest"):
        one, other = getattr(claimed, field), getattr(expected, field)
        findings.hold(check, f"{what}: {field}", one == other, str(one), str(other), place)
    for field in ("mean_label", "label_moment"):
        one, other = (getattr(record, field) for record in (claimed, expected))
        findings.equal(
            "learned labels", f"{what}: {field}", np.nan if one is None else one,
            np.nan if other is None else other, place, tolerance=LABEL_TOLERANCE,
        )  # fmt: skip
