"""Planted leaks are found, causal columns pass, and an audit of nothing is an error."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapeline.errors import QualityError
from tapeline.quality.leaks import audit_label_reach, audit_truncation, cut_positions
from tapeline.quality.report import judge_leaks

REACH = 40  # candles, the longest lookback of the columns below
HORIZON = 5
CAUSAL = {
    "return": lambda close: close.pct_change(),
    "mean": lambda close: close.rolling(REACH - 1).mean(),
    "ema": lambda close: close.ewm(span=9).mean(),
    "deviation": lambda close: (close - close.expanding().mean()) / close.expanding().std(),
    "forward_fill": lambda close: close.where(close.diff() > 0).ffill(),
}
LEAKING = {
    "next_close": lambda close: close.shift(-1),
    "centred_mean": lambda close: close.rolling(9, center=True, min_periods=1).mean(),
    "z_score": lambda close: (close - close.mean()) / close.std(),
    "min_max": lambda close: (close - close.min()) / (close.max() - close.min()),
    "backward_fill": lambda close: close.where(close.diff() > 0).bfill(),
    "reversed_ema": lambda close: close[::-1].ewm(span=9).mean()[::-1],
}


def _builder(columns, warm_up=REACH - 1, by_segment=True):
    """Return a build that computes `columns` of close segment by segment and drops the warm-up."""

    def build(candles):
        groups = candles.groupby("segment") if by_segment else [(0, candles)]
        parts = [
            part[["timestamp"]].assign(**{name: make(part["close"]) for name, make in columns.items()})
            for _, part in groups
        ]
        return pd.concat([part.iloc[warm_up:] for part in parts], ignore_index=True)

    return build


def _direction(close, horizon=HORIZON):
    future = close.shift(-horizon)
    return (future > close).astype(float).where(future.notna())


def _audit_label(candles, params, label, **options):
    build = _builder({"direction": label}, **options)
    return audit_label_reach(build, candles, ["direction"], "BTC-USD", REACH, HORIZON, params)


def test_causal_columns_pass(candles, params):
    """Windows, recursions and expanding statistics of the past are equal to the last bit."""
    audit = audit_truncation(_builder(CAUSAL), candles, list(CAUSAL), "BTC-USD", REACH, params)
    judge_leaks([audit])
    assert audit.cells == params.leak_cuts * len(CAUSAL)


@pytest.mark.parametrize("name", LEAKING)
def test_leak_is_found(candles, params, name):
    """The leaking column, and only it, is named."""
    columns = {**CAUSAL, name: LEAKING[name]}
    audit = audit_truncation(_builder(columns), candles, list(columns), "BTC-USD", REACH, params)
    assert {leak.column for leak in audit.leaks} == {name}
    with pytest.raises(QualityError, match=f"BTC-USD: {name} at 2024-01-01T"):
        judge_leaks([audit])


# The candles are only read, so that one table may serve all examples.
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ahead=st.integers(1, REACH), seed=st.integers(0, 1000))
def test_any_look_ahead_is_found(candles, params, ahead, seed):
    """However far a column looks ahead, up to the reach, a value it takes from there is seen."""
    build = _builder({"ahead": lambda close: close.shift(-ahead)})
    drawn = params.model_copy(update={"seed": seed})
    assert audit_truncation(build, candles, ["ahead"], "BTC-USD", REACH, drawn).leaks


def test_smallest_difference_is_a_leak(candles, params):
    """A hint of the future in the last bit of a value is enough."""

    def hint(close):
        return close.where(close.shift(-1).isna(), np.nextafter(close, np.inf))

    audit = audit_truncation(_builder({"hint": hint}), candles, ["hint"], "BTC-USD", REACH, params)
    assert audit.leaks
    assert all(leak.whole == np.nextafter(leak.truncated, np.inf) for leak in audit.leaks)


def test_row_that_only_the_future_brings_is_a_leak(candles, params):
    """A row that appears, or vanishes, with later candles is a leak in each of its columns."""
    columns = {**CAUSAL, "nothing": lambda close: close * np.nan}

    def build(part):
        return _builder(columns)(part).iloc[:-1]

    audit = audit_truncation(build, candles, list(columns), "BTC-USD", REACH, params)
    assert len(audit.leaks) == audit.cells > 0
    assert all(np.isnan(leak.truncated) for leak in audit.leaks)


def test_next_segment_is_future_too(candles, params):
    """A column that looks over a segment's end is seen at the border."""
    ends = set(candles.groupby("segment")["timestamp"].max().dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    columns = {"ahead": lambda close: close.shift(-1).fillna(0)}
    build = _builder(columns, by_segment=False)
    many = params.model_copy(update={"leak_cuts": 80})
    audit = audit_truncation(build, candles, ["ahead"], "BTC-USD", REACH, many)
    assert ends & {leak.timestamp for leak in audit.leaks}


def test_audit_of_nothing_is_an_error(candles, params):
    """Segments shorter than the reach, or a build without rows, can't pass."""
    with pytest.raises(QualityError, match="found no row to compare"):
        audit_truncation(_builder(CAUSAL), candles, list(CAUSAL), "BTC-USD", 300, params)
    with pytest.raises(QualityError, match="found no row to compare"):
        audit_truncation(_builder(CAUSAL, 1000), candles, list(CAUSAL), "BTC-USD", REACH, params)
    with pytest.raises(QualityError, match="found no row to compare"):
        audit_truncation(_builder({}), candles, [], "BTC-USD", REACH, params)


def test_label_of_its_horizon_passes(candles, params):
    """The label as defined depends on the horizon and nothing more, at the segments' ends too."""
    audit = _audit_label(candles, params, _direction)
    judge_leaks([audit])
    assert audit.cells == 2 * params.leak_cuts


@pytest.mark.parametrize(
    "label",
    [
        lambda close: _direction(close, HORIZON + 1),
        lambda close: _direction(close, HORIZON - 1),
        lambda close: (close.shift(-HORIZON) > close).astype(float),
        lambda close: (close.shift(-HORIZON) - close) / close.std(),
    ],
    ids=["one candle more", "one candle less", "no future is down", "whole series"],
)
def test_label_of_another_reach_is_found(candles, params, label):
    """A label that looks further, or less far, or stands without its future, is named."""
    audit = _audit_label(candles, params, label)
    with pytest.raises(QualityError, match="direction at .* horizon"):
        judge_leaks([audit])


def test_label_over_a_segment_end_is_found(candles, params):
    """A label that takes its future from the next segment is named, within a horizon of the end."""
    audit = _audit_label(candles, params, _direction, by_segment=False)
    times = pd.to_datetime([leak.timestamp for leak in audit.leaks])
    end = candles.loc[candles["segment"] == 0, "timestamp"].max()
    assert len(times) > 0
    assert ((times > end - pd.Timedelta(minutes=HORIZON)) & (times <= end)).all()


def test_cuts_are_seeded_and_cover_borders(candles, params):
    """The same seed draws the same cuts, all with enough past, and segments' ends are among them."""
    segment = candles["segment"].to_numpy()
    cuts = cut_positions(segment, REACH, params, HORIZON)
    assert cuts.tolist() == cut_positions(segment, REACH, params, HORIZON).tolist()
    assert len(set(cuts)) == params.leak_cuts
    assert all((segment[cut - REACH + 1 : cut + 1] == segment[cut]).all() for cut in cuts)
    assert set(cuts) & {REACH - 1, 249, 250 + REACH - 1}
    other = cut_positions(segment, REACH, params.model_copy(update={"seed": 8}), HORIZON)
    assert cuts.tolist() != other.tolist()


@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=8),
    reach=st.integers(1, 50),
    n_cuts=st.integers(1, 40),
    horizon=st.integers(1, 20),
)
def test_cuts_are_what_is_asked_for_or_all_there_are(params, sizes, reach, n_cuts, horizon):
    """Distinct, sorted, at most `leak_cuts`, and all possible rows when these are fewer."""
    segment = np.repeat(np.arange(len(sizes)), sizes)
    possible = [i for i in range(len(segment) - 1) if list(segment[: i + 1]).count(segment[i]) >= reach]
    asked = params.model_copy(update={"leak_cuts": n_cuts})
    cuts = cut_positions(segment, reach, asked, horizon).tolist()
    assert cuts == sorted(set(cuts))
    assert len(cuts) == min(n_cuts, len(possible))
    assert set(cuts) <= set(possible)
