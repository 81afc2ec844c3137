"""The real server in a thread, on a port of its own, and a client for it."""

import http.client
import json
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field

from tapeline.http.figures import Figures
from tapeline.http.promoted import Promoted
from tapeline.http.server import bind, make_server
from tapeline.promotion.bundle import pack
from tapeline.schema import OHLCV

JSON = {"Content-Type": "application/json"}


def no_versions(models):
    """As outside of any repository."""


@dataclass
class Service:
    """A server that runs: what it answers by, and the lines that it wrote."""

    port: int
    promoted: Promoted
    lines: list[str] = field(default_factory=list)

    def ask(self, method, path, body=None, headers=None):
        """Status, headers, and what was answered, JSON where it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            text = answer.read().decode()
            is_json = answer.headers["Content-Type"] == "application/json"
            return answer.status, answer.headers, json.loads(text) if is_json else text
        finally:
            connection.close()

    def get(self, path):
        """Status and what was answered."""
        status, _, found = self.ask("GET", path)
        return status, found

    def post(self, body, **headers):
        """Status and what was answered to a body, as it is or as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, _, found = self.ask("POST", "/candles", raw, JSON | headers)
        return status, found


@contextmanager
def service(models, token=None, name_versions=no_versions):
    """Serve the folder `models` meanwhile."""
    figures, lines = Figures(), []
    promoted = Promoted(models, name_versions, figures, lines.append)
    with bind("127.0.0.1", "0", token) as listening:
        server = make_server(promoted, token, figures)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield Service(listening.getsockname()[1], promoted, lines)
        finally:
            server.should_exit = True
            thread.join()


def placed(bundles, models):
    """Copies of `bundles` in the new folder `models`."""
    for bundle in bundles:
        shutil.copytree(bundle, models / bundle.name)
    return models


def with_card(bundle, folder, text):
    """A copy of `bundle` with a model card, as the pipeline packs one."""
    names = json.loads((bundle / "manifest.json").read_text())["sha256"]
    pack(folder, {name: (bundle / name).read_bytes() for name in names} | {"model_card.md": text}, {})


def minutes(tables, n):
    """The first `n` minutes as candles that are posted, the leader's first; what was filled is missing."""
    rows = {
        name: table[["timestamp", *OHLCV, "is_filled"]].to_dict("records") for name, table in tables.items()
    }
    for i in range(n):
        for name, candles in rows.items():
            candle = dict(candles[i])
            if not candle.pop("is_filled"):
                yield candle | {"symbol": name, "timestamp": int(candle["timestamp"].timestamp() * 1000)}
