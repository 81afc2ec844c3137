"""Time of a candle: from its arrival to its answer, by two clocks that are set by hand."""

import pytest

from tapeline.serving import timing
from tapeline.serving.answers import Answer
from tests.candles import random_candles


class Stream:
    """Answers with `statuses` in turn; the k-th candle takes 10 k + 1 on the wall, k of the processor."""

    def __init__(self, *statuses, n_bundles=2):
        self.predictors, self.statuses, self.fed = [None] * n_bundles, statuses, []
        self.wall = self.cpu = 0

    def feed(self, symbol, row):
        """Time passes, by what came before."""
        k = len(self.fed)
        self.fed.append((symbol, row))
        self.wall, self.cpu = self.wall + 10 * k + 1, self.cpu + k
        return Answer(symbol, row["timestamp"], self.statuses[k])

    def time_parts(self, symbol):
        """Features, then each network; it takes time itself, which is no part of the candle's."""
        k = len(self.fed) - 1
        self.wall, self.cpu = self.wall + 1000, self.cpu + 1000
        return [(100 * part + k, 50 * part + k) for part in range(1 + len(self.predictors))]


@pytest.fixture
def timed(monkeypatch):
    """Time a stream of these answers."""

    def run(*statuses, warm_up=0, n_bundles=2):
        stream = Stream(*statuses, n_bundles=n_bundles)
        monkeypatch.setattr(timing, "read_clocks", lambda: (stream.wall, stream.cpu))
        candles = random_candles(len(statuses))
        return timing.time_stream(stream, "AAA-USD", candles, warm_up), stream, candles

    return run


def test_each_predicted_candle_is_timed_whole_and_by_part(timed):
    """By wall and by processor; those that get no prediction don't count."""
    found, *_ = timed("warming_up", "predicted", "gap", "predicted", "refused")
    assert found.wall.total.tolist() == [11, 31]
    assert found.cpu.total.tolist() == [1, 3]
    assert (found.wall.features.tolist(), found.cpu.features.tolist()) == ([1, 3], [1, 3])
    assert [part.tolist() for part in found.wall.networks] == [[101, 103], [201, 203]]
    assert [part.tolist() for part in found.cpu.networks] == [[51, 53], [101, 103]]


def test_the_first_predictions_warm_up(timed):
    """Of those that are predicted, not of the candles."""
    found, *_ = timed("warming_up", "warming_up", *["predicted"] * 4, warm_up=3)
    assert found.wall.total.tolist() == [51]


@pytest.mark.parametrize("n_bundles", [1, 2, 3])
def test_without_a_prediction_there_is_no_time(timed, n_bundles):
    """No figure of none, but as many parts as ever."""
    found, *_ = timed("warming_up", "gap", n_bundles=n_bundles)
    for times in found:
        assert times.total.shape == times.features.shape == (0,)
        assert [part.shape for part in times.networks] == [(0,)] * n_bundles


def test_candles_are_fed_as_they_would_arrive(timed):
    """In order, with time, prices and volume, and nothing that only the table knows."""
    _, stream, candles = timed("warming_up", "warming_up", "predicted")
    assert [symbol for symbol, _ in stream.fed] == ["AAA-USD"] * 3
    assert [list(row) for _, row in stream.fed] == [
        ["timestamp", "open", "high", "low", "close", "volume"]
    ] * 3
    assert [row["close"] for _, row in stream.fed] == candles["close"].tolist()
