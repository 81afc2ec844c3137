"""Who comes in, and with what: token, host, kind and length of a body."""

import http.client
import json
import socket

import pytest

from tapeline.http import guard
from tapeline.http.bodies import LONGEST_BODY
from tapeline.http.guard import DISCARDED, is_loopback, name_of
from tests.http.service import JSON, placed, service

SECRET = "correct-horse-battery"
PATHS = ("/health", "/metrics", "/models/lstm/card", "/openapi.json", "/nowhere")


@pytest.fixture(scope="module")
def open_one(bundles, tmp_path_factory):
    """A service without a token."""
    with service(placed(bundles[:1], tmp_path_factory.mktemp("open") / "promoted")) as started:
        yield started


@pytest.fixture(scope="module")
def locked(bundles, tmp_path_factory):
    """A service that asks for a token."""
    with service(placed(bundles[:1], tmp_path_factory.mktemp("locked") / "promoted"), SECRET) as started:
        yield started


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "given", [None, "", SECRET, f"Basic {SECRET}", "Bearer", f"Bearer {SECRET[:-1]}", f"Bearer {SECRET}x"]
)
def test_without_the_token_nothing_is_answered(locked, path, given):
    """On no path, whether it is there or not; what is asked for is said, and the token is not."""
    status, headers, found = locked.ask(
        "GET", path, headers={} if given is None else {"Authorization": given}
    )
    assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
    wrong = "is missing" if given is None else "is not the one of the service"
    assert found == {"error": f"the token {wrong}: send it as Authorization: Bearer TOKEN"}


def test_with_the_token_all_is_answered(locked):
    """By any name of the host, as behind a proxy."""
    for scheme in ("Bearer", "bearer"):
        given = {"Authorization": f"{scheme} {SECRET}", "Host": "bots.example"}
        assert locked.ask("GET", "/health", headers=given)[0] == 200
        assert locked.ask("POST", "/candles", b'{"candles": [{"a": 1}]}', JSON | given)[0] == 200


def test_a_token_is_compared_in_constant_time(locked, monkeypatch):
    """By the library's comparison, of digests of one length whatever was sent."""
    compared, compare = [], guard.hmac.compare_digest

    def record(one, other):
        compared.append((len(one), len(other)))
        return compare(one, other)

    monkeypatch.setattr(guard.hmac, "compare_digest", record)
    for given in ("x", "x" * 500, SECRET):
        locked.ask("GET", "/health", headers={"Authorization": f"Bearer {given}"})
    assert compared == [(32, 32)] * 3


def test_no_body_is_read_of_who_has_no_token(locked, monkeypatch):
    """Nor is waited for it."""
    monkeypatch.setattr(guard, "_read", None)
    status, found = locked.post(b"{}")
    assert (status, list(found)) == (401, ["error"])


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example", "0.0.0.0"])
def test_without_a_token_a_page_of_another_name_gets_nothing(open_one, host):
    """A name that a browser was made to resolve to this machine."""
    status, _, found = open_one.ask("GET", "/health", headers={"Host": host})
    assert status == 403
    assert found["error"].startswith(f"the header Host is {host!r}: must be a loopback address or localhost")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:99", "127.0.0.1:1", "127.9.9.9", "[::1]:8000", "[::1]"]
)
def test_names_of_this_machine_are_let_in(open_one, host):
    """With a port and without."""
    assert open_one.ask("GET", "/health", headers={"Host": host})[0] == 200
    assert is_loopback(name_of(host))


def test_a_form_of_a_page_is_refused(open_one):
    """A browser sends one anywhere without asking first; JSON it does not."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        status, _, found = open_one.ask("POST", "/candles", b"{}", {"Content-Type": kind})
        assert (status, found["error"].split(": must be ")[1]) == (415, "application/json")


def chunks(n):
    """`n` bytes of JSON, in pieces whose sum is not told beforehand."""
    yield b'{"candles": [{"a": "'
    for _ in range(n // 4096):
        yield b"x" * 4096
    yield b'"}]}'


def test_a_body_too_long_is_refused_before_it_is_read(open_one, monkeypatch):
    """One byte above the limit, whether its length is told or not; at the limit it is a body as others."""
    body = b'{"candles": [{"a": "' + b"x" * (LONGEST_BODY - 24) + b'"}]}'
    assert len(body) == LONGEST_BODY
    assert open_one.post(body)[0] == 200
    monkeypatch.setattr(json, "loads", None)
    for sent, n in ((body + b" ", LONGEST_BODY + 1), (chunks(LONGEST_BODY), LONGEST_BODY + 24)):
        connection = http.client.HTTPConnection("127.0.0.1", open_one.port, timeout=20)
        connection.request("POST", "/candles", sent, JSON)
        answer = connection.getresponse()
        assert answer.status == 413
        told = f"the body is {n} bytes: must be at most {LONGEST_BODY}; send fewer candles at once"
        assert answer.read().decode() == f'{{"error": "{told}"}}'
        connection.close()


def raw(port, head, body=b""):
    """The first line and the body of what a request of these bytes is answered with."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        answer = b""
        while part := connection.recv(4096):
            answer += part
    return answer.split(b"\r\n")[0].decode(), answer.split(b"\r\n\r\n")[-1].decode()


HEAD = "POST /candles HTTP/1.1\nHost: localhost\nContent-Type: application/json\nContent-Length: "


def test_a_body_that_says_it_is_far_too_long_is_not_waited_for(open_one):
    """Nor is one that never comes."""
    first, told = raw(open_one.port, f"{HEAD}{DISCARDED + 1}")
    assert (first.split()[1], "must be at most" in told) == ("413", True)


def test_a_body_that_does_not_come_is_given_up(open_one, monkeypatch):
    """So that whoever holds connections open gets them closed."""
    monkeypatch.setattr(guard, "PATIENCE_S", 0.2)
    first, told = raw(open_one.port, f"{HEAD}10", b"{}")
    assert (first.split()[1], "did not come within 0.2 seconds" in told) == ("408", True)
