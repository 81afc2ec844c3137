"""Others are told what happened; that they can't be holds nothing up, and the address stays a secret."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from commands.live import changes
from tapeline.webhook import ADDRESS, PROMOTED, tell
from tests.live.test_endpoint import state

SECRET = "/hooks/s3cr3t"


@pytest.fixture
def receiver():
    """A server that keeps what is posted, and answers with its `status`."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            """Keep the body."""
            got.append(
                (
                    self.path,
                    self.headers["Content-Type"],
                    self.rfile.read(int(self.headers["Content-Length"])),
                )
            )
            self.send_response(server.status)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.status, server.got = 200, got
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_an_event_is_posted_with_its_details(receiver, monkeypatch):
    """As JSON, once, and nothing is said."""
    monkeypatch.setenv(ADDRESS, f"http://127.0.0.1:{receiver.server_port}{SECRET}")
    said = []
    tell(PROMOTED, said.append, model="lstm-direction", version="v1.0.0", why="the first")
    ((path, kind, body),) = receiver.got
    assert (path, kind) == (SECRET, "application/json")
    assert json.loads(body) == {
        "event": "promoted", "model": "lstm-direction", "version": "v1.0.0", "why": "the first",
    }  # fmt: skip
    assert said == []


def test_without_an_address_nothing_happens(receiver, monkeypatch):
    """Nothing is posted or said."""
    monkeypatch.delenv(ADDRESS, raising=False)
    said = []
    tell(PROMOTED, said.append)
    assert receiver.got == said == []


def test_what_can_not_be_told_is_a_line_without_the_address(receiver, monkeypatch):
    """A refusal, nobody there, no address of the web: one line each, no error."""
    said = []
    receiver.status = 500
    addresses = (
        f"http://127.0.0.1:{receiver.server_port}{SECRET}", f"http://127.0.0.1:1{SECRET}", f"file://{SECRET}",
        f"http://[{SECRET}",
    )  # fmt: skip
    for address in addresses:
        monkeypatch.setenv(ADDRESS, address)
        tell(PROMOTED, said.append)
    assert len(said) == 4
    assert said[0] == "TAPELINE_WEBHOOK: promoted was not told: HTTP 500"
    assert "refused" in said[1]
    assert "must begin with http" in said[2]
    assert not any(SECRET in line or "\n" in line for line in said)


def test_a_state_of_live_is_told_when_it_changes(receiver, monkeypatch):
    """Once for each change, with its reasons; that it begins with ok is no change."""
    monkeypatch.setenv(ADDRESS, f"http://127.0.0.1:{receiver.server_port}{SECRET}")
    said = []
    show = changes(said.append)
    for name in ("ok", "warning", "warning", "stop", "stop"):
        show(state(state=name, reasons=() if name == "ok" else (f"why {name}",)))
    bodies = [json.loads(body) for _, _, body in receiver.got]
    assert bodies == [
        {"event": "state", "state": name, "reasons": [f"why {name}"]} for name in ("warning", "stop")
    ]
    assert said == []
