"""`make serve`: its address, its token, how it begins and how it ends."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

import commands.serve
from tapeline.closure import ROOT
from tapeline.errors import ArtifactError, ServiceError
from tapeline.http.guard import TOKEN
from tapeline.http.server import bind, read_token, serve
from tests.commands.test_predict import NEEDED, predict
from tests.http.service import JSON, minutes, no_versions, placed
from tests.serving.bundles import market
from tests.warm import warm_python

SECRET = "0123456789abcdef"


def refused(host, port, token=None):
    """The line that HOST and PORT are refused with."""
    with pytest.raises(ServiceError) as caught, bind(host, port, token):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "host", ["", "example.org", "127.0.0.1.1", "http://127.0.0.1", "*", "127.0.0.1 ", "\x1b"]
)
def test_a_host_that_is_no_address_is_one_line(host):
    """No name is looked up."""
    assert re.fullmatch(
        r"HOST is '.*': must be an address of this machine, as .*", refused(host, "0", SECRET)
    )


def test_an_address_of_another_machine_is_one_line():
    """Of a net that is for documents alone."""
    assert refused("192.0.2.1", "0", SECRET).startswith(
        "HOST is '192.0.2.1': must be an address of this machine"
    )


@pytest.mark.parametrize("port", ["", "x", "-1", "65536", "8000.0", "٣", "1 "])
def test_a_port_that_is_none_is_one_line(port):
    """With the value and what is allowed."""
    assert refused("127.0.0.1", port) == (
        f"PORT is {port!r}: must be a number up to 65535; 0 takes any that is free"
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::ffff:127.0.0.1", "192.0.2.1"])
def test_others_are_served_with_a_token_alone(host):
    """It is asked for before anybody could come in."""
    assert refused(host, "0").startswith(
        f"HOST is {host}, which others reach: set {TOKEN} in the environment"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_this_machine_is_served_without(host):
    """On a loopback address; all addresses with a token."""
    with bind(host, "0", None) as listening:
        assert listening.getsockname()[1] > 0
    with bind("0.0.0.0", "0", SECRET) as listening:
        assert listening.getsockname()[0] == "0.0.0.0"


def test_no_answer_waits_for_an_acknowledgement():
    """A connection sends at once what it has, headers and body one after the other."""
    with bind("127.0.0.1", "0", None) as listening:
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("token", ["short", "x" * 15, "0123456789 abcdef", "0123456789abcdef\n", "é" * 16])
def test_a_poor_token_is_refused_and_not_shown(token):
    """Too short to be a secret, or what a header can't hold."""
    with pytest.raises(ServiceError, match=f"{TOKEN}: must be 16 or more visible ASCII") as caught:
        read_token({TOKEN: token})
    assert token not in str(caught.value)


def test_a_token_may_be_left_out():
    """Or be empty."""
    assert read_token({}) is read_token({TOKEN: ""}) is None
    assert read_token({TOKEN: SECRET}) == SECRET


def test_nothing_in_production_is_one_line(tmp_path):
    """The port is free again."""
    with pytest.raises(ArtifactError, match=r"holds no bundle; `make promote` puts one there"):
        serve(tmp_path, "127.0.0.1", "0", {}, no_versions, print)


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn", "prometheus_client"])
def test_without_the_extra_it_is_said_what_to_install(monkeypatch, missing):
    """In a line, by an exit that is not zero."""
    for name in [name for name in sys.modules if name.startswith("tapeline.http")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr(sys, "argv", ["serve"])
    with pytest.raises(SystemExit) as caught:
        commands.serve.main()
    assert (
        caught.value.code == f"{missing} is missing, by which is served: pip install 'tapeline[http,serve]'"
    )


def start(models, *more, **environment):
    """Run the command."""
    return subprocess.Popen(
        [warm_python(), "-m", "commands.serve", "--models", str(models), *more], cwd=ROOT, text=True,
        env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_the_command_answers_as_make_predict_and_ends_when_told(bundles, tmp_path):
    """With a token, on a port that it says; a second on the same port ends in one line."""
    models = placed(bundles, tmp_path / "models/promoted")
    candles = list(minutes(market(NEEDED + 3), NEEDED + 3))
    running = start(models, "--port", "0", TAPELINE_TOKEN=SECRET)
    try:
        line = running.stdout.readline()
        shown = r"serving on http://127\.0\.0\.1:(\d+), asked for a token: lstm .*, transformer .*\n"
        port = re.fullmatch(shown, line)[1]
        second = start(models, "--port", port)
        out, said = second.communicate(timeout=60)
        taken = f"PORT is {port}: is taken on 127.0.0.1; give another, or 0 for any that is free\n"
        assert (second.returncode, out, said) == (1, "", taken)
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
        headers = JSON | {"Authorization": f"Bearer {SECRET}"}
        connection.request("POST", "/candles", json.dumps({"candles": candles}), headers)
        answers = json.loads(connection.getresponse().read())["answers"]
        connection.close()
        running.send_signal(signal.SIGTERM)
        out, said = running.communicate(timeout=30)
    finally:
        running.kill()
    assert (running.returncode, out, said) == (128 + signal.SIGTERM, "", "")
    lines = "".join(json.dumps(candle) + "\n" for candle in candles).encode()
    status, expected, told = predict(models, lines=lines)
    assert (status, answers) == (0, expected), told
    assert [answer["status"] for answer in answers[-8:]] == ["predicted"] * 8
    with socket.create_server(("127.0.0.1", int(port))):
        pass
