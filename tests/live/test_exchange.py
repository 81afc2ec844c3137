"""Candles of an exchange as they close, by the real client: whatever goes wrong, each is answered once."""

import numpy as np
import pytest

from tapeline.download.closing import Closing
from tapeline.errors import DataError
from tests.download.exchange_server import START, STEP, ExchangeServer, connect
from tests.live.exchange_world import (
    CANDLES,
    FIRST,
    SYMBOLS,
    assert_complete,
    records,
    run,
    running,
)
from tests.live.promoted import WARM_UP, promote


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Bundles of two symbols of the exchange."""
    return promote(tmp_path_factory.mktemp("promoted"), symbols=SYMBOLS)


def test_the_first_closed_candle_is_predicted(models, tmp_path):
    """History comes first; then each bar is answered right after its close, never one that is open."""
    with running(tmp_path, models) as (session, source, world, _):
        run(session, source, world, 30)
    rows = records(tmp_path)
    assert (rows["status"] == "predicted").all()
    assert_complete(rows, FIRST, int(rows["bar"].max()))
    assert rows["bar"].max() >= FIRST + 28
    late = rows["arrived"] - rows["timestamp"] - STEP * 1000
    assert late.between(0, 2_000_000).all()
    assert not rows["is_late"].any()


SELDOM = "500", "reset", "malformed", "null", "empty", "shuffled"  # of each kind another is tried


@pytest.mark.parametrize(
    "fault",
    ["429", "cut", "short", "twice", *(pytest.param(fault, marks=pytest.mark.slow) for fault in SELDOM)],
)
def test_what_fails_is_asked_again(models, tmp_path, fault):
    """Any fault of an answer, again and again: nothing is missing in the end, and nothing is there twice."""
    with running(tmp_path, models) as (session, source, world, _):
        session.learn(source.history())
        begun = world.now
        rng = np.random.default_rng(0)
        for batch in source.batches():
            session.take(batch)
            world.server.faults["candles"] = [fault] * int(rng.integers(0, 3))
            if world.now > begun + 60 * 40:
                break
        world.server.faults["candles"] = []
        for batch in source.batches():
            session.take(batch)
            if world.now > begun + 60 * 45:
                break
    rows = records(tmp_path)
    assert_complete(rows, FIRST, int(rows["bar"].max()))


def test_a_silence_is_filled_from_what_is_served_later(models, tmp_path):
    """An hour in which the exchange does not answer: said, then every candle of it, too late to trade on."""
    with running(tmp_path, models) as (session, source, world, said):
        session.learn(source.history())
        begun, silent = world.now, []
        for batch in source.batches():
            session.take(batch)
            if not silent and world.now > begun + 600:
                silent.append(world.now)
                world.on_time = lambda: world.server.faults.update(
                    candles=["503"] * 3 if world.now < begun + 4200 else []
                )
            if world.now > begun + 6000:
                break
    rows = records(tmp_path)
    assert any("asked again" in line for line in said)
    assert_complete(rows, FIRST, int(rows["bar"].max()))
    assert 30 < rows["is_late"].sum() / 2 < 80


@pytest.mark.slow
def test_begun_again_it_fills_the_night(models, tmp_path):
    """Ended, and begun three hours later: the candles in between are answered, late, and nothing twice."""
    with running(tmp_path, models) as (session, source, world, _):
        run(session, source, world, 5)
        now = world.now
    with running(tmp_path, models) as (session, source, world, _):
        world.sleep(now - world.now + 3 * 3600)
        run(session, source, world, 5)
    rows = records(tmp_path)
    assert_complete(rows, FIRST, int(rows["bar"].max()))
    assert rows["is_late"].sum() > 300


def test_a_minute_without_a_trade_is_a_gap(models, tmp_path):
    """What the exchange never serves is not waited for; the next candle says that it was filled."""
    candles = {
        name: (np.delete(times, FIRST + 5), np.delete(values, FIRST + 5, axis=0))
        for name, (times, values) in CANDLES.items()
    }
    with running(tmp_path, models, candles) as (session, source, world, _):
        run(session, source, world, 12)
    rows = records(tmp_path)
    assert FIRST + 5 not in set(rows["bar"])
    after = rows[rows["bar"] == FIRST + 6]
    assert after["reason"].str.contains("1 candles before it were missing and are filled").all()


def test_a_corrected_candle_is_counted(models, tmp_path):
    """The last candle gets other values after it was answered: the answer stands, and it is counted."""
    candles = {name: (times, values.copy()) for name, (times, values) in CANDLES.items()}
    with running(tmp_path, models, candles) as (session, source, *_):
        session.learn(source.history())
        for n, batch in enumerate(source.batches()):
            session.take(batch)
            if n == 6:
                bar = (session.newest("AAA-USDT") // 1000 - START) // STEP
                candles["api AAAUSDT"][1][bar, 3] *= 1.0001
            if n == 20:
                break
    assert session.passed_over["corrected"] >= 1


def test_a_symbol_without_history_is_answered_once_it_trades(models, tmp_path):
    """One was silent when all began: it warms up by what is served later, and is predicted."""
    candles = CANDLES | {"api BBBUSDT": tuple(each[FIRST + 3 :] for each in CANDLES["api BBBUSDT"])}
    with running(tmp_path, models, candles) as (session, source, world, _):
        run(session, source, world, WARM_UP + 20)
    rows = records(tmp_path)
    own = rows[rows["symbol"] == "BBB-USDT"]
    assert own["bar"].tolist() == list(range(FIRST + 3, int(rows["bar"].max()) + 1))
    assert own["status"].iloc[-1] == "predicted"


@pytest.mark.parametrize("skew_s", [-3600.0, pytest.param(3600.0, marks=pytest.mark.slow)])
def test_a_clock_an_hour_off_is_said(models, tmp_path, skew_s):
    """The exchange's own time is used: candles are answered as they close there, none that is open."""
    with running(tmp_path, models, skew_s=skew_s) as (session, source, world, said):
        run(session, source, world, 5)
    assert any("the exchange's clock is 3,600.0 s" in line for line in said)
    rows = records(tmp_path)
    assert (rows["status"] == "predicted").all()


def test_what_the_exchange_has_not_is_told_at_once(models, tmp_path):
    """A symbol, an interval: one line, before anything is answered."""
    with ExchangeServer({"api AAAUSDT": CANDLES["api AAAUSDT"]}) as server:
        with pytest.raises(DataError, match="has no symbol 'BBB-USDT'"):
            Closing(connect(server, "binance"), SYMBOLS, "1m", print)
        with pytest.raises(DataError, match="interval is '7m'"):
            Closing(connect(server, "binance"), SYMBOLS[:1], "7m", print)


def test_one_symbol_that_is_refused_ends_nothing(models, tmp_path):
    """Delisted at the beginning, listed again after a while: said, counted, and the other is on time."""
    with running(tmp_path, models) as (session, source, world, said):
        world.server.refused.add("BBBUSDT")
        run(session, source, world, 12)
        world.server.refused.clear()
        run(session, source, world, 12)
    rows = records(tmp_path)
    own = rows[rows["symbol"] == "AAA-USDT"]
    assert_complete(own, FIRST, int(own["bar"].max()), SYMBOLS[:1])
    assert ((own["arrived"] - own["timestamp"]) / 1e6 < 61).all()
    lines = [line for line in said if "the others go on" in line]
    assert lines[0].startswith("BBB-USDT: binance: BadSymbol: HTTP 400")
    assert 3 <= len(lines) == source.counts["refused"] <= 5
    assert rows["bar"][rows["symbol"] == "BBB-USDT"].max() >= FIRST + 22


@pytest.mark.parametrize("begun", [True, False])
def test_all_symbols_refused_ends_it_in_a_line(models, tmp_path, begun):
    """At the beginning, or once it runs: nothing is left to go on with."""
    with running(tmp_path, models) as (session, source, world, _):
        if begun:
            run(session, source, world, 3)
        world.server.refused |= {"AAAUSDT", "BBBUSDT"}
        with pytest.raises(DataError, match="^binance: BadSymbol: HTTP 400[^\n]*Invalid symbol[^\n]*$"):
            run(session, source, world, 3)


def test_a_symbol_that_fails_holds_up_no_other(models, tmp_path):
    """Its answers are errors that pass, for an hour: the other is answered on time."""
    with running(tmp_path, models) as (session, source, world, said):
        run(session, source, world, 2)
        world.server.failing.add("AAAUSDT")
        run(session, source, world, 20)
        world.server.failing.clear()
        run(session, source, world, 3)
    rows = records(tmp_path)
    assert_complete(rows, FIRST, int(rows["bar"].max()))
    late = (rows["arrived"] - rows["timestamp"]) / 1e6 - STEP / 1000
    assert late[rows["symbol"] == "BBB-USDT"].max() < 2.5
    assert sum("HTTP 503" in line for line in said) > 10


@pytest.mark.parametrize("asked", ["7200", pytest.param("90", marks=pytest.mark.slow)])
def test_a_pause_that_is_asked_for_is_kept(models, tmp_path, asked):
    """Nothing is asked until it is over, and the session is not ended by it."""
    with running(tmp_path, models) as (session, source, world, _):
        run(session, source, world, 2)
        world.server.faults["candles"], world.server.retry_after = ["418"], asked
        begun, n = world.now, len(world.server.log)
        times = []
        world.server.on_question = lambda: times.append(world.now - begun)
        run(session, source, world, int(asked) / 60 + 5)
    between = np.diff(times)
    assert between.max() >= int(asked)
    assert len(world.server.log) > n + 5
    rows = records(tmp_path)
    assert_complete(rows, FIRST, int(rows["bar"].max()))


def test_a_gap_is_closed_before_it_is_late(models, tmp_path):
    """A minute nobody traded in one symbol, and a second without any candle: its next is answered on time."""
    candles = {
        "api AAAUSDT": tuple(np.delete(each, FIRST + 5, axis=0) for each in CANDLES["api AAAUSDT"]),
        "api BBBUSDT": tuple(each[: FIRST + 3] for each in CANDLES["api BBBUSDT"]),
    }
    with running(tmp_path, models, candles) as (session, source, world, _):
        run(session, source, world, 10)
    rows = records(tmp_path)
    after = rows[(rows["bar"] == FIRST + 6) & (rows["symbol"] == "AAA-USDT")]
    assert len(after) == 1
    assert ((after["arrived"] - after["timestamp"]) / 1e6 < 62).all()
