"""A local exchange that speaks the protocols of Binance, Bitfinex and Kraken, and fails as told."""

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import ccxt
import numpy as np

from tests.download.exchange_socket import ServerSocket

STEP = 60_000  # milliseconds
START = 1_704_067_200_000  # 2024-01-01T00:00Z
BROKEN_ANSWERS = ("429", "418", "500", "503", "hang", "reset", "cut", "malformed", "null")
BROKEN_PAGES = ("short", "empty", "twice", "conflict", "shuffled", "overlap", "stray")
RETRY_AFTER_S = 7


def make_candles(n, start=START, seed=0, holes=(), step=STEP):
    """Times (n,) and candles (n, 5) of a random walk, without the positions of `holes`, (from, to) each."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, n)))
    open_ = np.append(100.0, close[:-1])
    high, low = np.maximum(open_, close) * 1.0004, np.minimum(open_, close) * 0.9996
    values = np.column_stack([open_, high, low, close, rng.lognormal(size=n)])
    is_there = np.ones(n, dtype=bool)
    for first, last in holes:
        is_there[first:last] = False
    return (start + step * np.arange(n))[is_there], values[is_there]


class ExchangeServer:
    """Serves `markets` (id to times and values) until closed; `now` is its clock, in milliseconds.

    `faults` names what goes wrong with the next answers, by kind of question: candles, markets or time.
    `refused` and `failing` are markets whose candles it refuses, for good or for now. `sockets` are the
    connections of its websocket, in their order; with `socket_fault`, an HTTP status or reset, it opens none.

    `log` has each question. `page` caps a page of candles; `by_window` answers with the candles of the span
    asked for only, as Coinbase and OKX do, instead of the next ones. Kraken takes the time asked for as one
    to be passed (`is_exclusive`), and serves the `last` 720 candles whatever is asked.
    """

    def __init__(self, markets, now=None, page=None, by_window=False, is_exclusive=False, last=None):
        self.markets, self.page, self.by_window = markets, page, by_window
        self.is_exclusive, self.last = is_exclusive, last
        self.now = now or max(int(times[-1]) for times, _ in markets.values()) + 10 * STEP
        self.faults = {"candles": [], "markets": [], "time": []}
        self.log, self.sockets, self.socket_fault, self.refused = [], [], None, set()
        self.failing = set()
        self.headers = []  # of every question
        self.on_question = lambda: None
        self.hang_s, self.retry_after, self.has_date = 0.5, str(RETRY_AFTER_S), True
        self.certificate = None  # with one, and its key, the server is also a proxy for https
        owner = self

        class Handler(_Handler):
            exchange = owner

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()

    def questions(self, kind="candles"):
        """The questions of one kind, in their order."""
        return [question for question in self.log if question["kind"] == kind]

    def rows(self, market, start, limit):
        """The candles from `start` on, as the exchange has them now: the open one is not what it will be."""
        times, values = self.markets[market]
        last = min(self.now, start + (limit - 1) * STEP) if self.by_window else self.now
        begin, end = np.searchsorted(times, [start + self.is_exclusive, last + 1])
        begin = max(begin, end - self.last) if self.last else begin
        some = slice(begin, min(end, begin + min(limit, self.page or limit)))
        rows = [[int(t), *v] for t, v in zip(times[some], values[some].tolist(), strict=True)]
        return [[row[0], *[x / 2 for x in row[1:]]] if row[0] + STEP > self.now else row for row in rows]

    def spoil(self, rows, fault, start):
        """`rows` of a page as `fault` leaves them."""
        if fault == "short":
            return rows[: max(1, len(rows) // 3)]
        if fault == "holed":
            return rows[:10] + rows[14:]
        if fault == "empty":
            return []
        if fault == "twice":
            return [row for row in rows for _ in range(2)]
        if fault == "conflict":
            return [row for true in rows for row in ([true[0], 1.0, 1.0, 1.0, 1.0, 1.0], true)]
        if fault == "shuffled":
            return rows[1::2][::-1] + rows[::2]
        if fault == "overlap":
            return [[start - STEP * back, 1.0, 1.0, 1.0, 1.0, 1.0] for back in (3, 2, 1)] + rows
        if fault == "stray":
            return [[self.now + 10**9 * STEP, 1.0, 1.0, 1.0, 1.0, 1.0], *rows, [start + 7, *[1.0] * 5]]
        if fault == "ahead":
            return [*rows, [start + 1500 * STEP, 1.0, 1.0, 1.0, 1.0, 1.0]]
        return rows


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart

    def do_CONNECT(self):
        """As a proxy: answer in place of whatever host is asked for."""
        self.send_response(200)
        self.end_headers()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.exchange.certificate)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False  # though CONNECT comes as HTTP/1.0

    def do_GET(self):
        """Answer a question of either protocol, or fail as told."""
        url = urlsplit(self.path)
        if self.headers.get("Upgrade") == "websocket":
            self.upgrade()
            return
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        kind, answer = self.route(url.path, query)
        self.exchange.log.append({"kind": kind, "path": url.path, "at": time.monotonic(), **query})
        self.exchange.headers.append(dict(self.headers))
        self.exchange.on_question()
        faults = self.exchange.faults.get(kind)
        fault = faults.pop(0) if faults else None
        if kind == "candles" and query.get("symbol") in self.exchange.refused:
            self.reply(400, '{"code": -1121, "msg": "Invalid symbol."}')
            return
        if kind == "candles" and query.get("symbol") in self.exchange.failing:
            fault = "503"
        if fault in BROKEN_ANSWERS or (fault or "").isdigit():
            self.fail(fault, answer(None))
        else:
            self.reply(200, json.dumps(answer(fault)))

    def upgrade(self):
        """Speak as a websocket until the client is gone, or refuse to."""
        self.close_connection = True
        self.exchange.log.append({"kind": "socket", "path": self.path, "at": time.monotonic()})
        fault = self.exchange.socket_fault
        if fault:
            self.fail(fault, {})
            return
        served = ServerSocket(self)
        self.exchange.sockets.append(served)
        served.serve()

    def route(self, path, query):
        """Kind of the question, and a function of the fault that gives its answer."""
        if path.endswith("/exchangeInfo"):
            return "markets", lambda fault: {"symbols": list(self.binance_markets(path.split("/")[1]))}
        if path.endswith("/time"):
            return "time", lambda fault: {"serverTime": self.exchange.now}
        if path.endswith("/klines"):
            return "candles", lambda fault: [
                [t, *map(repr, row), t + STEP - 1, "0", 1, "0", "0", "0"]
                for t, *row in self.page(path.split("/")[1], query["symbol"], query, "startTime", fault)
            ]
        if path.startswith("/v2/conf/pub:list:currency"):
            return "markets", lambda fault: [["BTC", "ETH", "USD"], *[[] for _ in range(10)]]
        if path.startswith("/v2/conf/pub:info:pair"):
            ids = [market[1:] for market in self.exchange.markets if market.startswith("t")]
            pairs = [[name, [None] * 3 + ["0.0001", "1000.0"] + [None] * 7] for name in ids]
            return "markets", lambda fault: [pairs, [], [], []]
        if path.startswith("/0/public/"):
            return self.kraken(path.split("/")[3], query)
        market = path.split("/")[3].split(":")[-1]
        return "candles", lambda fault: [
            [t, o, c, h, low, v] for t, o, h, low, c, v in self.page("", market, query, "start", fault)
        ]

    def kraken(self, question, query):
        """As `route`; answers are objects of errors and a result, times in seconds, numbers as text."""
        if question == "OHLC":
            asked = {"start": int(query["since"]) * 1000, "limit": 720}
            return "candles", lambda fault: {
                "error": [],
                "result": {
                    query["pair"]: [
                        [t // 1000, *map(repr, row[:4]), "0", repr(row[4]), 1]
                        for t, *row in self.page("", query["pair"], asked, "start", fault)
                    ]
                },
            }
        pairs = {
            name: {
                "altname": "XBTUSD",
                "wsname": "XBT/USD",
                "base": "XXBT",
                "quote": "ZUSD",
                "status": "online",
            }
            for name in self.exchange.markets
        }
        now = {"unixtime": self.exchange.now // 1000}
        kind, result = (
            ("time", now) if question == "Time" else ("markets", pairs if question == "AssetPairs" else {})
        )
        return kind, lambda fault: {"error": [], "result": result}

    def page(self, api, market, query, start_name, fault):
        start = int(query[start_name])
        rows = self.exchange.rows(f"{api} {market}".strip(), start, int(query["limit"]))
        return self.exchange.spoil(rows, fault, start)

    def binance_markets(self, api):
        for market in self.exchange.markets:
            if market.startswith(f"{api} "):
                name = market.split(" ")[1]
                yield {
                    "symbol": name, "status": "TRADING", "baseAsset": name[:-4], "quoteAsset": name[-4:],
                    "filters": [], "permissions": [],
                    **({"contractType": "PERPETUAL", "marginAsset": name[-4:]} if api == "fapi" else {}),
                }  # fmt: skip

    def fail(self, fault, answer):
        body = json.dumps(answer)
        if fault in ("429", "418"):
            self.reply(int(fault), '{"code": -1003, "msg": "Too many requests."}', self.exchange.retry_after)
        elif fault.isdigit():
            self.reply(int(fault), "<html>\n<body>The server is\nnot well</body></html>")
        elif fault == "hang":
            time.sleep(self.exchange.hang_s)
            self.close_connection = True
        elif fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif fault == "cut":
            self.reply(200, body[: len(body) // 2], length=len(body))
            self.close_connection = True
        else:
            self.reply(200, body[: len(body) // 2] if fault == "malformed" else "null")

    def reply(self, status, text, retry_after=None, length=None):
        content = text.encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length or len(content)))
        if self.exchange.has_date:
            self.send_header("Date", formatdate(self.exchange.now / 1000, usegmt=True))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Say nothing."""

    def finish(self):
        """End a connection that may be gone already."""
        with contextlib.suppress(OSError, ValueError):
            super().finish()


def connect(server, name):
    """The real client of exchange `name`, with its addresses turned to the local server."""
    exchange = getattr(ccxt, name)({"rateLimit": 1, "timeout": 5_000})
    for api, address in exchange.urls["api"].items():
        if isinstance(address, str):
            exchange.urls["api"][api] = server.url + urlsplit(address).path
    return exchange
