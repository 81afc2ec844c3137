"""Walk-forward folds on the clock shared by all symbols, purged by label interval and embargoed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from tapeline.errors import SplitError
from tapeline.params import Section

Days = Annotated[float, Field(gt=0)]


class SplitParams(Section):
    """Section `splits`."""

    mode: Literal["rolling", "expanding"]
    folds: Annotated[int, Field(ge=1, le=1000)]
    train: Days
    validation: Days
    test: Days
    embargo: Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Fold:
    """Bars of one fold: half-open ranges of positions on the clock."""

    train: range
    validation: range
    test: range


def bars_needed(params: SplitParams, bars_per_day: int) -> int:
    """Bars that the folds of `params` take up together."""
    train, validation, test = _lengths(params, bars_per_day)
    return train + validation + params.folds * test


def walk_forward(n_bars: int, params: SplitParams, horizon: int, bars_per_day: int) -> Iterator[Fold]:
    """Yield folds in time order; the tests tile the end of the clock, each right after its validation.

    The label of bar t ends at bar t + horizon. A bar is kept in training only if its label ends more
    than `embargo` bars before validation begins, in validation likewise before the test begins, so
    no label interval of an earlier part meets a later part. `rolling` training has a fixed length,
    `expanding` begins with the first bar. Raises SplitError where `n_bars` is too few.
    """
    train, validation, test = _lengths(params, bars_per_day)
    gap = horizon + params.embargo
    for name, length in (("train", train), ("validation", validation)):
        if length <= gap:
            raise SplitError(
                f"splits.{name} is {length} candles: must exceed labels.horizon + splits.embargo = {gap}"
            )
    if n_bars < bars_needed(params, bars_per_day):
        raise SplitError(
            f"{n_bars} candles are fewer than the {bars_needed(params, bars_per_day)} that splits.folds = "
            f"{params.folds} need: splits.train + splits.validation + folds x splits.test"
        )
    for k in range(params.folds):
        test_start = n_bars - (params.folds - k) * test
        validation_start = test_start - validation
        train_start = validation_start - train if params.mode == "rolling" else 0
        yield Fold(
            train=range(train_start, validation_start - gap),
            validation=range(validation_start, test_start - gap),
            test=range(test_start, test_start + test),
        )


def _lengths(params: SplitParams, bars_per_day: int) -> tuple[int, int, int]:
    return tuple(round(days * bars_per_day) for days in (params.train, params.validation, params.test))
