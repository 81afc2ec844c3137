"""Planted looks at the future are found, causal columns pass, and an audit of nothing is an error."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapeline.errors import QualityError
from tapeline.quality.future import all_rows, audit_poison, audit_truncation
from tapeline.quality.ledger import History
from tapeline.quality.report import judge_leaks
from tests.quality.planted import CAUSAL, HORIZON, LEAKING, REACH, builder, direction, same_minute_leader


def truncation(build, candles, columns, params, reach=REACH):
    """The audit of truncation, the leader being the symbol itself."""
    return audit_truncation(build, History("BTC-USD", candles, candles), columns, reach, params)


def poison(build, candles, columns, params, labels=()):
    """The audit by poison, at four cuts."""
    params = params.model_copy(update={"leak_cuts": 64})
    history = History("BTC-USD", candles, candles)
    blocks = all_rows(lambda *candles: iter([build(*candles)]))
    return audit_poison(blocks, history, columns, labels, REACH, HORIZON, params)


def test_causal_columns_pass(candles, params):
    """Windows, recursions and expanding statistics of the past are equal to the last bit."""
    audit = truncation(builder(CAUSAL), candles, list(CAUSAL), params)
    judge_leaks([audit, poison(builder(CAUSAL), candles, list(CAUSAL), params)])
    assert audit.cells == params.leak_cuts * len(CAUSAL)


@pytest.mark.parametrize("audit", [truncation, poison])
@pytest.mark.parametrize("name", LEAKING)
def test_leak_is_found(candles, params, name, audit):
    """The leaking column, and only it, is named."""
    columns = {**CAUSAL, name: LEAKING[name]}
    found = audit(builder(columns), candles, list(columns), params)
    assert {leak.column for leak in found.leaks} == {name}
    with pytest.raises(QualityError, match=f"BTC-USD: {name} at 2024-01-01T.* knows candles after its own"):
        judge_leaks([found])


# The candles are only read, so that one table may serve all examples.
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ahead=st.integers(1, REACH), seed=st.integers(0, 1000))
def test_any_look_ahead_is_found(candles, params, ahead, seed):
    """However far a column looks ahead, up to the reach, a value it takes from there is seen."""
    build = builder({"ahead": lambda close: close.shift(-ahead)})
    drawn = params.model_copy(update={"seed": seed})
    assert truncation(build, candles, ["ahead"], drawn).leaks
    assert poison(build, candles, ["ahead"], drawn).leaks


def test_poison_finds_a_look_beyond_the_reach(candles, params):
    """A column that looks ahead further than any lookback escapes truncation, not poison."""
    build = builder({"far": lambda close: close.shift(-3 * REACH)})
    assert poison(build, candles, ["far"], params).leaks
    assert not truncation(build, candles, ["far"], params, reach=REACH).leaks


@pytest.mark.parametrize("audit", [truncation, poison])
def test_the_leaders_same_minute_is_the_future(candles, params, audit):
    """A look at the leader's candle that closes with one's own is a leak, its past is none."""
    with pytest.raises(QualityError, match="leader at"):
        judge_leaks([audit(same_minute_leader, candles, ["leader"], params)])

    def past(own, leader):
        before = leader.assign(timestamp=leader["timestamp"] + pd.Timedelta(minutes=1))
        return same_minute_leader(own, before)

    judge_leaks([audit(past, candles, ["leader"], params)])


@pytest.mark.parametrize("audit", [truncation, poison])
def test_smallest_difference_is_a_leak(candles, params, audit):
    """A hint of the future in the last bit of a value is enough."""

    def hint(close):
        return close.where(close.shift(-1) < close, np.nextafter(close, np.inf))

    assert audit(builder({"hint": hint}), candles, ["hint"], params.model_copy(update={"seed": 1})).leaks


def test_row_that_only_the_future_brings_is_a_leak(candles, params):
    """A row that appears, or vanishes, with later candles is a leak in each of its columns."""

    def build(part, leader):
        return builder(CAUSAL)(part, leader).iloc[:-1]

    audit = truncation(build, candles, list(CAUSAL), params)
    assert len(audit.leaks) == audit.cells > 0
    assert all(np.isinf(leak.observed) for leak in audit.leaks)


def test_next_segment_is_future_too(candles, params):
    """A column that looks over a segment's end is seen at the border."""
    ends = set(candles.groupby("segment")["timestamp"].max().dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    build = builder({"ahead": lambda close: close.shift(-1).fillna(0)}, by_segment=False)
    many = params.model_copy(update={"leak_cuts": 80})
    assert ends & {leak.timestamp for leak in truncation(build, candles, ["ahead"], many).leaks}


def test_labels_move_under_poison_only_where_they_end_after_it(candles, params):
    """A label of the horizon passes; one that reaches a candle further is found."""
    columns = {**CAUSAL, "direction": direction}
    judge_leaks([poison(builder(columns), candles, list(CAUSAL), params, ["direction"])])
    columns["direction"] = lambda close: close.shift(-HORIZON - 1)
    found = poison(builder(columns), candles, list(CAUSAL), params, ["direction"])
    assert {leak.column for leak in found.leaks} == {"direction"}


@pytest.mark.parametrize("audit", [truncation, poison])
def test_audit_of_nothing_is_an_error(candles, params, audit):
    """Segments shorter than the reach, a build without rows or no column can't pass."""
    with pytest.raises(QualityError, match="found no row to compare; it needs a segment"):
        audit(builder(CAUSAL), candles.iloc[:20], list(CAUSAL), params)
    with pytest.raises(QualityError, match="found no row to compare"):
        audit(builder(CAUSAL, 1000), candles, list(CAUSAL), params)
    with pytest.raises(QualityError, match="found no row to compare"):
        audit(builder({}), candles, [], params)
