"""Many candles through a session: what it keeps does not grow with them."""

import gc

import psutil
import pytest

from tapeline.evaluation.live import LiveParams
from tapeline.live.records import open_to_write
from tapeline.live.replay import Replay
from tapeline.live.session import Session
from tapeline.serving.recorded import Clock
from tests.live.promoted import LIVE, WARM_UP, market, promote, since, write_market

WARM, FEW, EVERY, MANY = 20_000, 60_000, 100_000, 1_000_000
# Found: 4, and 25 to the millionth; where every answer was kept, 62 to the sixty-thousandth.
GROWTH_MIB, MANY_MIB = 12, 64


def memory_at(folder, marks):
    """MiB that the process holds after so many candles of two symbols, by number."""
    models, tables = promote(folder / "promoted"), market(int(max(marks) * 0.53) + WARM_UP, share=0.02)
    candles = write_market(folder / "candles", tables)
    begin = since(tables)
    del tables
    clock, n, memory = Clock(), 0, {}
    with open_to_write(folder / "live") as writer:
        session = Session(writer, models, LiveParams(**LIVE), clock, print, lambda answer: None)
        replay = Replay(session, clock, candles, begin, None, float("inf"))
        session.learn(replay.history())
        for batch in replay.batches():
            before, n = n, n + len(session.take(batch))
            for mark in marks:
                if before < mark <= n:
                    session.save()
                    gc.collect()
                    memory[mark] = psutil.Process().memory_info().rss / 2**20
        trades = len(session.followed.account.trades)
    print(f"MiB by candles: {memory}; {trades:,} trades")
    return memory


@pytest.mark.slow
def test_memory_is_that_of_a_window(tmp_path):
    """Between the 20,000th and the 60,000th candle it grows by the trades and by little else."""
    memory = memory_at(tmp_path, (WARM, FEW))
    assert memory[FEW] - memory[WARM] < GROWTH_MIB


@pytest.mark.torture
def test_memory_of_a_million_candles(tmp_path):
    """Likewise to the millionth."""
    memory = memory_at(tmp_path, (WARM, *range(EVERY, MANY + 1, EVERY)))
    assert memory[MANY] - memory[WARM] < MANY_MIB
