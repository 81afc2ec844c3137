"""`make live EXCHANGE=`: as it is, with its real addresses, through a proxy that plays the exchange."""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from commands.live import _exchange
from tapeline.closure import ROOT
from tapeline.live.exchange import ExchangeClock
from tapeline.live.records import open_to_write
from tapeline.live.session import Session
from tests.download.certificate import make_certificate
from tests.download.exchange_server import START, STEP, ExchangeServer, connect
from tests.live.exchange_world import CANDLES, FIRST, PARAMS, SYMBOLS
from tests.live.promoted import promote

SECRET = "s3cr3t-of-an-exchange"
BEFORE_S = 1.5  # the close of a bar, at which the exchange is first asked for its time


class Ticking(ExchangeServer):
    """An exchange whose clock runs from the first question for it on."""

    begun = None

    @property
    def now(self):
        """Milliseconds since 1970."""
        if self.begun is None and any(each["kind"] == "time" for each in self.log):
            self.begun = time.monotonic()
        passed = 0 if self.begun is None else time.monotonic() - self.begun
        return int(START + (FIRST + 1) * STEP + (passed - BEFORE_S) * 1000)

    @now.setter
    def now(self, _):
        pass


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with params and bundles in production, of symbols of the exchange."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    promote(folder / "models/promoted", symbols=SYMBOLS)
    return folder, make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.mark.slow
def test_the_first_closed_candle_is_answered_and_ctrl_c_ends_it(project):
    """Of the symbol asked for and the leader, which its features need: history, socket, an answer each.

    No credential is sent or shown, and one line at the end says where the candles came from.
    """
    folder, certificate = project
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    with Ticking(CANDLES) as server:
        server.certificate = certificate
        process = subprocess.Popen(
            [sys.executable, "-m", "commands.live", "--exchange=binance", "--symbols=BBB-USDT"], cwd=folder,
            text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={
                **kept, "PYTHONPATH": str(ROOT), "HTTPS_PROXY": server.url,
                "REQUESTS_CA_BUNDLE": certificate[0],
                "BINANCE_APIKEY": SECRET, "BINANCE_SECRET": SECRET,
            },
        )  # fmt: skip
        watchdog = threading.Timer(150, process.kill)
        watchdog.start()
        answers = [json.loads(process.stdout.readline()) for _ in SYMBOLS]
        until = time.monotonic() + 60
        while not (server.sockets and server.sockets[0].subscribed.is_set()) and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
        watchdog.cancel()
        streams = server.sockets[0].streams
        sent = [*server.headers, *server.log, *(each.headers for each in server.sockets)]
    assert process.returncode == 130, err
    assert {answer["symbol"] for answer in answers} == set(SYMBOLS)
    assert {answer["status"] for answer in answers} == {"predicted"}
    assert streams == ["aaausdt@kline_1m", "bbbusdt@kline_1m"]
    lines = err.splitlines()
    assert lines[0] == "AAA-USDT is answered as well: the others' features are reckoned by it"
    assert lines[1].startswith("the exchange's clock is ")
    assert lines[-2].startswith("candles: ")
    assert lines[-1] == "interrupted"
    assert len(lines) == 4, err
    written = b"".join(path.read_bytes() for path in (folder / "live").iterdir())
    assert SECRET not in f"{out}{err}{answers}{sent}"
    assert SECRET.encode() not in written


def test_an_exchange_without_a_websocket_is_said(project, tmp_path, monkeypatch, capsys):
    """One line; its candles are asked for."""
    monkeypatch.setattr("tapeline.download.pushing.socket_of", lambda exchange: None)
    with ExchangeServer(CANDLES) as server, open_to_write(tmp_path) as writer:
        monkeypatch.setattr("tapeline.download.remote.open_exchange", lambda name: connect(server, name))
        clock = ExchangeClock(lambda: server.now / 1000)
        models = project[0] / "models/promoted"
        session = Session(writer, models, PARAMS, clock, print, lambda answer: None)
        chosen = argparse.Namespace(exchange="binance", symbols="")
        source = _exchange(chosen, session, PARAMS, clock)
        assert len(source.history()["AAA-USDT"]) > 200
        source.close()
    told = "binance: ccxt knows no websocket of its candles; each is asked for by REST"
    assert told in capsys.readouterr().err.splitlines()
