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


def efficiency(close, horizon=HORIZON):
    """Net move over path of the next candles, each window summed afresh, NaN where nothing moved."""
    values, ratio = close.to_numpy(), np.full(len(close), np.nan)
    if len(close) > horizon:
        path = np.lib.stride_tricks.sliding_window_view(np.abs(np.diff(values)), horizon).sum(axis=1)
        with np.errstate(invalid="ignore"):
            ratio[:-horizon] = np.abs(values[horizon:] - values[:-horizon]) / path
    return pd.Series(ratio, close.index)


def known(label):
    """`label` where the horizon's last candle is there: as late, and as early, as an honest one."""
    return label.where(np.arange(len(label)) < len(label) - HORIZON)


def ties_by(close, other):
    """The direction, and where first and last close are equal, by another candle's."""
    future = close.shift(-HORIZON)
    decided = np.where(future == close, other > close, future > close).astype(float)
    return pd.Series(decided, close.index).where(future.notna())


def direction_or_nothing(close):
    """The direction as it is shipped: equal prices have none."""
    label, future = direction(close).to_numpy(), close.shift(-HORIZON).to_numpy()
    return pd.Series(np.where(future == close.to_numpy(), np.nan, label), close.index)


@pytest.mark.parametrize("label", [direction, direction_or_nothing, efficiency])
def test_label_of_its_horizon_passes(candles, params, label):
    """Labels as defined depend on the horizon and nothing more, at the segments' ends too."""
    found = audit(candles, params, label)
    judge_leaks([found])
    assert 3 * params.leak_cuts < found.cells <= 7 * params.leak_cuts


SELDOM = pytest.mark.slow  # each label is looked at without it


@pytest.mark.parametrize(
    ("market", "label"),
    [
        pytest.param("flat but for one move", direction_or_nothing, marks=SELDOM),
        pytest.param("flat but for one move", efficiency, marks=SELDOM),
        pytest.param("flat", direction_or_nothing, marks=SELDOM),
        ("flat", efficiency),
        ("two prices", direction_or_nothing),
        pytest.param("two prices", efficiency, marks=SELDOM),
        pytest.param("as of one minute", direction_or_nothing, marks=SELDOM),
        pytest.param("as of one minute", efficiency, marks=SELDOM),
    ],
)
def test_markets_that_hardly_move_raise_no_alarm(candles, params, label, market):
    """Behind a flat stretch one value follows whatever the last close is; that is no leak."""
    rng, every = np.random.default_rng(3), np.arange(len(candles))
    close = {
        "flat but for one move": np.where(every % 7 == 6, 100.0 + rng.integers(0, 9, len(candles)), 100.0),
        "flat": np.full(len(candles), 100.0),
        "two prices": rng.choice([100.0, 100.1], len(candles)),
        "as of one minute": np.where(every < 200, 100.0, 101.0),
    }[market]
    still = candles.assign(**dict.fromkeys(("open", "high", "low", "close"), close))
    for seed in range(5):
        judge_leaks([audit(still, params.model_copy(update={"seed": seed}), label)])


@pytest.mark.parametrize(
    "label",
    [
        lambda close: direction(close, HORIZON + 1),
        lambda close: direction(close, HORIZON - 1),
        lambda close: known(direction(close, HORIZON - 1)),
        lambda close: known(direction(close, HORIZON - 4)),
        lambda close: known(efficiency(close, HORIZON - 1)),
        lambda close: known(direction(close, HORIZON + 1).fillna(direction(close))),
        lambda close: known((close.shift(-HORIZON) > close.rolling(5).mean()).astype(float)),
        lambda close: known((close.shift(-HORIZON) > close.shift(1)).astype(float)),
        lambda close: known((close.shift(-HORIZON) > close.shift(-1)).astype(float)),
        lambda close: known((close.shift(-HORIZON) > close.shift(REACH - 1)).astype(float)),
        lambda close: known((close.shift(-HORIZON - REACH).ffill() > close).astype(float)),
        lambda close: ties_by(close, close.shift(-HORIZON - 1)),
        lambda close: ties_by(close, close.shift(1)),
        lambda close: (close.shift(-HORIZON) > close).astype(float),
        lambda close: (close.shift(-HORIZON) - close) / close.std(),
        lambda close: direction(close) + (close < close.shift(1)),
        lambda close: (close.shift(-HORIZON) > 0).astype(float).where(close.shift(-HORIZON).notna()),
        lambda close: direction(close).where(direction(close) != direction(close), 1.0),
    ],
    ids=[
        "further by one", "nearer by one", "nearer by one, known as late", "nearer by four, known as late",
        "trend nearer by one", "further by one, known as early", "from a mean of five",
        "from the candle before", "from the candle after", "from far back", "to far ahead",
        "ties by the candle after", "ties by the candle before", "no future is down", "whole series",
        "and the candle before", "not its own", "constant",
    ],
)  # fmt: skip
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
