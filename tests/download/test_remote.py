"""Asking an exchange: which failures are asked again and when, which end the run, what time it is."""

from email.utils import formatdate

import ccxt
import pytest

from tapeline.download.remote import Remote, open_exchange
from tapeline.errors import DataError
from tests.download.exchange_server import START, STEP, ExchangeServer, connect, make_candles


def ask(faults, retry_after="7", clock=lambda: 0.0, timeout=5_000):
    """Waits, what was said, and the error in one line, of asking Binance for its markets under `faults`."""
    waits, said, told = [], [], None
    with ExchangeServer({"api BTCUSDT": make_candles(10)}, now=START) as server:
        server.faults["markets"], server.retry_after = list(faults), retry_after
        exchange = connect(server, "binance")
        exchange.timeout = timeout
        remote = Remote(exchange, said.append, waits.append, clock)
        try:
            assert "BTC/USDT" in remote.ask(exchange.load_markets)
        except DataError as error:
            told = str(error)
            assert "\n" not in told
    assert remote.retries == len(waits) == len(said)
    return waits, said, told


def test_waits_double_and_the_eighth_failure_ends_the_run():
    """1, 2, 4 ... seconds; each is said before it is waited for."""
    waits, said, told = ask(["503"] * 7)
    assert waits == [1, 2, 4, 8, 16, 32, 64]
    assert said[2].startswith("binance: ExchangeNotAvailable: HTTP 503: ")
    assert said[2].endswith("; try 4 of 8 in 4 s")
    assert told is None
    assert ask(["503"] * 8)[2].startswith("binance: 8 tries failed, the last: ExchangeNotAvailable: HTTP 503")


@pytest.mark.parametrize("status", ["429", "418"])
@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        ("7", 7),
        ("0", 1),
        ("600", 600),
        (None, 1),
        ("soon", 1),
        (formatdate(START / 1000 + 90, usegmt=True), 90),
        (formatdate(START / 1000 - 90, usegmt=True), 1),
    ],
)
def test_an_exchange_is_left_alone_for_as_long_as_it_asks(status, retry_after, wait):
    """Retry-After in seconds or as a date by the exchange's clock, never less than the wait that is due."""
    assert ask([status], retry_after)[0] == [wait]


def test_a_pause_of_hours_ends_the_run():
    """A ban is told, not slept through."""
    waits, _, told = ask(["418"], "7200")
    assert waits == []
    assert told.startswith("binance: asks for a pause of 7200 s (DDoSProtection: HTTP 418: ")


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "451"])
def test_a_refusal_is_not_asked_again(status):
    """ccxt calls some of them a failure of the network; the status says that they will not pass."""
    waits, _, told = ask([status])
    assert waits == []
    assert f": HTTP {status}: " in told


@pytest.mark.parametrize("fault", ["reset", "cut", "malformed", "null", "hang", "500", "502", "504", "520"])
def test_what_may_pass_is_asked_again(fault):
    """Broken connections and answers, timeouts, errors of the server."""
    waits, (line,), told = ask([fault], timeout=150 if fault == "hang" else 5_000)
    assert waits == [1]
    assert told is None
    assert "\n" not in line


def test_an_exchange_that_is_not_there_is_one_line():
    """No answer at all, eight times."""
    with ExchangeServer({"api BTCUSDT": make_candles(10)}) as server:
        exchange = connect(server, "binance")
    waits = []
    with pytest.raises(DataError, match="^binance: 8 tries failed.*Connection refused[^\n]*$"):
        Remote(exchange, lambda line: None, waits.append).ask(exchange.load_markets)
    assert len(waits) == 7


def test_an_answer_of_another_shape_is_asked_again():
    """ccxt stumbles over it with an error of its own; the reader of the answer may refuse it too."""
    exchange, answers = ccxt.binance(), iter([TypeError("NoneType"), "bad", "good"])

    def question():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def read(answer):
        if answer == "bad":
            raise ccxt.BadResponse("bad")
        return answer

    said = []
    assert Remote(exchange, said.append, lambda seconds: None).ask(question, read=read) == "good"
    assert (
        said[0] == "binance: BadResponse: NoneType: answered in a shape that is not known; try 2 of 8 in 1 s"
    )
    assert len(said) == 2


def test_a_mistake_of_the_reader_is_not_taken_for_the_exchanges():
    """Only the client's own stumbling is; a bug of ours must show."""

    def read(answer):
        raise TypeError(answer)

    with pytest.raises(TypeError):
        Remote(ccxt.binance(), lambda line: None).ask(lambda: "x", read=read)


@pytest.mark.parametrize(
    ("name", "has_date", "expected"),
    [("binance", True, START), ("bitfinex", True, START), ("bitfinex", False, START + 999 * STEP)],
)
def test_the_time_is_the_exchanges(name, has_date, expected):
    """Asked for, or of its last answer, or at last the local clock."""
    with ExchangeServer({"tBTCUSD": make_candles(10)}, now=START) as server:
        server.has_date = has_date
        exchange = connect(server, name)
        remote = Remote(exchange, lambda line: None, clock=lambda: START / 1000 + 999 * 60)
        remote.ask(exchange.load_markets)
        assert remote.now() == expected


def test_an_exchange_is_opened_by_name():
    """In any case; proxies of the environment are honoured."""
    exchange = open_exchange(" Binance")
    assert exchange.id == "binance"
    assert exchange.session.trust_env


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("binanse", "exchange 'binanse': is not known; close are binance"),
        ("%", "exchange '%': is not known; there are "),
        ("Exchange", "exchange 'Exchange': is not known; "),
    ],
)
def test_an_unknown_exchange_is_told_with_those_close(name, told):
    """One line."""
    with pytest.raises(DataError) as caught:
        open_exchange(name)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)
