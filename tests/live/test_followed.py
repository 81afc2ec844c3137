"""The account follows from the records in their order, whenever somebody looks."""

import time

import numpy as np
import pytest

from tapeline.evaluation.live import LiveParams
from tapeline.live.followed import Followed
from tapeline.live.production import open_production
from tapeline.live.records import Records, open_to_write
from tapeline.live.replay import Replay
from tapeline.live.session import Session
from tapeline.serving.recorded import Clock
from tests.live.promoted import LIVE, WARM_UP, market, promote, since, write_market

PARAMS = LiveParams(**LIVE)
EARLIER = 3 * 3_600_000_000


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Bundles in production, the records of a replay, and what it learnt before."""
    folder = tmp_path_factory.mktemp("followed")
    models, tables = promote(folder / "promoted"), market(WARM_UP + 500)
    clock = Clock()
    with open_to_write(folder / "live") as writer:
        session = Session(writer, models, PARAMS, clock, print, lambda answer: None)
        candles = write_market(folder / "candles", tables)
        replay = Replay(session, clock, candles, since(tables), None, float("inf"))
        session.learn(replay.history())
        kept = {symbol: list(rows) for symbol, rows in session._known.kept.by_symbol.items()}
        for batch in replay.batches():
            session.take(batch)
    # Hours earlier, so that a day ends among them.
    records = [each | {"timestamp": each["timestamp"] - EARLIER} for each in Records(folder / "live").read()]
    earlier = {
        symbol: [row | {"timestamp": row["timestamp"] - EARLIER} for row in rows]
        for symbol, rows in kept.items()
    }
    return models, records, earlier


def with_late(records, rng):
    """The records, those of the second symbol now and then behind later ones of the first."""
    keys = np.arange(len(records), dtype=float)
    for first in rng.choice(len(records), 8, replace=False):
        until = min(first + int(rng.integers(2, 30)), len(records))
        for k in range(first, until):
            if records[k]["symbol"] == "BBB-USD":
                keys[k] = until - 0.5
    is_second = np.array([record["symbol"] == "BBB-USD" for record in records])
    keys[is_second] = np.maximum.accumulate(keys[is_second])  # candles of a symbol rise
    return [records[k] for k in np.argsort(keys, kind="stable")]


def account_of(made, records, block, looks):
    """Trades and equity of an account over `records`, looked at after those of `looks`; days as told."""
    models, _, kept = made
    followed = Followed(open_production(models, time.time, allow_simulated=False), PARAMS, block)
    followed.learn(kept)
    told = []
    followed.watch.add_day = lambda artifact, day, pnl: told.append((k, artifact, day, pnl))
    for k, record in enumerate(records):
        followed.add(record)
        if k in looks:
            followed.settle()
    trades, _ = followed.finish()
    return trades, list(followed.equity), told


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_whoever_looks_changes_nothing(made, seed):
    """Blocks of few bars or of many, looked at every minute or never: the same trades and the same equity."""
    rng = np.random.default_rng(seed)
    records = with_late(made[1], rng)
    assert [record["timestamp"] for record in records] != [record["timestamp"] for record in made[1]]
    expected, *kept = account_of(made, records, 240, set())
    assert len(expected) > 20
    assert len(kept[1]) == 1
    looks = set(rng.choice(len(records), 50, replace=False).tolist())
    begin = int(rng.integers(len(records) // 2))  # of two hours in which somebody looks every minute
    for block, seen in ((7, looks), (10_000, set()), (240, set(range(begin, begin + 240, 2)))):
        trades, *now = account_of(made, records, block, seen)
        for name in expected.dtype.names:
            np.testing.assert_array_equal(trades[name], expected[name], err_msg=name)
        assert now == kept, "and a day is told as early"


def test_a_candle_behind_its_bar_is_not_traded(made):
    """A symbol whose candles all come an hour late: nothing of it is traded, and the other as if alone."""
    records = made[1]
    late = {"AAA-USD": 0, "BBB-USD": 3_600_000_000}
    shifted = sorted(records, key=lambda record: record["timestamp"] + late[record["symbol"]])
    shifted = shifted[: max(k for k, record in enumerate(shifted) if record["symbol"] == "AAA-USD") + 1]
    trades, *_ = account_of(made, shifted, 240, set())
    alone, *_ = account_of(made, [each for each in records if each["symbol"] == "AAA-USD"], 240, set())
    assert len(alone) > 10
    assert set(trades["symbol"]) == {0}
    for name in ("side", "quantity", "entry_price", "net_pnl"):
        np.testing.assert_array_equal(trades[name], alone[name], err_msg=name)
