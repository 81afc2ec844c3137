"""A hundred thousand candles through a session: what it keeps does not grow with them."""

import gc

import psutil
import pytest

from tapeline.evaluation.live import LiveParams
from tapeline.live.records import open_to_write
from tapeline.live.replay import Replay
from tapeline.live.session import Session
from tapeline.serving.recorded import Clock
from tests.live.promoted import LIVE, WARM_UP, market, promote, since, write_market

WARM, CANDLES = 30_000, 100_000
GROWTH_MIB = 16  # found: 7; a candle that was kept whole would be 60


@pytest.mark.slow
def test_memory_is_that_of_a_window(tmp_path):
    """Between the 30,000th and the 100,000th candle it grows by the trades and by little else."""
    models, tables = promote(tmp_path / "promoted"), market(CANDLES // 2 + WARM_UP + 1500, share=0.02)
    candles = write_market(tmp_path / "candles", tables)
    clock, n, memory = Clock(), 0, {}
    with open_to_write(tmp_path / "live") as writer:
        session = Session(writer, models, LiveParams(**LIVE), clock, print, lambda answer: None)
        replay = Replay(session, clock, candles, since(tables), None, float("inf"))
        session.learn(replay.history())
        for batch in replay.batches():
            before, n = n, n + len(session.take(batch))
            for mark in (WARM, CANDLES):
                if before < mark <= n:
                    session.save()
                    gc.collect()
                    memory[mark] = psutil.Process().memory_info().rss / 2**20
    assert memory[CANDLES] - memory[WARM] < GROWTH_MIB
