"""A candle's time as people and exchanges write it, and values that are none."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.features.buffer import MICROSECONDS
from tapeline.schema import OHLCV
from tapeline.serving.candles import CandleError, read_candle, read_time, show

# 1990 to 2100, the years in which no two units of an epoch can be mistaken.
SECONDS = st.integers(631_152_000, 4_102_444_799)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(seconds=SECONDS, unit=st.sampled_from([0, 3, 6, 9]), as_text=st.booleans())
def test_an_epoch_is_told_by_its_size(seconds, unit, as_text):
    """Seconds, milli-, micro- and nanoseconds, as a number or its digits, and the same in ISO 8601."""
    value = seconds * 10**unit
    assert read_time(str(value) if as_text else value) == seconds * 10**6
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert read_time(moment.isoformat()) == read_time(moment) == seconds * 10**6
    assert show(seconds * 10**6) == moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_an_epoch_may_be_a_float():
    """As JSON has one; a part of a second is kept."""
    assert read_time(1.7e9) == 1_700_000_000_000_000
    assert read_time(1_700_000_000.5) == read_time(np.float64(1_700_000_000_500.0)) == 1_700_000_000_500_000


@pytest.mark.parametrize("value", [0, 12, -1_700_000_000, 20_240_101, 1.7e20, float("nan"), 10**400, "12"])
def test_a_number_that_is_no_epoch_is_refused(value):
    """With the units that there are."""
    with pytest.raises(CandleError, match="must be an epoch in s, ms, us, ns between 1990 and 2100"):
        read_time(value)


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:00Z", "1969-12-31T23:59:00Z"])
def test_a_year_that_no_candle_is_of_is_refused(value):
    """The first and the last that a calendar knows among them."""
    with pytest.raises(CandleError, match="must be of the years 1970 to 2199"):
        read_time(value)


@given(values=st.dictionaries(st.sampled_from(["timestamp", *OHLCV]), ODD))
def test_a_candle_of_whatever_is_read_or_refused_in_one_short_line(values):
    """Never anything else is raised."""
    said = ""
    try:
        time, numbers = read_candle(values, MICROSECONDS)
    except CandleError as error:
        said = str(error)
    assert len(said) < 300
    assert said or (time % MICROSECONDS == 0 and np.isfinite(numbers).all())
