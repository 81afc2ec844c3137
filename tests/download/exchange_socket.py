"""The websocket of the local exchange, by RFC 6455 and Binance's messages, and what goes wrong on one."""

import base64
import contextlib
import hashlib
import json
import socket
import struct
import threading
from urllib.parse import urlsplit

import ccxt.pro

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
PATIENCE_S = 5.0  # of a test with a client that should answer at once


class ServerSocket:
    """One connection of a client: the streams it subscribed to, and frames to it.

    subscribed : set once it asked for streams; ended : set once it is gone
    """

    def __init__(self, handler):
        self.headers, self.streams = dict(handler.headers), []
        self.subscribed, self.ended, self._pong = (threading.Event() for _ in range(3))
        self._rfile, self._connection, self._lock = handler.rfile, handler.connection, threading.Lock()
        key = handler.headers["Sec-WebSocket-Key"] + MAGIC
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self._connection.sendall(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )

    def serve(self):
        """Read what the client sends until it is gone."""
        with contextlib.suppress(OSError, ValueError, struct.error):
            while True:
                code, content = self._read()
                if code == TEXT:
                    message = json.loads(content)
                    self.streams += message["params"]
                    self.send({"result": None, "id": message["id"]})
                    self.subscribed.set()
                elif code == PING:
                    self._write(PONG, content)
                elif code == PONG:
                    self._pong.set()
                elif code == CLOSE:
                    self._write(CLOSE, content)
                    break
        self.ended.set()

    def send(self, message):
        """A message: an object as JSON, text as it is."""
        text = message if isinstance(message, str) else json.dumps(message)
        self._write(TEXT, text.encode())

    def settle(self):
        """Wait until the client has read all that was sent, or is gone."""
        self._pong.clear()
        with contextlib.suppress(OSError):
            self._write(PING, b"")
            for _ in range(int(PATIENCE_S / 0.02)):
                if self._pong.wait(0.02) or self.ended.is_set():
                    return

    def close(self):
        """End the connection as a server does that is taken down."""
        with contextlib.suppress(OSError):
            self._write(CLOSE, struct.pack(">H", 1001))

    def reset(self):
        """Break it without a word."""
        with contextlib.suppress(OSError):
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._connection.shutdown(socket.SHUT_RDWR)

    def _read(self):
        first, second = self._rfile.read(2)
        length = second & 127
        if length > 125:
            (length,) = struct.unpack(
                *((">H", self._rfile.read(2)) if length == 126 else (">Q", self._rfile.read(8)))
            )
        mask = self._rfile.read(4)
        content = self._rfile.read(length)
        return first & 15, bytes(sign ^ mask[k % 4] for k, sign in enumerate(content))

    def _write(self, code, content):
        length = len(content)
        head = (
            struct.pack(">BB", 128 | code, length)
            if length < 126
            else struct.pack(">BBH", 128 | code, 126, length)
        )
        with self._lock:
            self._connection.sendall(head + content)


def kline(market, opened, values, *, closed=None, interval="1m", step=60_000):
    """Binance's message of a candle; `closed` None: without saying whether it has."""
    o, h, low, c, v = map(repr, values)
    end = {} if closed is None else {"x": closed}
    candle = {
        "t": opened,
        "T": opened + step - 1,
        "s": market,
        "i": interval,
        "o": o,
        "c": c,
        "h": h,
        "l": low,
        "v": v,
    }
    return {"e": "kline", "E": opened, "s": market, "k": candle | end}


def connect_socket(server, name, together=True):
    """What makes the real client of an exchange's websocket, with its address turned to the local server."""

    def make():
        client = getattr(ccxt.pro, name)({"rateLimit": 1})
        client.timeout_on_exit = 0  # nothing is encrypted here that would have to be shut down
        client.has["watchOHLCVForSymbols"] = together
        sockets = client.urls["api"]["ws"]
        for kind, address in sockets.items():
            if isinstance(address, str):  # ccxt knows the market by the host, which stays in the path
                parts = urlsplit(address)
                sockets[kind] = server.url.replace("http", "ws") + f"/{parts.netloc}{parts.path}"
        return client

    return make
