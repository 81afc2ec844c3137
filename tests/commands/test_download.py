"""`make download`: from the command line, over https, to the files, also when killed at any moment."""

import os
import random
import signal
import subprocess
import threading

import numpy as np
import pandas as pd
import pytest

from commands.download import main
from tapeline.closure import ROOT
from tapeline.schema import OHLCV
from tests.download.certificate import make_certificate
from tests.download.exchange_server import START, STEP, ExchangeServer, make_candles
from tests.warm import warm_python

CANDLES = make_candles(3000, START + (31 * 1440 - 1500) * STEP, holes=((700, 720),))
REQUEST = ["binance", "BTC/USDT", "2024-01-30T23:00", "2024-02-02T01:00", "1m"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Files of a certificate for Binance's hosts, which only these tests trust, and its key."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def server(certificate):
    """Binance behind a proxy for https: the command runs as it is, with its real addresses."""
    with ExchangeServer({"api BTCUSDT": CANDLES}, page=100) as server:
        server.certificate = certificate
        yield server


def start(server, root, *request):
    """The command, running."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return subprocess.Popen(
        [warm_python(), "-m", "commands.download", *(request or REQUEST), "--folder", str(root)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**kept, "HTTPS_PROXY": server.url, "REQUESTS_CA_BUNDLE": server.certificate[0]},
    )  # fmt: skip


def stop_after(server, root, n_questions, sign):
    """Output of the command, sent `sign` at its question `n_questions` for candles; later ones wait."""
    reached, stopped = threading.Event(), threading.Event()

    def hold():
        n_asked = len(server.questions())
        if n_asked >= n_questions:
            reached.set()
        if n_asked > n_questions:
            stopped.wait(60)  # or a busy machine sends the signal when all is done

    server.log.clear()
    server.on_question = hold
    process = start(server, root)
    try:
        assert reached.wait(60), process.communicate(timeout=40)
        process.send_signal(sign)
        out, err = process.communicate(timeout=40)
    finally:
        stopped.set()
        server.on_question = lambda: None
    return process.returncode, out, err


def finish(server, root, *request):
    """Status and output of the command, run to its end."""
    process = start(server, root, *request)
    out, err = process.communicate(timeout=40)
    return process.returncode, out, err


def files(root):
    """Every visible file under `root`: its name and bytes."""
    found = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


def test_the_command_fetches_and_says_what(tmp_path, server):
    """One line a symbol on stdout, retries on stderr, no progress bar where there is no terminal."""
    server.faults["candles"] = ["503"]
    status, out, err = finish(server, tmp_path)
    assert status == 0, err
    assert out.startswith(
        f"BTC/USDT: 2980 of 3000 candles in {tmp_path}/BINANCE/BTC-USDT, first 2024-01-30T23:00:00Z,"
    )
    assert "; not served 20: 0 before the first, 20 in 1 gaps, 0 after the last; fetched now 2980 in " in out
    assert out.count("\n") == err.count("\n") == 1
    assert err.endswith("; try 2 of 8 in 1 s\n")
    table = pd.concat(pd.read_parquet(path) for path in sorted(tmp_path.rglob("*.parquet")))
    np.testing.assert_array_equal(table[list(OHLCV)].to_numpy(), CANDLES[1])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path, server, seed):
    """kill -9 four times, then a run to the end; no kill costs more than the page that was under way."""
    chance = random.Random(seed)
    assert finish(server, tmp_path / "whole")[0] == 0
    n_asked = 0
    for _ in range(4):
        status, _, _ = stop_after(server, tmp_path / "killed", chance.randint(1, 8), signal.SIGKILL)
        assert status == -signal.SIGKILL
        n_asked += len(server.questions())
    server.log.clear()
    assert finish(server, tmp_path / "killed")[0] == 0
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
    assert n_asked + len(server.questions()) <= 33 + 4 + 4


@pytest.mark.slow
def test_ctrl_c_is_one_line_and_resumable(tmp_path, server):
    """It says what is on disk; status 130."""
    status, out, err = stop_after(server, tmp_path, 5, signal.SIGINT)
    assert (status, out) == (130, "")
    assert err.startswith("BTC/USDT: stopped; fetched ")
    assert err.endswith("; run the same again to go on from there\n")
    assert err.count("\n") == 1
    status, out, _ = finish(server, tmp_path)
    assert (status, out.split(" in ")[0]) == (0, "BTC/USDT: 2980 of 3000 candles")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["", "BTC/USDT", "2024-01-01"], "EXCHANGE: is missing: make download EXCHANGE=binance SYMBOLS="),
        (["binance", " ,", "2024-01-01"], "SYMBOLS: is missing: make download"),
        (["binance", "BTC/USDT", "", "", ""], "SINCE: is missing: make download"),
        (["binance", "BTC/USDT", "1.1.2024"], "SINCE: is '1.1.2024', no date or time such as 2024-01-31"),
        (["binance", "BTC/USDT", "2024-01-01", "soon"], "UNTIL: is 'soon', no date or time such as"),
        (["binanc", "BTC/USDT", "2024-01-01", "", ""], "exchange 'binanc': is not known; close are binance"),
        (
            ["binance", "BTC/USDT", "2024-01-01", "", "3m"],
            "binance: interval is '3m', must be one of 1m, 5m,",
        ),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(tmp_path, arguments, told):
    """Before anything is asked or written; make passes values that are not set as empty."""
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--folder", str(tmp_path)])
    assert str(caught.value.code).startswith(told)
    assert "\n" not in caught.value.code
    assert files(tmp_path) == {}


@pytest.mark.parametrize("strict", ["1", pytest.param("0", marks=pytest.mark.slow), ""])
def test_strict_makes_what_was_not_served_an_error(tmp_path, server, strict, monkeypatch):
    """With how many candles of what; the candles that were served are on disk."""
    monkeypatch.setenv("STRICT", strict)
    status, out, err = finish(server, tmp_path)
    assert out.startswith("BTC/USDT: 2980 of 3000 candles")
    told = "binance: did not serve 20 candles of BTC/USDT, asked twice; the next run asks again\n"
    assert (status, err) == ((1, told) if strict == "1" else (0, ""))


def test_a_symbol_without_candles_fails_the_command(tmp_path, server):
    """After the others; a typo in SINCE is not taken for success."""
    server.now = START + 400 * 1440 * STEP
    status, out, err = finish(server, tmp_path, "binance", "BTC/USDT", "2024-07-01", "2024-07-02")
    assert (status, err) == (1, "binance: no candles of BTC/USDT\n")
    assert out.startswith("BTC/USDT: the exchange has no candle in 2024-07-01T00:00:00Z/2024-07-02T00:00:00Z")
