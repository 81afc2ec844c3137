"""A leader that comes late counts from the followers' next candle on; serving that forgets it is found."""

from itertools import groupby

import pandas as pd
import pytest

from tapeline.errors import ArtifactError
from tapeline.release.replay_feed import Feed
from tapeline.release.replay_late import FIRST, PERIOD, STALLS, require_same_late, stalls
from tapeline.serving.answers import Answer, Asked
from tapeline.serving.stream import Stream
from tests.release.feeds import LAST, make_feed


@pytest.fixture(scope="module")
def fed(bundles, tmp_path_factory):
    """The feed, its stretches and the answers in step."""
    return make_feed(tmp_path_factory.mktemp("candles"), bundles)


def test_late_leaders_are_answered_as_in_step(fed, monkeypatch):
    """All candles are fed, the leader's in order, some behind followers of one to three candles later."""
    original, lines = Feed.records, []

    def noting(self, stretch, candles):
        lines.append(candles[candles["timestamp"] >= stretch.start])
        return original(self, stretch, candles)

    monkeypatch.setattr(Feed, "records", noting)
    assert require_same_late(*fed) == 2 * LAST - 2
    (candles,) = lines
    assert len(candles) == 2 * LAST - 2
    for _, own in candles.groupby("symbol"):
        assert own["timestamp"].is_monotonic_increasing
    newest = candles["timestamp"].where(candles["symbol"] == "BBB-USD").ffill()
    behind = (newest - candles["timestamp"])[candles["symbol"] == "AAA-USD"] // fed[0].step
    assert behind.max() == max(STALLS)
    runs = [len(list(run)) for is_late, run in groupby(behind > 0) if is_late]
    assert set(runs) == set(STALLS)


def test_a_stream_that_keeps_rows_its_leader_was_late_for_is_found(fed, monkeypatch):
    """They hold the close before; the first follower's candle after a stall is named."""
    monkeypatch.setattr(Stream, "_drop_late_rows", lambda *any_: 0)
    told = r": the bundle answers 0\.\d+ at BBB-USD .* fed in step, and 0\.\d+ where the leader's candles"
    with pytest.raises(ArtifactError, match=told):
        require_same_late(*fed)


def test_a_stream_that_waits_for_its_leader_is_found(fed, monkeypatch):
    """It answers nothing where it could with the leader's last close."""
    original = Stream._ask

    def waiting(self, key, symbol, missing):
        own, leader = self._buffers[symbol], self._leader_of(symbol)
        asked = original(self, key, symbol, missing)
        is_behind = leader is not None and leader.time[-1] < own.time[-1] - 2 * self._step
        return Answer(**key, status="refused") if is_behind and isinstance(asked, Asked) else asked

    monkeypatch.setattr(Stream, "_ask", waiting)
    with pytest.raises(ArtifactError, match="^models/candidate: the bundles answer predicted.*and refused"):
        require_same_late(*fed)


def test_without_a_leader_nobody_is_late(fed, monkeypatch):
    """Nor with the leader alone."""
    feed, stretches, in_step = fed
    monkeypatch.setattr(feed, "leader", None)
    assert require_same_late(feed, stretches, in_step) == 0
    monkeypatch.setattr(feed, "leader", "AAA-USD")
    monkeypatch.setattr(feed, "candles", {"AAA-USD": feed.candles["AAA-USD"]})
    assert require_same_late(feed, stretches, in_step) == 0


def test_stalls_take_turns_and_leave_room_to_compare():
    """None before the start; after each stall some candles in step."""
    start, step = pd.Timestamp("2026-01-01", tz="UTC"), pd.Timedelta(minutes=5)
    times = pd.Series([start + k * step for k in range(-PERIOD, 4 * PERIOD)])
    phase, stall = stalls(times, start, step)
    assert phase.tolist() == [*range(PERIOD)] * 5
    assert stall[::PERIOD].tolist() == [0, *STALLS, STALLS[0]]
    assert FIRST + max(STALLS) < PERIOD - 1
