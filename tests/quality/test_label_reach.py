"""Labels that know more, less or other candles than their horizon's are found."""

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import QualityError
from tapeline.quality.label_reach import audit_label_reach
from tapeline.quality.ledger import History
from tapeline.quality.report import judge_leaks
from tests.quality.planted import HORIZON, REACH, builder, direction


def audit(candles, params, label, **options):
    """The audit of one label."""
    build = builder({"direction": label}, **options)
    history = History("BTC-USD", candles, candles)
    return audit_label_reach(build, history, ["direction"], REACH, HORIZON, params)


def efficiency(close):
    """Net move over path of the next candles."""
    path = close.diff().abs().rolling(HORIZON).sum().shift(-HORIZON)
    return (close.shift(-HORIZON) - close).abs() / path


@pytest.mark.parametrize("label", [direction, efficiency])
def test_label_of_its_horizon_passes(candles, params, label):
    """Labels as defined depend on the horizon and nothing more, at the segments' ends too."""
    # Rounding of pandas' running sums depends on what was there before; a label of ours sums afresh.
    rounded = lambda close: label(close).round(9)  # noqa: E731
    found = audit(candles, params, rounded)
    judge_leaks([found])
    assert 3 * params.leak_cuts < found.cells <= 5 * params.leak_cuts


@pytest.mark.parametrize(
    "label",
    [
        lambda close: direction(close, HORIZON + 1),
        lambda close: direction(close, HORIZON - 1),
        lambda close: (close.shift(-HORIZON) > close).astype(float),
        lambda close: (close.shift(-HORIZON) - close) / close.std(),
        lambda close: direction(close) + (close < close.shift(1)),
        lambda close: (close.shift(-HORIZON) > 0).astype(float).where(close.shift(-HORIZON).notna()),
        lambda close: direction(close).where(direction(close) != direction(close), 1.0),
    ],
    ids=["more", "less", "no future is down", "whole series", "the candle before", "not its own", "constant"],
)
def test_label_of_another_reach_is_found(candles, params, label):
    """A label that looks further, less far or back, stands without its future or never moves, is named."""
    with pytest.raises(QualityError, match="direction at .* horizon's candles"):
        judge_leaks([audit(candles, params, label)])


def test_label_over_a_segment_end_is_found(candles, params):
    """A label that takes its future from the next segment is named, within a horizon of the end."""
    found = audit(candles, params, direction, by_segment=False)
    times = pd.to_datetime([leak.timestamp for leak in found.leaks])
    end = candles.loc[candles["segment"] == 0, "timestamp"].max()
    assert len(times) > 0
    assert ((times > end - pd.Timedelta(minutes=HORIZON)) & (times <= end)).all()


def test_audit_of_nothing_is_an_error(candles, params):
    """No segment with enough candles is no proof."""
    with pytest.raises(QualityError, match="label_reach audit found no row to compare"):
        audit(candles.iloc[: REACH - 1], params, direction)


def test_candles_are_left_as_they_were(candles, params):
    """Garbage is planted in copies."""
    before = candles.copy()
    audit(candles, params, direction)
    pd.testing.assert_frame_equal(candles, before)
    assert np.isfinite(candles["close"]).all()
