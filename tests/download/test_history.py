"""Downloads through the real ccxt client from a local exchange: whatever fails, the files hold the truth."""

import fcntl
import os
import re
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.download.history import Request, download, name_folder, read_time
from tapeline.errors import DataError
from tapeline.market.cleaning import clean
from tapeline.market.data_params import DataParams
from tapeline.market.files import read_symbol
from tapeline.schema import OHLCV
from tests.download.exchange_server import (
    BROKEN_ANSWERS,
    BROKEN_PAGES,
    START,
    STEP,
    ExchangeServer,
    connect,
    make_candles,
)

# Two months, a short gap, and one longer than a page of Binance, 1000 candles.
BEGIN = START + (31 * 1440 - 400) * STEP
HOLES = ((50, 53), (900, 2300))
CANDLES = make_candles(3000, BEGIN, holes=HOLES)
MARKETS = {"binance": ("api BTCUSDT", "BTC/USDT"), "bitfinex": ("tBTCUSD", "BTC/USD")}
BOTH = pytest.mark.parametrize("name", MARKETS)
SECOND = pytest.param("bitfinex", marks=pytest.mark.slow)
ONE = pytest.mark.parametrize("name", ["binance", SECOND])  # the other in `make test-all`


def serve(name, candles=CANDLES, **options):
    """A server of one market of exchange `name`."""
    return ExchangeServer({MARKETS[name][0]: candles}, **options)


def fetch(server, name, root, since=BEGIN, until=None, symbols=None, interval="1m", **options):
    """The reports of a download by the real client; no wait is waited for."""
    options = {"say": lambda line: None, "sleep": lambda seconds: None, **options}
    exchange = options.pop("exchange", None) or connect(server, name)
    request = Request(symbols or (MARKETS[name][1],), since, until, interval)
    return list(download(exchange, request, root, **options))


def files(root):
    """Every file under `root`, hidden ones too: its name and bytes."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def stored(root):
    """Times and values of all candles under `root`, in name order of the files."""
    table = pd.concat([pd.read_parquet(path) for path in sorted(root.rglob("*.parquet"))])
    assert list(table.columns) == ["timestamp", *OHLCV]
    assert str(table["timestamp"].dtype) == "datetime64[us, UTC]"
    return table["timestamp"].to_numpy("datetime64[ms]").view("int64"), table[list(OHLCV)].to_numpy()


def assert_stored(root, times, values):
    """What lies under `root` is exactly these candles."""
    np.testing.assert_array_equal(stored(root)[0], times)
    np.testing.assert_array_equal(stored(root)[1], values)


def refused(*arguments, **options):
    """The error of a download, in one line."""
    with pytest.raises(DataError) as caught:
        fetch(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@ONE
@pytest.mark.parametrize("fault", [None, *BROKEN_ANSWERS, *BROKEN_PAGES])
def test_after_any_fault_the_files_hold_the_truth(tmp_path, name, fault):
    """A fault at the first question, within a month, and where an honest gap begins."""
    with serve(name, page=400) as server:
        server.faults["candles"] = [fault, None, fault, fault and None, fault]
        exchange = connect(server, name)
        exchange.timeout = 5000 if fault != "hang" else 150
        (report,) = fetch(server, name, tmp_path, exchange=exchange)
    assert_stored(tmp_path, *CANDLES)
    assert report.retries == (3 if fault in BROKEN_ANSWERS else 0)
    assert (report.fetched, len(report.times)) == (len(CANDLES[0]),) * 2
    assert (report.tally.duplicates > 0) == (fault == "twice")
    assert (report.tally.conflicting > 0) == (fault == "conflict")
    symbol = MARKETS[name][1].replace("/", "-")
    months = [f"{name.upper()}/{symbol}/1m-2024-{month}.parquet" for month in ("01", "02")]
    assert sorted(files(tmp_path)) == months


@ONE
@pytest.mark.parametrize("kind", ["markets", pytest.param("time", marks=pytest.mark.slow)])
@pytest.mark.parametrize("fault", [fault for fault in BROKEN_ANSWERS if fault != "hang"])
def test_markets_and_time_are_asked_again_too(tmp_path, name, kind, fault):
    """A fault before the first candle is no other: above all, half a list of markets is not taken for one."""
    with serve(name) as server:
        server.faults[kind] = [fault, None, fault]
        fetch(server, name, tmp_path)
    assert_stored(tmp_path, *CANDLES)


def test_a_row_far_ahead_of_its_page_does_not_hide_what_lies_between(tmp_path):
    """What follows a gap longer than a page is asked for again, from where the gap begins."""
    candles = make_candles(2000)
    with serve("binance", candles, page=300) as server:
        server.faults["candles"] = ["ahead"]
        fetch(server, "binance", tmp_path, START)
    assert_stored(tmp_path, *candles)


def honest(faults):
    """Faults of which no lie is told twice in a row: what is told twice is believed."""
    lies = [fault for fault in faults if fault not in BROKEN_ANSWERS]
    return all(a != b or a is None for a, b in pairwise(lies))


QUICK = [fault for fault in (*BROKEN_ANSWERS, *BROKEN_PAGES) if fault != "hang"]
FAULTS = st.lists(st.one_of(st.none(), st.sampled_from(QUICK)), max_size=25)


@cache
def without_faults(name, folder):
    """The files of a download, below `folder`, in which nothing fails."""
    root = folder / f"without faults {name}"
    with serve(name) as server:
        fetch(server, name, root)
    return files(root)


@given(
    faults=FAULTS.filter(honest),
    name=st.sampled_from(list(MARKETS)),
    page=st.integers(40, 700),
    by_window=st.booleans(),
)
@settings(max_examples=10)
def test_any_mixture_of_faults_gives_the_same_bytes(tmp_path_factory, faults, name, page, by_window):
    """Whatever the faults, the length of pages, and whether the exchange answers by window."""
    root = tmp_path_factory.mktemp("faulty")
    with serve(name, page=page, by_window=by_window) as faulty:
        # Never eight failures in a row, which would end the run.
        faulty.faults["candles"] = [
            f for k, fault in enumerate(faults) for f in (fault, *[None] * (k % 4 == 3))
        ]
        fetch(faulty, name, root)
    assert files(root) == without_faults(name, tmp_path_factory.getbasetemp())


@ONE
@pytest.mark.parametrize("by_window", [False, True])
def test_nothing_for_many_pages_neither_ends_the_download_nor_holds_it_up(tmp_path, name, by_window):
    """Listed later than SINCE, halted for days, closed before UNTIL: few questions, all candles."""
    n = 30_000
    candles = make_candles(n, holes=((0, 12_000), (12_500, 25_000), (26_000, n)))
    with serve(name, candles, now=START + n * STEP, by_window=by_window) as server:
        (report,) = fetch(server, name, tmp_path, since=START)
        assert len(server.questions()) <= 2 * n // 1000 + 10
    assert_stored(tmp_path, *candles)
    assert "1500 of 29999 candles" in report.describe(STEP)
    told = "; not served 28499: 12000 before the first, 12500 in 1 gaps, 3999 after the last; "
    assert told in report.describe(STEP)


@BOTH
@pytest.mark.parametrize("by_window", [False, True])
def test_a_time_that_is_to_be_passed_costs_no_candle(tmp_path, name, by_window):
    """An exchange that begins behind the time asked for leaves out no candle, neither first nor between."""
    with serve(name, page=300, by_window=by_window, is_exclusive=True) as server:
        (report,) = fetch(server, name, tmp_path)
    assert_stored(tmp_path, *CANDLES)
    assert report.tally.outside == 0


def test_a_gap_that_was_a_fault_is_closed(tmp_path):
    """A page that leaves out candles is asked for again, and the fuller answer taken."""
    candles = make_candles(300)
    with serve("binance", candles) as server:
        server.faults["candles"] = ["holed"]
        fetch(server, "binance", tmp_path, START)
    assert_stored(tmp_path, *candles)


def test_what_an_exchange_does_not_serve_is_told_and_asked_for_again(tmp_path):
    """Kraken has the last 720 candles whatever is asked; later it may have more."""
    n = 5000
    times, values = make_candles(n)
    market = {"XXBTZUSD": (times, values)}
    with ExchangeServer(market, now=int(times[-1]) + STEP, is_exclusive=True, last=720) as server:
        (report,) = fetch(server, "kraken", tmp_path, START, START + n * STEP, symbols=("BTC/USD",))
        assert len(report.times) == 719
        told = f"BTC/USD: 719 of {n - 1} candles in "
        assert report.describe(STEP).startswith(told)
        assert (
            f"; not served {n - 720}: {n - 720} before the first, 0 in 0 gaps, 0 after the last; "
            in report.describe(STEP)
        )
        assert report.n_missing(STEP) == n - 720
        server.log.clear()
        fetch(server, "kraken", tmp_path, START, START + n * STEP, symbols=("BTC/USD",))
        assert 1 <= len(server.questions()) <= 4
        server.last = None
        server.page = 720
        fetch(server, "kraken", tmp_path, START, START + n * STEP, symbols=("BTC/USD",))
    assert_stored(tmp_path, times[:-1], values[:-1])


def test_off_grid_candles_are_counted_once(tmp_path):
    """However often pages hold them, and apart from what lies outside the request."""
    times, values = make_candles(300)
    odd = np.insert(times, 150, times[150] - 7_000), np.insert(values, 150, values[150], axis=0)
    with serve("binance", odd, page=40) as server:
        (report,) = fetch(server, "binance", tmp_path, START)
    assert_stored(tmp_path, times, values)
    assert (len(report.tally.off_grid), report.tally.outside) == (1, 0)
    assert ", outside the request 0, off the grid 1, " in report.describe(STEP)


@ONE
@pytest.mark.parametrize("skew_days", [-400, 0, 400])
@pytest.mark.parametrize(("late_ms", "n_closed"), [(4_000, 99), (6_000, 100), (59_000, 100)])
def test_the_exchanges_clock_says_which_candle_is_open(tmp_path, name, skew_days, late_ms, n_closed):
    """By its time, or where it has none by the date of its answers, whatever the local clock says."""
    times, values = make_candles(300)
    now = int(times[100]) + late_ms
    with serve(name, (times, values), now=now) as server:
        fetch(server, name, tmp_path, START, clock=lambda: now / 1000 + skew_days * 86_400)
    assert_stored(tmp_path, times[:n_closed], values[:n_closed])


def test_without_any_other_clock_the_local_one_is_used(tmp_path):
    """Bitfinex has no question for its time; here its answers have no date either."""
    times, values = make_candles(300)
    with serve("bitfinex", (times, values)) as server:
        server.has_date = False
        fetch(server, "bitfinex", tmp_path, START, clock=lambda: times[100] / 1000 + 6)
    assert_stored(tmp_path, times[:100], values[:100])


@BOTH
def test_until_is_exclusive_and_since_inclusive(tmp_path, name):
    """Only candles of the request are stored, also where its ends lie between candles."""
    times, values = make_candles(300)
    with serve(name, (times, values)) as server:
        fetch(server, name, tmp_path / "a", START + 10 * STEP, START + 20 * STEP)
        fetch(server, name, tmp_path / "b", START + 10 * STEP - 1, START + 19 * STEP + 1)
    assert_stored(tmp_path / "a", times[10:20], values[10:20])
    assert files(tmp_path / "a") == files(tmp_path / "b")


@ONE
def test_a_second_run_asks_for_what_is_missing_alone(tmp_path, name):
    """Later, earlier, in between, overlapping or none of it: the bytes are those of one run."""
    n = 1440
    candles = make_candles(3 * n, BEGIN)
    with serve(name, candles) as server:
        for since, until in ((n, n + 50), (2 * n, 2 * n + 50), (0, 70), (20, 2 * n + 20), (0, 3 * n)):
            fetch(server, name, tmp_path / "parts", BEGIN + since * STEP, BEGIN + until * STEP)
        asked = [int(question.get("startTime") or question["start"]) for question in server.questions()]
        assert len(set(asked)) == len(asked)
        fetch(server, name, tmp_path / "parts", BEGIN, BEGIN + 3 * n * STEP)
        assert len(server.questions()) == len(asked)  # nothing was left to ask for
        fetch(server, name, tmp_path / "whole", BEGIN, BEGIN + 3 * n * STEP)
    assert_stored(tmp_path / "whole", *candles)
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


@ONE
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_run_stopped_at_any_page_goes_on_from_there(tmp_path, name, error, monkeypatch):
    """One line says what is on disk; the next run goes on behind it, to the same bytes."""
    with serve(name, page=300) as server:
        fetch(server, name, tmp_path / "whole")
        n_questions = len(server.questions())
        for n_pages in range(4):
            exchange = connect(server, name)
            n_left, ask = [n_pages], exchange.fetch_ohlcv

            def stop(*details, n_left=n_left, ask=ask):
                n_left[0] -= 1
                if n_left[0] < 0:
                    raise error
                return ask(*details)

            monkeypatch.setattr(exchange, "fetch_ohlcv", stop)
            server.log.clear()
            root = tmp_path / str(n_pages)
            with pytest.raises((DataError, KeyboardInterrupt)) as caught:
                fetch(server, name, root, exchange=exchange)
            told, n_stored = str(caught.value), sum(len(pd.read_parquet(p)) for p in root.rglob("*.parquet"))
            assert f"fetched {n_stored} candles, " in told
            assert "run the same again to go on from there" in told
            assert "\n" not in told
            fetch(server, name, root)
            assert files(root) == files(tmp_path / "whole")
            assert len(server.questions()) <= n_questions + 2  # a page with a gap, begun again


def test_giving_up_is_one_line_and_resumable(tmp_path):
    """Eight failures in a row end the run; it says what was fetched, and goes on when run again."""
    with serve("binance", page=200) as server:
        server.faults["candles"] = [None, None, *["503"] * 8]
        told = refused(server, "binance", tmp_path)
        last = "2024-01-31T20:42:00Z"
        assert told.startswith("BTC/USDT: binance: 8 tries failed, the last: ExchangeNotAvailable: HTTP 503")
        assert told.endswith(f"BTC-USDT holds 200, the last {last}; run the same again to go on from there")
        fetch(server, "binance", tmp_path)
    assert_stored(tmp_path, *CANDLES)


def test_every_question_waits_for_the_rate_limit(tmp_path):
    """Markets, time, candles, repeated ones too, even where the client came with the limit switched off."""
    with serve("binance", page=100) as server:
        server.faults["candles"] = ["503", None, "empty", "429"]
        exchange, costs = connect(server, "binance"), []
        exchange.enableRateLimit = False
        exchange.throttle = costs.append
        fetch(server, "binance", tmp_path, exchange=exchange)
        assert len(costs) == len(server.log) > 20


def test_the_download_keeps_to_the_clients_pace(tmp_path):
    """The exchange never gets more questions than its limit allows in the time they took."""
    with serve("bitfinex", make_candles(600), page=100) as server:
        exchange = connect(server, "bitfinex")
        exchange.rateLimit = 40  # milliseconds; a question for candles costs several of them
        fetch(server, "bitfinex", tmp_path, START, START + 600 * STEP, exchange=exchange)
        asked = [question["at"] for question in server.questions()]
    assert len(asked) == 7
    assert asked[-1] - asked[0] >= 6 * 0.040 * 0.9


def test_ingest_reads_what_was_downloaded(tmp_path):
    """Two months, a gap that is filled and one that cuts, through the readers of the pipeline."""
    with serve("binance") as server:
        fetch(server, "binance", tmp_path)
    data = DataParams(
        source="files",
        path=str(tmp_path / "BINANCE"),
        layout="auto",
        columns={},
        timezone=None,
        symbols=("BTC-USDT",),
        interval="1m",
        max_fill=15,
        max_filled_share=0.2,
        max_rejected_share=0.0,
        extra={},
        extra_path="",
        memory_gb=None,
        workers=1,
    )
    cleaned = clean(read_symbol(data, "BTC-USDT"), data)
    real = cleaned.candles[~cleaned.candles["is_filled"]]
    np.testing.assert_array_equal(real[list(OHLCV)].to_numpy(), CANDLES[1])
    assert {key: cleaned.card[key] for key in ("filled", "gaps", "segments", "duplicates", "rejected")} == {
        "filled": 3, "gaps": 2, "segments": 2, "duplicates": 0, "rejected": 0,
    }  # fmt: skip


def test_two_markets_of_one_pair_have_two_folders(tmp_path):
    """Spot and perpetual, each with its own candles."""
    spot, perpetual = make_candles(1200, seed=1), make_candles(1200, seed=2)
    with ExchangeServer({"api BTCUSDT": spot, "fapi BTCUSDT": perpetual}) as server:
        reports = fetch(server, "binance", tmp_path, START, symbols=("BTC/USDT", "BTC/USDT:USDT"))
    assert [report.folder.name for report in reports] == ["BTC-USDT", "BTC-USDT-PERP"]
    assert_stored(tmp_path / "BINANCE/BTC-USDT", *spot)
    assert_stored(tmp_path / "BINANCE/BTC-USDT-PERP", *perpetual)


def test_a_symbol_without_candles_is_reported(tmp_path):
    """No file is left that a reader would find empty."""
    with serve("binance", now=BEGIN + 5000 * STEP) as server:
        (report,) = fetch(server, "binance", tmp_path, BEGIN + 4000 * STEP)
    assert report.describe(STEP).startswith("BTC/USDT: the exchange has no candle in 2024-02-03T")
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    ("symbol", "folder"),
    [
        ("BTC/USDT", "BTC-USDT"),
        ("BTC/USDT:USDT", "BTC-USDT-PERP"),
        ("BTC/USD:BTC", "BTC-USD-BTC-PERP"),
        ("BTC/USDT:USDT-240329", "BTC-USDT-USDT-240329"),
        ("BTC/USD:BTC-240329-50000-C", "BTC-USD-BTC-240329-50000-C"),
        ("1000SHIB/USDT", "1000SHIB-USDT"),
    ],
)
def test_a_symbol_has_its_folder(symbol, folder):
    """Spot, perpetual, expiring: never two of them the same."""
    assert name_folder(symbol) == folder


def test_a_symbol_that_can_name_no_folder_is_an_error():
    """Ingest could not be told to read it."""
    with pytest.raises(DataError, match="币安人生/USDT: can't name a folder"):
        name_folder("币安人生/USDT")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-01-01", START),
        ("2024-01-01T00:01", START + STEP),
        ("2024-01-01 00:01:00Z", START + STEP),
        ("2024-01-01T01:01+01:00", START + STEP),
        ("yesterday", None),
        ("2024-13-01", None),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(text, time):
    """ISO 8601; anything else is told with what is allowed."""
    if time is None:
        with pytest.raises(DataError, match=f"^SINCE: is '{text}', no date or time such as 2024-01-31 or"):
            read_time("SINCE", text)
    else:
        assert read_time("SINCE", text) == time


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"symbols": ("BTC/USDX",)}, "binance: has no symbol 'BTC/USDX'; close are BTC/USDT"),
        ({"symbols": ("BTCUSDT",)}, "binance: has no symbol 'BTCUSDT'; close are BTC/USDT"),
        ({"symbols": ("?",)}, "binance: has no symbol '?'; there are 1, none like it"),
        ({"interval": "2m"}, "binance: interval is '2m', must be one of 1m, 5m, 15m, 1h"),
        ({"interval": "4h"}, "binance: interval is '4h', must be one of 1m, 5m, 15m, 1h"),
        ({"until": BEGIN}, "binance: no closed candle lies in 2024-01-31T17:20:00Z/2024-01-31T17:20:00Z"),
        ({"since": START + 10**9 * STEP}, "binance: no closed candle lies in 3925-"),
        ({"since": -STEP * 60}, "SINCE: lies before 1970"),
    ],
)
def test_a_request_that_cant_be_met_is_one_line(tmp_path, changes, told):
    """What is wrong and what is allowed, before anything is written."""
    with serve("binance") as server:
        assert refused(server, "binance", tmp_path, **changes).startswith(told)
        assert not server.questions()
    assert files(tmp_path) == {}


def test_an_exchange_that_lacks_an_interval_lists_what_it_has(tmp_path):
    """Of the intervals that the pipeline knows."""
    with serve("bitfinex") as server:
        exchange = connect(server, "bitfinex")
        del exchange.timeframes["5m"]
        told = refused(server, "bitfinex", tmp_path, interval="5m", exchange=exchange)
    assert told == "bitfinex: interval is '5m', must be one of 1m, 15m, 1h"


def test_a_folder_of_anything_else_is_left_alone(tmp_path):
    """Another interval, a user's own file, a file of another maker, a broken one: told, and not touched."""
    folder = tmp_path / "BINANCE/BTC-USDT"
    folder.mkdir(parents=True)
    with serve("binance") as server:
        for name in ("mine.csv", "5m-2024-01.parquet", "1m-2024-02.parquet"):
            (folder / name).write_bytes(b"x")
            told = refused(server, "binance", tmp_path)
            assert re.search(r"is no download of 1m candles|is broken \(", told), told
            assert name in told
            assert files(folder) == {name: b"x"}
            (folder / name).unlink()
        pd.DataFrame({"timestamp": [1]}).to_parquet(folder / "1m-2024-02.parquet")
        assert "was not written by the download" in refused(server, "binance", tmp_path)


def test_what_a_killed_run_left_half_written_goes_away(tmp_path):
    """It would be tracked by DVC with the rest of the folder."""
    left = tmp_path / "BINANCE/BTC-USDT/.1m-2024-01.parquet.partial"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    with serve("binance") as server:
        fetch(server, "binance", tmp_path, BEGIN + 2500 * STEP)
    assert sorted(files(left.parent)) == ["1m-2024-02.parquet"]


def test_two_downloads_to_one_folder_are_kept_apart(tmp_path):
    """The second ends in one line."""
    folder = tmp_path / "BINANCE/BTC-USDT"
    folder.mkdir(parents=True)
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with serve("binance") as server:
            assert "another run is downloading to it" in refused(server, "binance", tmp_path)
    finally:
        os.close(descriptor)
