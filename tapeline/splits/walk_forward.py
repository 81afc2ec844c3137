"""Walk-forward folds on the clock shared by all symbols, purged by label interval and embargoed."""

from collections.abc import Iterator

from tapeline.splits.folds import Fold
from tapeline.splits.lengths import Span, gap_bars, part_lengths
from tapeline.splits.params import SplitParams


def walk_forward(params: SplitParams, span: Span, horizon: int) -> Iterator[Fold]:
    """Yield folds in time order; the tests tile the end of the clock, each right after its validation.

    The label of bar t ends at bar t + horizon. A bar is kept in training only if its label ends more
    than `embargo` bars before validation begins, in validation likewise before the test begins, so
    no label interval of an earlier part meets a later part. `rolling` training has a fixed length,
    `expanding` begins with the first bar. Bar 0 is the first that has features. Raises SplitError where
    `span` is too short.
    """
    length, gap = part_lengths(params, span, horizon), gap_bars(params, span.bars_per_day, horizon)
    for k in range(params.folds):
        test_start = span.rows - (params.folds - k) * length.test
        validation_start = test_start - length.validation
        train_start = validation_start - length.train if params.mode == "rolling" else 0
        yield Fold(
            train=range(train_start, validation_start - gap),
            validation=range(validation_start, test_start - gap),
            test=range(test_start, test_start + length.test),
        )
