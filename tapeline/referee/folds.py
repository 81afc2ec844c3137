"""The splits file: parts in order of time, and far enough apart that no label of one meets the next."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tapeline.referee.findings import Findings, Place, show
from tapeline.referee.rules import RowRules

Span = tuple[int, int]  # [start, end) of open times, microseconds since 1970
FOLDS = "folds"


@dataclass(frozen=True)
class Parts:
    """The spans of one fold; a refitted model's test is empty."""

    train: Span
    validation: Span
    test: Span


def read_parts(record: Mapping[str, Any]) -> list[Parts]:
    """The folds of a parsed splits file."""
    return [
        Parts(*(_span(fold[part]) for part in ("train", "validation", "test"))) for fold in record["folds"]
    ]


def with_refit(folds: list[Parts], end: int) -> list[Parts]:
    """The folds, and behind them what a model learns from that is trained up to `end`.

    It has the last fold's training start, its length of validation, right before the end, and its gap.
    """
    last = folds[-1]
    start = end - (last.validation[1] - last.validation[0])
    stop = start - (last.validation[0] - last.train[1])
    return [*folds, Parts((last.train[0], stop), (start, end), (end, end))]


def check_folds(folds: list[Parts], rules: RowRules, end: int, findings: Findings) -> None:
    """Order and distance of the parts; tests tile the end of the rows, which is `end`.

    The label of a part's last candle ends `horizon` candles later, and after it come `embargo` more before
    the next part begins.
    """
    apart = (rules.horizon + rules.embargo) * rules.step
    for k, fold in enumerate(folds):
        place = Place(fold=k)
        for name, (start, stop) in vars(fold).items():
            findings.hold(
                FOLDS, f"{name} part", start < stop, f"begins at {show(start)}", "before its end", place
            )
        for name, (_, stop), (start, _) in (
            ("train", fold.train, fold.validation),
            ("validation", fold.validation, fold.test),
        ):
            # `stop` is the first open time behind the part, so its last label ends `horizon - 1` behind that.
            findings.hold(
                FOLDS, f"end of {name}", stop + apart <= start, show(stop),
                f"at {show(start - apart)} or before: a label and the embargo ahead of {show(start)}", place,
            )  # fmt: skip
        following = folds[k + 1].test[0] if k + 1 < len(folds) else end
        findings.hold(
            FOLDS, "end of test", fold.test[1] == following, show(fold.test[1]), show(following), place
        )


def microsecond(time: str) -> int:
    """A written time in microseconds since 1970."""
    return int(pd.Timestamp(time).as_unit("us").asm8.astype("int64"))


def _span(part: Mapping[str, str]) -> Span:
    return microsecond(part["start"]), microsecond(part["end"])
