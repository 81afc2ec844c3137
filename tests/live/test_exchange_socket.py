"""Candles that an exchange pushes, by the real client: whatever goes wrong, each is answered once."""

import threading

import numpy as np
import pytest

from tests.download.exchange_server import START, STEP
from tests.download.exchange_socket import kline
from tests.live.exchange_world import CANDLES, FIRST, SYMBOLS, assert_complete, records, run, running
from tests.live.promoted import promote

MARKETS = [symbol.replace("-", "") for symbol in SYMBOLS]
BAR = FIRST + 5  # to which something happens


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Bundles of two symbols of the exchange."""
    return promote(tmp_path_factory.mktemp("promoted"), symbols=SYMBOLS)


def at(bars, change):
    """A script that changes the messages of some bars, and no others."""
    return lambda bar, events: change(bar, events) if bar in bars else events


def is_of(message, market):
    """Whether a message is a candle of a market."""
    return isinstance(message, dict) and message["s"] == market


def delay(rows):
    """Seconds from each candle's close to when it came."""
    return (rows["arrived"] - rows["timestamp"]) / 1e6 - STEP / 1000


@pytest.mark.parametrize(
    ("together", "closing"),
    [
        (True, True),
        (False, False),
        pytest.param(True, False, marks=pytest.mark.slow),
        pytest.param(False, True, marks=pytest.mark.slow),
    ],
)
def test_pushed_candles_are_answered_without_asking(models, tmp_path, closing, together):
    """History, then each bar right after its close, whether the exchange says so or the next one tells."""
    with running(tmp_path, models, closing=closing, together=together) as (session, source, world, said):
        run(session, source, world, 20)
        asked = len(world.server.questions())
        assert len(world.server.sockets) == 1
    rows = records(tmp_path)
    assert (rows["status"] == "predicted").all()
    last = int(rows["bar"].max())
    assert last >= FIRST + 18
    assert_complete(rows, FIRST, last)
    assert delay(rows).between(0, 0.7).all()
    assert source.counts["pushed"] >= 2 * 17
    assert asked < 6 + 22, "one question a bar compares, the candles themselves are not asked for"
    assert said == []
    assert not session.passed_over


@pytest.mark.parametrize(
    ("way", "closing"),
    [
        ("close", True),
        ("reset", False),
        pytest.param("close", False, marks=pytest.mark.slow),
        pytest.param("reset", True, marks=pytest.mark.slow),
    ],
)
def test_a_connection_that_is_lost_is_opened_again(models, tmp_path, closing, way):
    """In the middle of a bar, of which what was heard is stale then; said once, and that it is back."""

    def lose(bar, events):
        return [*events, (30.0, lambda: getattr(world.live(), way)())]

    script = at({BAR, BAR + 4}, lose)
    with running(tmp_path, models, closing=closing, script=script) as (session, source, world, said):
        run(session, source, world, 12)
        assert len(world.server.sockets) == 3
    rows = records(tmp_path)
    assert_complete(rows, FIRST, at_least=FIRST + 10)
    assert (delay(rows) < 2).all()
    assert [line.split(";")[0][:40] for line in said] == [
        "the socket: NetworkError: Connection clo", "the socket is open again"
    ] * 2  # fmt: skip
    assert source.counts["lost"] == 2
    assert not session.passed_over


@pytest.mark.slow
def test_a_night_without_the_exchange_is_filled(models, tmp_path):
    """No socket, no REST for an hour: then all its candles, too late to trade on, and pushed ones again."""

    def fall(_, events):
        def end():
            world.server.socket_fault = "503"
            world.on_time = lambda: world.server.faults.update(candles=["503"] * 3)
            world.live().reset()

        return [*events, (30.0, end)]

    def rise(_, events):
        def begin():
            world.server.socket_fault, world.on_time = None, lambda: None
            world.server.faults["candles"] = []

        return [*events, (30.0, begin)]

    def script(bar, events):
        return {BAR: fall, BAR + 60: rise}.get(bar, lambda _, events: events)(bar, events)

    with running(tmp_path, models, script=script) as (session, source, world, said):
        run(session, source, world, 90)
        pushed = source.counts["pushed"]
    rows = records(tmp_path)
    assert_complete(rows, FIRST, at_least=FIRST + 88)
    assert 50 < rows["is_late"].sum() / 2 < 80
    assert pushed > 20, "those of the end again"
    assert sum("the socket: " in line for line in said) == 1
    assert said[-1] == "the socket is open again"


@pytest.mark.parametrize(
    "fault", ["403", *(pytest.param(fault, marks=pytest.mark.slow) for fault in ("reset", "hang"))]
)
def test_a_socket_that_can_not_be_opened_is_said_in_a_line(models, tmp_path, fault):
    """REST is asked as if there were none; the socket is tried again, more and more seldom."""
    with running(tmp_path, models, closing=True) as (session, source, world, said):
        world.server.socket_fault, world.server.hang_s = fault, 0.02
        run(session, source, world, 30)
        tries = len(world.server.questions("socket"))
    rows = records(tmp_path)
    assert_complete(rows, FIRST, at_least=FIRST + 28)
    assert (delay(rows) < 1).all()
    (line,) = said
    assert line.startswith("the socket: NetworkError: ")
    assert line.endswith("candles are asked for by REST until it is open again")
    assert 6 <= tries <= 2 * 12, "twelve, each of which the client may repeat at once"


def test_a_silent_socket_is_replaced(models, tmp_path):
    """Nothing for longer than a bar: REST answers on time, another connection is opened, and heard."""
    silent = at(range(BAR, BAR + 6), lambda bar, events: [])
    with running(tmp_path, models, script=silent) as (session, source, world, said):
        run(session, source, world, 20)
        assert len(world.server.sockets) >= 3
        assert all(each.ended.is_set() for each in world.server.sockets[:-1])
    rows = records(tmp_path)
    assert_complete(rows, FIRST, at_least=FIRST + 18)
    assert (delay(rows) < 1.5).all()
    assert said[0] == "the socket: was silent for 65 s; candles are asked for by REST until it is open again"
    assert "the socket is open again" in said


@pytest.mark.parametrize("closing", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_missing_candle_is_asked_for(models, tmp_path, closing):
    """One market's bar is not pushed at all, and another's close is not."""

    def lose(bar, events):
        return [
            (after, message) for after, message in events
            if not is_of(message, MARKETS[1]) and not (is_of(message, MARKETS[0]) and after > 60)
        ]  # fmt: skip

    with running(tmp_path, models, closing=closing, script=at({BAR}, lose)) as (session, source, world, _):
        run(session, source, world, 12)
    rows = records(tmp_path)
    own = rows[rows["bar"] == BAR]
    assert len(own) == 2
    assert (delay(rows) < 1.5).all()
    assert (delay(rows[~rows["bar"].between(BAR - 1, BAR)]) < 0.7).all()
    if closing:  # of an exchange that does not say so, the last that came before the next is what it was
        assert_complete(rows, FIRST, at_least=FIRST + 10)


def test_messages_that_come_twice_change_nothing(models, tmp_path):
    """Each of them, at once and a second later."""

    def twice(_, events):
        return [*events, *events, *((after + 1, message) for after, message in events)]

    with running(tmp_path, models, script=lambda bar, e: twice(bar, e)) as (session, source, world, said):
        run(session, source, world, 12)
    rows = records(tmp_path)
    assert_complete(rows, FIRST, at_least=FIRST + 10)
    assert (delay(rows) < 0.7).all()
    assert said == []


def test_the_next_candle_before_the_close_of_the_last(models, tmp_path):
    """Out of order: of an exchange that says what has closed, nothing else is believed."""

    def swap(_, events):
        return [(62.0 if after > 60 else after, message) for after, message in events]

    script = at(range(BAR, BAR + 3), swap)
    with running(tmp_path, models, script=script) as (session, source, world, _):
        run(session, source, world, 12)
    rows = records(tmp_path)
    assert_complete(rows, FIRST, at_least=FIRST + 10)
    assert not session.passed_over
    assert (delay(rows) < 1.5).all(), "REST is asked before"


@pytest.mark.parametrize("closing", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_corrected_candle_is_counted(models, tmp_path, closing):
    """Another close after it was answered: the answer stands, and it is counted once."""

    def correct(bar, events):
        _, last = next(event for event in events if event[0] > 60 and is_of(event[1], MARKETS[0]))
        other = last | {"k": last["k"] | {"v": "7.25"}}
        return [*events, (65.0, other), (66.0, other)]

    script = at({BAR}, correct)
    with running(tmp_path, models, closing=closing, script=script) as (session, source, world, _):
        run(session, source, world, 12)
    rows = records(tmp_path)
    assert_complete(rows, FIRST, at_least=FIRST + 10)
    assert session.passed_over["corrected"] == 1


def test_a_late_candle_is_counted(models, tmp_path):
    """One that nobody served is pushed after the next was answered: counted, and answered never."""
    candles = {
        name: (np.delete(times, BAR), np.delete(values, BAR, axis=0))
        for name, (times, values) in CANDLES.items()
    }

    def late(bar, events):
        _, values = CANDLES[f"api {MARKETS[0]}"]
        mine = kline(MARKETS[0], START + BAR * STEP, values[BAR].tolist(), closed=True)
        return [*events, (50.0, mine)]

    def script(bar, events):
        events = [] if bar == BAR else events
        return late(bar, events) if bar == BAR + 2 else events

    with running(tmp_path, models, candles, script=script) as (session, source, world, _):
        run(session, source, world, 12)
    rows = records(tmp_path)
    assert BAR not in set(rows["bar"])
    after = rows[rows["bar"] == BAR + 1]
    assert after["reason"].str.contains("1 candles before it were missing and are filled").all()
    assert (delay(after) < 1.5).all(), "which REST is asked for at once"
    assert session.passed_over == {"late": 1}


NONSENSE = {
    "cut": '{"e": "kline", "k": {"t": 17',
    "text": "maintenance",
    "list": "[]",
    "null": "null",
    "no candle": {"e": "kline", "s": MARKETS[0]},
    "empty": {"e": "kline", "s": MARKETS[0], "k": {}},
    "error": {"error": {"code": 3, "msg": "Invalid JSON"}},
    "other event": {"e": "marketing", "k": {"x": True}},
}


def test_frames_that_are_not_understood(models, tmp_path):
    """One a bar. The client goes deaf over some: then another connection is opened; nothing is lost."""
    frames = dict(enumerate(NONSENSE.values(), start=BAR))
    script = at(frames, lambda bar, events: [*events, (30.0, frames[bar])])
    with running(tmp_path, models, script=script) as (session, source, world, said):
        run(session, source, world, 16)
        assert 3 <= len(world.server.sockets) <= len(NONSENSE)
    rows = records(tmp_path)
    assert_complete(rows, FIRST, at_least=FIRST + 14)
    assert (delay(rows) < 0.7).all()
    assert all("\n" not in line for line in said)


def candle_of(bar, world, **change):
    """The closing message of the first market, changed."""
    message = kline(MARKETS[0], START + bar * STEP, world.values(MARKETS[0], bar), closed=True)
    return message | {"k": message["k"] | change}


BAD_CANDLES = {
    "another interval": {"i": "5m", "c": "1.0"},
    "off the grid": {"t": START + (BAR + 1) * STEP + 7},
    "an hour ahead": {"t": START + (BAR + 62) * STEP},
    "a day ago": {"t": START + (BAR + 3 - 1440) * STEP},
    "no price": {"c": None},
    "text": {"c": "much"},
    "not a number": {"h": "NaN"},
    "disordered": {"h": "0.1"},
    "of no volume": {"v": "-3"},
    "of another market": {"s": "ZZZUSDT"},
}


def test_what_can_not_be_a_candle_is_left(models, tmp_path):
    """Beside the true ones, in the middle of a bar and at its close, one a bar: REST is asked if in doubt."""
    cases = dict(enumerate(BAD_CANDLES.values(), start=BAR))

    def add(bar, events):
        bad = candle_of(bar, world, **cases[bar])
        return [*events, (30.0, bad), (60.06, bad)]

    with running(tmp_path, models, script=at(cases, add)) as (session, source, world, _):
        run(session, source, world, 18)
    rows = records(tmp_path)
    assert_complete(rows, FIRST, at_least=FIRST + 16)
    assert (rows["status"] == "predicted").all()
    assert (delay(rows) < 1.5).all()
    assert not session.passed_over


@pytest.mark.parametrize("skew_s", [-3600.0, pytest.param(3600.0, marks=pytest.mark.slow)])
def test_a_clock_an_hour_off_is_said(models, tmp_path, skew_s):
    """The exchange's own time is used for what is pushed, too."""
    with running(tmp_path, models, skew_s=skew_s, closing=True) as (session, source, world, said):
        run(session, source, world, 8)
    assert len(said) == 1
    assert "the exchange's clock is 3,600.0 s" in said[0]
    rows = records(tmp_path)
    assert (rows["status"] == "predicted").all()
    assert_complete(rows, FIRST, at_least=FIRST + 6)
    assert source.counts["pushed"] > 8


def test_a_close_that_comes_early_waits_for_the_clock(models, tmp_path):
    """Its clock runs ahead of what was measured: nothing is open when it is answered."""

    def early(_, events):
        return [(after - 0.4, message) for after, message in events]

    with running(tmp_path, models, script=early) as (session, source, world, _):
        run(session, source, world, 9)
    rows = records(tmp_path)
    assert (rows["status"] == "predicted").all()
    assert_complete(rows, FIRST, at_least=FIRST + 7)
    assert delay(rows).between(0, 0.3).all()
    assert source.counts["pushed"] > 8


def test_a_close_long_before_its_time_is_no_close(models, tmp_path):
    """Half a minute early: what the candle was then is not what it is."""

    def lie(_, events):
        closed = [
            (30.0 + after, message | {"k": message["k"] | {"x": True}})
            for after, message in events if after < 1
        ]  # fmt: skip
        return [*events, *closed]

    with running(tmp_path, models, script=at(range(BAR, BAR + 3), lie)) as (session, source, world, _):
        run(session, source, world, 10)
    rows = records(tmp_path)
    assert_complete(rows, FIRST, at_least=FIRST + 8)
    assert not session.passed_over


def with_volumes(events, factor):
    """The same messages, their volumes so many times as large."""
    return [
        (after, message | {"k": message["k"] | {"v": str(float(message["k"]["v"]) * factor)}})
        for after, message in events
    ]


def test_a_socket_that_says_what_rest_does_not_is_not_believed(models, tmp_path):
    """Volumes in another unit, from the beginning: said once a symbol, every answer is REST's."""
    with running(tmp_path, models, script=lambda _, events: with_volumes(events, 1000)) as (
        session,
        source,
        world,
        said,
    ):
        run(session, source, world, 9)
    rows = records(tmp_path)
    assert_complete(rows, FIRST, at_least=FIRST + 7)
    assert source.counts["pushed"] == 0
    assert source.counts["different"] > 4
    assert [line.split(" (")[0] for line in said] == [f"{symbol}: its socket says" for symbol in SYMBOLS]


def test_a_socket_that_goes_wrong_is_found_out(models, tmp_path):
    """Believed at first: one symbol is compared each minute, and what differs twice is not believed."""

    def other(bar, events):
        return events if bar < BAR else with_volumes(events, 1.001)

    with running(tmp_path, models, script=other) as (session, source, world, said):
        run(session, source, world, 20)
    rows = records(tmp_path)
    _, values = CANDLES[f"api {MARKETS[0]}"]
    own = rows[rows["symbol"] == SYMBOLS[0]]
    is_wrong = own["volume"].to_numpy() != values[own["bar"], 4]
    assert 1 <= is_wrong.sum() <= 4
    assert not is_wrong[-8:].any()
    assert session.passed_over["corrected"] >= 1
    assert len(said) == 2


def test_rest_that_does_not_answer_holds_up_nothing_that_is_pushed(models, tmp_path):
    """An hour of errors of REST: said, with growing pauses, while each candle is answered on time."""
    with running(tmp_path, models, closing=True) as (session, source, world, said):
        run(session, source, world, 4)
        world.on_time = lambda: world.server.faults.update(candles=["503"] * 3)
        run(session, source, world, 30)
        n_asked = len(world.server.questions())
    rows = records(tmp_path)
    assert_complete(rows, FIRST, at_least=FIRST + 32)
    assert (delay(rows) < 0.7).all()
    assert any("HTTP 503" in line for line in said)
    assert n_asked < 60


@pytest.mark.slow
def test_one_symbol_that_is_refused_ends_nothing(models, tmp_path):
    """Delisted, and listed again after twenty minutes: said, asked seldom; the other is answered on time."""

    def script(bar, events):
        if BAR <= bar < BAR + 20:
            events = [event for event in events if not is_of(event[1], MARKETS[1])]
        if bar == BAR:
            events = [(1.0, lambda: world.server.refused.add(MARKETS[1])), *events]
        if bar == BAR + 20:
            events = [(1.0, world.server.refused.clear), *events]
        return events

    with running(tmp_path, models, script=script) as (session, source, world, said):
        run(session, source, world, 40)
        asked = [each for each in world.server.questions() if each["symbol"] == MARKETS[1]]
    rows = records(tmp_path)
    own = rows[rows["symbol"] == SYMBOLS[0]]
    assert_complete(own, FIRST, int(own["bar"].max()), SYMBOLS[:1])
    assert (delay(own) < 0.7).all()
    other = rows[rows["symbol"] == SYMBOLS[1]]
    assert_complete(other, FIRST, int(other["bar"].max()), SYMBOLS[1:])
    assert other["bar"].max() >= FIRST + 38
    refusals = [line for line in said if line.startswith("BBB-USDT: binance: BadSymbol: HTTP 400")]
    assert source.counts["refused"] == len(refusals)
    assert 4 <= len(refusals) <= 6, "after a minute, two, four, ..."
    assert refusals[0].endswith("it is asked for again in 60 s, the others go on")
    assert len(asked) < 60


def test_ctrl_c_ends_the_connection(models, tmp_path):
    """While it waits for the next candle: the thread is gone, and the server knows."""

    def interrupt():
        raise KeyboardInterrupt

    script = at({BAR}, lambda bar, events: [*events, (30.0, interrupt)])
    with (
        pytest.raises(KeyboardInterrupt),
        running(tmp_path, models, script=script) as (session, source, world, said),
    ):
        run(session, source, world, 12)
    assert world.server.sockets[0].ended.wait(1)
    assert not any(thread.name == "socket" for thread in threading.enumerate())
    assert said == []
    assert_complete(records(tmp_path), FIRST, BAR - 1)


def test_no_credential_leaves_this_machine(models, tmp_path, monkeypatch):
    """Keys in the environment, by names that others give them: in no question, handshake, line or file."""
    secret = "s3cr3t-of-an-exchange"
    for name in ("BINANCE_APIKEY", "BINANCE_API_KEY", "BINANCE_SECRET", "APIKEY", "SECRET"):
        monkeypatch.setenv(name, secret)
    with running(tmp_path, models, closing=True) as (session, source, world, said):
        run(session, source, world, 4)
        sent = [*world.server.headers, *world.server.log, *(each.headers for each in world.server.sockets)]
        clients = source._closing.exchange, world.pushing._make()
    assert len(sent) > 10
    assert secret not in f"{sent}{said}"
    assert not any("apikey" in str(headers).lower() for headers in sent)
    assert not any(client.apiKey or client.secret for client in clients)
    assert all(secret.encode() not in path.read_bytes() for path in tmp_path.iterdir())
