"""What serving's buffer gives candle by candle is the stored table; a buffer that does otherwise is named."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.closure import ROOT
from tapeline.errors import QualityError
from tapeline.features.buffer import CandleBuffer, close_before
from tapeline.features.catalog import FEATURES
from tapeline.params import Params
from tapeline.quality.buffers import audit_streaming
from tapeline.quality.ledger import History
from tapeline.quality.params import QualityParams
from tapeline.quality.report import judge_leaks
from tapeline.scoring.audits import Audited
from tapeline.scoring.served import served_rows
from tests.candles import random_candles, with_gaps

NAMES = ["return_5", "ema_distance_12", "closed_return_5m", "leader_return_1", "leader_return_15"]
AUDITED = Audited([FEATURES[name] for name in NAMES], horizon=15, max_fill=15)
LOOKBACK = max(feature.lookback for feature in AUDITED.features)
PARAMS = Params.read(ROOT / "params.yaml").section("quality", QualityParams)
OWN, LEADER = random_candles(1200, seed=1, gap_at=700), random_candles(1200, seed=2)
THIN = History("ETH-USD", with_gaps(OWN, 0.1, seed=9), with_gaps(LEADER, 0.3))
ITSELF = History("BTC-USD", THIN.leader, THIN.leader)


def audit(history):
    """The streaming audit on a table built from the same candles."""
    table = AUDITED.build(history.candles, history.leader)
    return audit_streaming(AUDITED.served, history, table, NAMES, LOOKBACK, PARAMS)


def differing(history):
    """Columns that the audit names."""
    return {leak.column for leak in audit(history).leaks}


@pytest.mark.parametrize("history", [THIN, ITSELF], ids=["follower", "leader"])
def test_every_row_of_the_table_is_what_serving_computes(history):
    """Filled rows, rows behind a gap, with a leader that is silent; to 1e-6 of a column's spread."""
    table = AUDITED.build(history.candles, history.leader).set_index("timestamp")
    cuts = np.flatnonzero(history.candles["timestamp"].isin(table.index))
    served = np.array(list(served_rows(history, cuts, AUDITED.features, 15)))
    assert served.shape == (len(table), len(NAMES))
    assert table["is_filled"].sum() > 50
    off = np.abs(served - table[NAMES].to_numpy()) / table[NAMES].std().to_numpy()
    assert off.max() < 1e-6


@settings(max_examples=15, deadline=None)
@given(places=st.sets(st.integers(LOOKBACK - 1, 699), min_size=1, max_size=6))
def test_a_row_does_not_depend_on_the_rows_asked_for_beside_it(places):
    """Whether the buffer goes on from the cut before or begins anew."""
    cuts = np.array(sorted(places))
    together = list(served_rows(THIN, cuts, AUDITED.features, 15))
    alone = [next(served_rows(THIN, cuts[k : k + 1], AUDITED.features, 15)) for k in range(len(cuts))]
    np.testing.assert_allclose(together, alone, rtol=1e-6, atol=1e-9)


def test_before_a_segment_is_long_enough_there_is_no_row():
    """As serving warms up; the first row is there with the last candle of the lookback."""
    early, first = served_rows(THIN, np.array([LOOKBACK - 2, LOOKBACK - 1]), AUDITED.features, 15)
    assert np.isnan(early).all()
    assert np.isfinite(first).all()


def test_only_real_candles_are_fed_and_no_more_than_the_buffer_holds(monkeypatch):
    """Of a far cut its last candles alone, of own and leader in order of time, the leader's first."""
    fed, original = [], CandleBuffer.add_values

    def recording(self, time, values):
        fed.append((time, id(self)))
        return original(self, time, values)

    monkeypatch.setattr(CandleBuffer, "add_values", recording)
    list(served_rows(THIN, np.array([600]), AUDITED.features, 15))
    times = [time for time, _ in fed]
    assert times == sorted(times)
    real = [set(part.loc[~part["is_filled"], "timestamp"].dt.as_unit("us").astype("int64"))
            for part in (THIN.candles, THIN.leader)]  # fmt: skip
    assert set(times) <= real[0] | real[1]
    assert len(times) <= 2 * (LOOKBACK + 1 + 2 * 15 + 1 + 15)
    own = fed[-1][1]
    for time in set(times) & real[0] & real[1]:
        assert [which == own for at, which in fed if at == time] == [False, True]


class Lagging(CandleBuffer):
    """Reads the candles before it has written the newest."""

    def candles(self, leader, count, back=0):
        """One candle late."""
        return super().candles(leader, count, back + 1)


class FillingFromNext(CandleBuffer):
    """Fills a gap with the open of the candle that ends it."""

    def add_values(self, time, values):
        """Known only afterwards."""
        missing = super().add_values(time, values)
        self.rows[-1 - missing : -1][self.is_filled[-1 - missing : -1], :4] = values[0]
        return missing


class BeginningAnew(CandleBuffer):
    """Fills no gap at all."""

    def __init__(self, capacity, step, max_fill):
        """So that each is too long."""
        super().__init__(capacity, step, 0)


BUFFERS = {
    Lagging: set(NAMES),
    FillingFromNext: {"return_5", "ema_distance_12", "closed_return_5m"},
    BeginningAnew: set(NAMES),
}


def test_serving_as_it_is_passes():
    """Follower and leader."""
    judge_leaks([audit(THIN), audit(ITSELF)])


@pytest.mark.parametrize("planted", BUFFERS, ids=lambda planted: planted.__name__)
def test_a_buffer_that_does_otherwise_is_named(monkeypatch, planted):
    """Each column that it changes, and the run ends."""
    monkeypatch.setattr("tapeline.scoring.served.CandleBuffer", planted)
    assert differing(THIN) == BUFFERS[planted]
    with pytest.raises(QualityError, match="ETH-USD: .* at 2025-03-.* is another from a bounded buffer"):
        judge_leaks([audit(THIN)])


def test_a_buffer_that_knows_the_leaders_same_candle_is_named(monkeypatch):
    """Its followers' columns of the leader, and no other."""

    def same_candle(time, leader_time, leader_close, step, max_fill):
        return close_before(time + step, leader_time, leader_close, step, max_fill)

    monkeypatch.setattr("tapeline.features.buffer.close_before", same_candle)
    assert differing(THIN) == differing(ITSELF) == {"leader_return_1", "leader_return_15"}
