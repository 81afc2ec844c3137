"""A second look at finished folds, row by row, by other means than the splitter's."""

from itertools import combinations

import pandas as pd

from tapeline.errors import SplitError
from tapeline.splits.folds import PARTS, TimeFold


def audit_folds(folds: list[TimeFold], timestamp: pd.Series, label_span: pd.Timedelta) -> None:
    """Raise SplitError if a part has no rows or an earlier part's label interval meets a later part.

    `timestamp` holds the open times of all rows of all symbols; the label of a row ends `label_span`
    after it. Tests of different folds must not share a row either.
    """
    for k, fold in enumerate(folds):
        rows = {part: timestamp[fold.mask(timestamp, part)] for part in PARTS}
        for part in PARTS:
            if rows[part].empty:
                start, end = getattr(fold, part)
                raise SplitError(f"fold {k}: no row of any symbol in {part} [{start} .. {end})")
        for earlier, later in combinations(PARTS, 2):
            label_end, first = rows[earlier].max() + label_span, rows[later].min()
            if label_end >= first:
                raise SplitError(
                    f"fold {k}: a label of {earlier} ends {label_end}, in {later} that begins {first}"
                )
    for (i, one), (k, other) in combinations(enumerate(folds), 2):
        if one.test[0] < other.test[1] and other.test[0] < one.test[1]:
            raise SplitError(f"the tests of folds {i} and {k} overlap at {max(one.test[0], other.test[0])}")
