"""What two runs must have in common before a moment, what they need not, and what is said of a difference."""

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import ProofError
from tapeline.release.proof_compare import Comparison, Known, differs

MINUTE = 60_000_000
FIRST = 1_700_000_040_000_000  # 2023-11-14T22:14Z


def minutes(*numbers):
    """Open times, microseconds, counted from FIRST."""
    return FIRST + np.array(numbers, dtype=np.int64) * MINUTE


def table(numbers, **columns):
    """A table of candles at these minutes."""
    times = pd.DatetimeIndex(minutes(*numbers).view("datetime64[us]"), tz="UTC")
    return pd.DataFrame({"timestamp": times} | columns)


def known(base, changed, moment):
    """Real candles at these minutes; candles differ from minute `moment` on."""
    return Known.until(minutes(*base), minutes(*changed), int(minutes(moment)[0]))


def compare(base, changed, what, label_span=0):
    """Values compared, one symbol's."""
    comparison = Comparison()
    comparison.tables("features", "BTC-USD", (base, changed), what, label_span * MINUTE)
    return comparison.compared


def test_rows_before_the_moment_are_compared_and_no_later_one():
    """Three of five rows, one column."""
    rows = range(5)
    assert (
        compare(table(rows, a=[1.0, 2, 3, 4, 5]), table(rows, a=[1.0, 2, 3, 9, 9]), known(rows, rows, 3)) == 3
    )


def test_the_first_difference_is_named_with_stage_symbol_column_and_candle():
    """By time, then by column; both values are there, and from when candles were others."""
    rows = range(5)
    base = table(rows, a=[1.0, 2, 3, 4, 5], b=[1.0, 2, 3, 4, 5])
    changed = table(rows, a=[1.0, 2, 8, 4, 5], b=[1.0, 7, 3, 4, 5])
    with pytest.raises(ProofError) as refused:
        compare(base, changed, known(rows, rows, 3))
    assert str(refused.value) == (
        "features: BTC-USD: b of 2023-11-14T22:15Z is 2, and 7 once the candles from 2023-11-14T22:17Z "
        "on are others: it knows the future"
    )


def test_a_row_that_is_there_in_one_run_alone_is_a_difference():
    """Predictions written for some rows alone, by what comes after."""
    with pytest.raises(ProofError, match="the row of 2023-11-14T22:15Z is there, and missing"):
        compare(table(range(4), a=[1.0] * 4), table([0, 2, 3], a=[1.0] * 3), known(range(4), range(4), 3))


def test_a_filled_candle_belongs_to_the_open_of_the_next_real_one():
    """Filled in one run, and not in the other whose gap is too long: neither may know that before."""
    base, changed = table(range(6), a=[1.0] * 6), table([0, 1, 2, 5], a=[1.0] * 4)
    assert compare(base, changed, known([0, 1, 2, 5], [0, 1, 2, 9], 5)) == 3


def test_a_filled_candle_is_compared_where_the_next_real_one_opens_at_the_same_time():
    """It is known from then on, but not what the next candle's prices are."""
    base = table(range(6), a=[1.0] * 6)
    assert compare(base, base, known([0, 1, 2, 5], [0, 1, 2, 5], 5)) == 5
    with pytest.raises(ProofError, match="a of 2023-11-14T22:18Z is 1, and 2"):
        compare(base, table(range(6), a=[1.0, 1, 1, 1, 2, 2]), known([0, 1, 2, 5], [0, 1, 2, 5], 5))


def test_a_label_is_compared_once_its_end_was_known():
    """Of five rows before minute 5, labels two ahead: those of minutes 0 to 2 end before it."""
    rows = range(8)
    base = table(rows, a=[1.0] * 8, direction=[1.0] * 8)
    changed = table(rows, a=[1.0] * 8, direction=[1.0, 1, 1, 0, 0, 0, 0, 0])
    assert compare(base, changed, known(rows, rows, 5), label_span=2) == 5 + 3
    with pytest.raises(ProofError, match="direction of 2023-11-14T22:17Z is 1, and 0"):
        compare(base, changed, known(rows, rows, 5), label_span=1)


def test_a_label_that_ends_on_a_filled_candle_waits_for_the_next_real_one():
    """Minute 3 and 4 are filled in one run, and of a long gap in the other."""
    base = table(range(5), direction=[1.0] * 5)
    changed = table([0, 1, 2], direction=[1.0, np.nan, np.nan])
    assert compare(base, changed, known([0, 1, 2, 5], [0, 1, 2, 40], 5), label_span=2) == 1


def test_each_tile_has_a_moment_of_its_own():
    """Rows from an edge on are held against that edge's moment."""
    rows = np.arange(8)
    what = Known(minutes(*rows), minutes(*rows), minutes(0, 4), minutes(2, 6))
    assert what.is_known(minutes(*rows)).tolist() == [True, True, False, False, True, True, False, False]


def test_values_are_the_same_bits():
    """NaN is NaN, and rounding is a difference; 0.0 is not -0.0, nor a number of another type."""
    a = np.array([1.0, np.nan, 0.0, 0.1 + 0.2])
    assert differs(a, np.array([1.0, np.nan, -0.0, 0.3])).tolist() == [False, False, True, True]
    assert differs(a, a.astype(np.float32)).all()
    assert differs(np.array(["a"], object), np.array(["b"], object)).all()


def test_figures_are_compared_by_name():
    """Numbers, lists, arrays and what is there in one run alone."""
    comparison = Comparison()
    same = {"loss": 0.5, "weight": np.ones((2, 2), np.float32), "tiers": [0.7, 1.0]}
    comparison.figures("train_lstm", (same, dict(same)), FIRST)
    assert comparison.compared == 6
    other = same | {"weight": np.array([[1, 1], [1, 2]], np.float32)}
    with pytest.raises(ProofError, match=r"train_lstm: all symbols: weight\[1, 1\] is 1, and 2 once"):
        comparison.figures("train_lstm", (same, other), FIRST)
    with pytest.raises(ProofError, match="epochs is None, and 3"):
        comparison.figures("train_lstm", (same, same | {"epochs": 3}), FIRST)


def test_records_name_their_field_and_bar():
    """Of trades and equity."""
    bars = np.zeros(3, dtype=[("equity", float), ("balance", float)])
    other = bars.copy()
    other["balance"][1] = 5
    comparison = Comparison()
    with pytest.raises(ProofError, match="all symbols: bars balance of 2023-11-14T22:15Z is 0, and 5"):
        comparison.arrays("evaluate", "all symbols", "bars", (bars, other), minutes(0, 1, 2), FIRST)
