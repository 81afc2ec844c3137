"""Features as one program: the same values however many rows are asked for, and plain Python beside it."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.features import indicators
from tapeline.features.catalog import FEATURES
from tapeline.features.compiled import FeatureProgram, compute, program_of, recipe
from tapeline.features.declare import Feature
from tapeline.features.kernel import FIRST_INDICATOR, OPERATIONS
from tapeline.features.program import HOURS, apply
from tapeline.features.rolling import lag, ratio, rolling_mean, rolling_sum
from tapeline.features.series import Series
from tapeline.features.streaming import newest
from tapeline.features.table import as_candles, build_table
from tests.candles import random_candles, with_gaps

LEADER = with_gaps(random_candles(2300, seed=5), share=0.2)
CANDLES = as_candles(random_candles(2300), LEADER, 15)
N = len(CANDLES.close)
EVERY = tuple(FEATURES.values())
LONGEST = max(feature.lookback for feature in EVERY)


def fill(program, candles, out):
    """Put the features of the last rows of `candles` into `out`, (F, rows)."""
    for rows, made in program.chunks(candles, out.shape[1], out.dtype.type):
        out[:, rows] = made


def made(function, lookback=1):
    """A feature of a function, declared nowhere."""
    return Feature("made", "trend", lookback, "made for a test", None, None, function)


def operations(series):
    """Names of all operations that a recipe holds."""
    return {series.operation}.union(*map(operations, series.inputs))


WINDOWED = tuple(
    feature for feature in EVERY if not operations(recipe(feature)) & set(OPERATIONS[FIRST_INDICATOR:])
)


def test_every_feature_of_ours_is_compiled():
    """None is called with arrays: that takes ten times as long."""
    assert [EVERY[k].name for k in FeatureProgram(EVERY).plain] == []


@pytest.mark.parametrize("feature", [f for f in EVERY if f.group != "timeframes"], ids=lambda each: each.name)
def test_what_is_compiled_is_what_the_function_says(feature):
    """Called with arrays it gives the same, but for the last digits of what NumPy computes otherwise."""
    plain, compiled = feature.function(CANDLES), compute(feature, CANDLES)
    start = feature.lookback - 1
    scale = np.abs(compiled[start:]).max()
    np.testing.assert_allclose(compiled[start:], plain[start:], rtol=1e-9, atol=1e-10 * scale)


@settings(max_examples=25, deadline=None)
@given(first=st.integers(0, N - LONGEST), n_rows=st.integers(1, 60))
def test_a_value_of_windows_is_the_same_bits_wherever_the_build_began(first, n_rows):
    """And however many rows are asked for: a stream's row is the table's."""
    program = program_of(WINDOWED)
    whole = np.empty((len(WINDOWED), N))
    fill(program, CANDLES, whole)
    stop = min(first + LONGEST - 1 + n_rows, N)
    out = np.empty((len(WINDOWED), stop - first - LONGEST + 1))
    fill(program, CANDLES.rows(first, stop), out)
    np.testing.assert_array_equal(out, whole[:, first + LONGEST - 1 : stop])
    np.testing.assert_array_equal(program.newest(CANDLES.rows(first, stop)), whole[:, stop - 1])


def test_indicators_alone_remember_where_they_began():
    """TA-Lib's are the features that the property above is not about."""
    assert {feature.name for feature in EVERY} - {feature.name for feature in WINDOWED} == {
        "rsi_14", "stochastic_14", "cci_20", "macd_histogram", "ultimate_oscillator", "trix_15", "natr_14",
        "adx_14", "directional_movement_14", "ema_distance_12", "ema_distance_60", "ema_cross_12_60",
        "slope_30", "aroon_25", "mfi_14",
    }  # fmt: skip


def test_a_window_that_talib_refuses_gives_nothing():
    """Beside one that it takes, whose values must not be given for it."""
    taken = made(lambda candles: indicators.rsi(candles.close, 14), 308)
    refused = made(lambda candles: indicators.rsi(candles.close, 1), 308)
    program = FeatureProgram((taken, refused))
    assert program.plain == []
    out = np.empty((2, N - 307))
    fill(program, CANDLES, out)
    assert np.isfinite(out[0]).all()
    assert np.isnan(out[1]).all()


def every_second(candles):
    """Plain Python: looks at single numbers."""
    values = np.zeros(len(candles.close))
    values[::2] = candles.close[::2]
    return values


def of_a_comparison(candles):
    """Plain Python: decides by a number."""
    return candles.close if candles.close[-1] > 0 else candles.open


NOT_COMPILED = {
    "an index": lambda candles: candles.close[candles.minute % 2 > 0],
    "a length": lambda candles: np.ones(len(candles.close)),
    "a shape": lambda candles: np.ones(candles.close.shape[0]),
    "a decision": lambda candles: candles.close if np.mean(candles.close) else candles.open,
    "a truth": lambda candles: candles.close if candles.close > candles.open else candles.open,
    "a sum over all": lambda candles: candles.close / np.sum(candles.close),
    "a maximum so far": lambda candles: np.maximum.accumulate(candles.close),
    "an array": lambda candles: candles.close + np.arange(3.0),
    "numbers of another kind": lambda candles: candles.close.astype(np.float32),
    "a look ahead": lambda candles: lag(candles.close, -1),
    "nothing of candles": lambda candles: np.zeros(3),
}


@pytest.mark.parametrize("what", NOT_COMPILED)
def test_what_has_no_recipe_is_called_with_arrays(what):
    """Whatever a function does that no operation stands for."""
    assert recipe(made(NOT_COMPILED[what])) is None


def test_what_says_another_thing_each_time_is_called_with_arrays():
    """By chance or by a clock: what it said once would be kept."""
    numbers = itertools.count()
    assert recipe(made(lambda candles: candles.close + next(numbers))) is None
    assert isinstance(recipe(made(lambda candles: candles.close + 1)), Series)


def test_plain_python_stands_beside_compiled_features():
    """In a table, in a stream and alone; two that are alike are both there."""
    own = [made(every_second), FEATURES["z_score_20"], made(of_a_comparison), FEATURES["z_score_20"]]
    program = FeatureProgram(tuple(own))
    assert program.plain == [0, 2]
    out = np.empty((4, N - 19))
    fill(program, CANDLES, out)
    np.testing.assert_array_equal(out[0], every_second(CANDLES)[19:])
    np.testing.assert_array_equal(out[1], compute(FEATURES["z_score_20"], CANDLES)[19:])
    np.testing.assert_array_equal(out[2], CANDLES.close[19:])
    np.testing.assert_array_equal(out[3], out[1])
    row = program.newest(CANDLES.rows(100, 401))
    assert row.tolist() == [CANDLES.close[400], out[1, 400 - 19], CANDLES.close[400], out[1, 400 - 19]]


def test_tables_and_streams_are_cast_alike():
    """From the same number to the same float32, whatever it was computed in."""
    program = program_of(WINDOWED)
    table = np.empty((len(WINDOWED), 1), np.float32)
    fill(program, CANDLES.rows(0, LONGEST), table)
    served = newest(CANDLES.rows(0, LONGEST), program)
    assert served.dtype == table.dtype
    np.testing.assert_array_equal(served, table[:, 0])
    np.testing.assert_array_equal(served, program.newest(CANDLES.rows(0, LONGEST)).astype(np.float32))


def test_a_feature_of_ones_own_is_compiled_if_it_says_so_by_what_is_there():
    """Arithmetic, NumPy's functions by element, windows: no word about compiling."""

    def own(candles):
        body = np.abs(candles.close - candles.open)
        return np.where(body > rolling_mean(body, 7), np.log1p(body), lag(-body, 3)) + ratio(
            rolling_sum(np.sign(candles.returns), 5), candles.volume
        )

    feature = made(own, 8)
    assert recipe(feature) is not None
    np.testing.assert_allclose(compute(feature, CANDLES)[7:], own(CANDLES)[7:], rtol=1e-12)


def test_chunks_and_blocks_leave_no_seam(monkeypatch):
    """Of windows the bits are the same across every border."""
    candles = random_candles(6000)
    whole = build_table(candles, candles, WINDOWED, horizon=15, max_fill=15)
    monkeypatch.setattr("tapeline.features.compiled.CHUNK", 700)
    monkeypatch.setattr("tapeline.features.program.BLOCK", 64)
    program_of.cache_clear()
    chunks = build_table(candles, candles, WINDOWED, horizon=15, max_fill=15)
    program_of.cache_clear()
    np.testing.assert_array_equal(chunks.iloc[:, 3:].to_numpy(), whole.iloc[:, 3:].to_numpy())


def test_rows_computed_by_blocks_take_each_their_own_candles(monkeypatch):
    """Every feature, those of TA-Lib too, which run once for all blocks: any length gives the same."""
    candles = random_candles(3000)
    tables = []
    for block in (64, 999, 1 << 20):
        monkeypatch.setattr("tapeline.features.program.BLOCK", block)
        program_of.cache_clear()
        tables.append(build_table(candles, candles, EVERY, horizon=15, max_fill=15))
    program_of.cache_clear()
    pd.testing.assert_frame_equal(tables[0], tables[2])
    pd.testing.assert_frame_equal(tables[1], tables[2])


def test_a_program_that_goes_on_looks_up_the_hours_that_come():
    """Minute by minute over the end of its table of hours, as a program that begins there."""
    sessions = tuple(f for f in EVERY if f.group == "sessions")
    table = random_candles(200)
    border = pd.Timestamp(0, tz="UTC") + pd.Timedelta(hours=HOURS * 720)
    table["timestamp"] = border + pd.to_timedelta(np.arange(-100, 100), unit="min")
    candles, going_on = as_candles(table, table, 15), FeatureProgram(sessions)
    reach = max(feature.lookback for feature in sessions)
    for end in range(95, 105):
        taken = candles.rows(max(end - reach, 0), end)
        np.testing.assert_array_equal(going_on.newest(taken), FeatureProgram(sessions).newest(taken))
    assert not np.isnan(going_on.newest(taken)).any()


def test_a_series_of_longer_candles_is_no_feature():
    """Its values are of other candles than the table's rows: it is not compiled as if they were."""
    longer = made(lambda candles: apply("closed_last", candles.close, clock=15), 30)
    assert recipe(longer) is None
    known = made(
        lambda c: apply("last_closed", apply("closed_last", c.close, clock=15), option=15, clock=1), 30
    )
    assert recipe(known) is not None
