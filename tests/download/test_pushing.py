"""The thread that listens to an exchange: by the real client, against a local websocket."""

import threading

import pytest

from tapeline.download.closing import Closing
from tapeline.download.pushing import Pushing, socket_of
from tapeline.download.remote import open_exchange
from tests.download.exchange_server import START, STEP, ExchangeServer, connect, make_candles
from tests.download.exchange_socket import PATIENCE_S, connect_socket, kline

SYMBOLS = "AAA-USDT", "BBB-USDT"
CANDLE = [1.0, 2.0, 0.5, 1.5, 3.0]


@pytest.fixture
def server():
    """Binance with two pairs, and a perpetual contract of the name of one."""
    names = "api AAAUSDT", "api BBBUSDT", "fapi AAAUSDT"
    with ExchangeServer({name: make_candles(10) for name in names}) as server:
        yield server


def listening(server, symbols=SYMBOLS, make=None):
    """An open connection, and the server's end of it."""
    closing = Closing(connect(server, "binance"), symbols, "1m", lambda line: None)
    pushing = Pushing(closing.exchange, closing.names, "1m", make or connect_socket(server, "binance"))
    n = len(server.sockets)
    pushing.open()
    for _ in range(500):
        if len(server.sockets) > n and server.sockets[-1].subscribed.wait(0.01):
            return pushing, server.sockets[-1]
        threading.Event().wait(0.01)
    raise AssertionError("no connection")


def test_what_was_pushed_is_taken_once(server):
    """All that changed since the last time, a candle of a symbol once, and that it closed."""
    pushing, socket = listening(server)
    for close, closed in ((1.1, False), (1.2, True)):
        socket.send(kline("AAAUSDT", START, [*CANDLE[:3], close, 3.0], closed=closed))
    socket.send(kline("AAAUSDT", START + STEP, CANDLE, closed=False))
    socket.send(kline("BBBUSDT", START, CANDLE, closed=False))
    socket.settle()
    found = {}
    for _ in range(3):  # the other symbol may be heard a moment later
        heard, lost = pushing.take(0.1)
        assert lost is None
        found |= {each.symbol: each for each in heard}
    assert found["AAA-USDT"].candles == {START: (1.0, 2.0, 0.5, 1.2, 3.0), START + STEP: tuple(CANDLE)}
    assert found["AAA-USDT"].closed == {START}
    assert found["BBB-USDT"] == ("BBB-USDT", {START: tuple(CANDLE)}, set())
    socket.send(kline("BBBUSDT", START, CANDLE, closed=False))
    socket.settle()
    assert pushing.take(0.05) == ([], None), "the same again is no news"
    pushing.close()


def test_what_it_was_at_its_close_counts(server):
    """A message of the open candle that comes behind, in the same moment, takes nothing back."""
    pushing, socket = listening(server)
    socket.send(kline("AAAUSDT", START, CANDLE, closed=True))
    socket.send(kline("AAAUSDT", START, [1.0, 1.1, 0.9, 1.0, 0.1], closed=False))
    socket.settle()
    heard, _ = pushing.take(0.1)
    assert heard == [("AAA-USDT", {START: tuple(CANDLE)}, {START})]
    pushing.close()


def test_another_interval_is_not_heard(server):
    """Its candles open at the same times, and close none of ours."""
    pushing, socket = listening(server)
    socket.send(kline("AAAUSDT", START, CANDLE, closed=True, interval="5m"))
    socket.send(kline("AAAUSDT", START, [1.0, 1.1, 0.9, 1.0, 0.1], closed=False))
    socket.settle()
    heard, _ = pushing.take(0.1)
    assert heard == [("AAA-USDT", {START: (1.0, 1.1, 0.9, 1.0, 0.1)}, set())]
    pushing.close()


def test_a_pair_and_a_perpetual_of_one_name(server):
    """Each has its own candles; of which of them Binance says that it closed, its message does not tell."""
    pushing, _ = listening(server, ("AAA-USDT", "AAA-USDT-PERP"))
    for _ in range(500):
        if len(server.sockets) == 2 and server.sockets[0].subscribed.wait(0.01):
            break
        threading.Event().wait(0.01)
    found = {}
    for k, each in enumerate(server.sockets):
        each.send(kline("AAAUSDT", START, [*CANDLE[:4], 3.0 + k], closed=True))
        each.settle()
        for _ in range(3):
            heard, _ = pushing.take(0.1)
            found |= {one.symbol: one for one in heard}
    volumes = {symbol: one.candles[START][-1] for symbol, one in found.items()}
    assert sorted(volumes) == ["AAA-USDT", "AAA-USDT-PERP"]
    assert sorted(volumes.values()) == [3.0, 4.0]
    assert not any(one.closed for one in found.values())
    pushing.close()


@pytest.mark.parametrize("way", ["close", "reset"])
def test_a_lost_connection_is_told_and_another_knows_nothing_of_it(server, way):
    """Why, in a line; what the other hears is new, though it is the same."""
    pushing, socket = listening(server)
    message = kline("AAAUSDT", START, CANDLE, closed=False)
    socket.send(message)
    socket.settle()
    assert len(pushing.take(1)[0]) == 1
    getattr(socket, way)()
    heard, lost = pushing.take(PATIENCE_S)
    assert (heard, lost.is_lasting) == ([], False)
    assert lost.why.startswith("NetworkError: Connection closed")
    pushing.open()
    while len(server.sockets) < 2 or not server.sockets[1].subscribed.wait(0.01):
        pass
    server.sockets[1].send(message)
    server.sockets[1].settle()
    assert pushing.take(1)[0][0].candles == {START: tuple(CANDLE)}
    pushing.close()


def test_what_it_does_not_offer_is_lost_for_good(server):
    """The exchange refuses the subscription as such: nobody needs to try again."""

    def make():
        client = connect_socket(server, "binance")()
        client.options["streamLimits"] = {"spot": 1}
        client.options["subscriptionLimitByStream"] = {"spot": 0}
        return client

    closing = Closing(connect(server, "binance"), SYMBOLS, "1m", lambda line: None)
    pushing = Pushing(closing.exchange, closing.names, "1m", make)
    pushing.open()
    heard, lost = pushing.take(PATIENCE_S)
    assert (heard, lost.is_lasting) == ([], True)
    assert "reached the limit of subscriptions" in lost.why
    pushing.close()


def test_it_ends_without_a_trace(server, caplog):
    """Dropped and closed: no thread, no connection, no warning; what came before is not taken."""
    pushing, socket = listening(server)
    socket.send(kline("AAAUSDT", START, CANDLE, closed=False))
    socket.settle()
    pushing.drop()
    assert socket.ended.wait(PATIENCE_S)
    assert pushing.take(0) == ([], None)
    pushing.close()
    pushing.close()
    assert "socket" not in {thread.name for thread in threading.enumerate()}
    assert caplog.records == []


@pytest.mark.parametrize(("name", "has_socket"), [("binance", True), ("okx", True), ("bitstamp", False)])
def test_exchanges_with_a_websocket_of_candles(monkeypatch, name, has_socket):
    """As ccxt declares them; proxies and certificates of the environment are honoured, keys are not."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/certificates.pem")
    monkeypatch.setenv("APIKEY", "key")
    make = socket_of(open_exchange(name))
    assert (make is not None) == has_socket
    if make is not None:
        client = make()
        assert (client.id, client.wssProxy, client.cafile) == (
            name,
            "http://127.0.0.1:9",
            "/certificates.pem",
        )
        assert client.aiohttp_trust_env
        assert not client.apiKey
        assert make() is not client
