"""The service on its address: who may reach it, and how it begins and ends."""

import errno
import ipaddress
import logging
import re
import socket
from collections.abc import Mapping
from pathlib import Path

import uvicorn

from tapeline.errors import ServiceError, brief
from tapeline.http.app import make_app
from tapeline.http.figures import Figures
from tapeline.http.guard import TOKEN, Guard
from tapeline.http.promoted import NameVersions, Promoted, Tell

SHORTEST_TOKEN = 16  # characters
MOST_CONNECTIONS = 128
HOST_RULE = "must be an address of this machine, as 127.0.0.1 or ::1, or localhost"


def read_token(environment: Mapping[str, str]) -> str | None:
    """The token that requests must carry, None if there is none; ServiceError, without it, for a poor one."""
    token = environment.get(TOKEN)
    if not token:
        return None
    if not re.fullmatch(rf"[!-~]{{{SHORTEST_TOKEN},}}", token):
        rule = f"must be {SHORTEST_TOKEN} or more visible ASCII characters, as of `openssl rand -hex 32`"
        raise ServiceError(f"{TOKEN}: {rule}")
    return token


def read_host(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address of a HOST; ServiceError for anything else. No name is looked up but localhost."""
    try:
        return ipaddress.ip_address("127.0.0.1" if text == "localhost" else text)
    except ValueError:
        raise ServiceError(f"HOST is {brief(text)}: {HOST_RULE}") from None


def read_port(text: str) -> int:
    """The number of a PORT; ServiceError for anything else."""
    if not re.fullmatch(r"\d{1,5}", text, re.ASCII) or int(text) > 65535:
        raise ServiceError(f"PORT is {brief(text)}: must be a number up to 65535; 0 takes any that is free")
    return int(text)


def bind(host: str, port: str, token: str | None) -> socket.socket:
    """Listen on HOST and PORT; ServiceError if that can't be, or is open to others without a token."""
    address, number = read_host(host), read_port(port)
    if token is None and not address.is_loopback:
        raise ServiceError(
            f"HOST is {host}, which others reach: set {TOKEN} in the environment, and have them send it, "
            "or serve this machine alone with HOST=127.0.0.1"
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        listening = socket.create_server((str(address), number), family=family, backlog=MOST_CONNECTIONS)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            told = f"PORT is {port}: is taken on {host}; give another, or 0 for any that is free"
        elif error.errno == errno.EACCES:
            told = f"PORT is {port}: may not be used by this user; give one from 1024 on"
        else:
            told = f"HOST is {brief(host)}: {HOST_RULE} ({error.strerror})"
        raise ServiceError(told) from None
    # Handed on to each connection: an answer's body would wait 40 ms for its headers to be acknowledged.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def serve(
    models: Path,
    host: str,
    port: str,
    environment: Mapping[str, str],
    name_versions: NameVersions,
    tell: Tell,
) -> None:
    """Serve the bundles in `models` until interrupted; TapelineError if that can't be.

    environment : holds the token; name_versions, tell : as of `Promoted`
    """
    token = read_token(environment)
    figures = Figures()
    with bind(host, port, token) as listening:
        promoted = Promoted(models, name_versions, figures, tell)
        place = listening.getsockname()
        name = f"[{place[0]}]" if ":" in place[0] else place[0]
        asked = "asked for a token" if token else "for this machine alone"
        tell(f"serving on http://{name}:{place[1]}, {asked}: {promoted.title}")
        make_server(promoted, token, figures).run(sockets=[listening])


def make_server(promoted: Promoted, token: str | None, figures: Figures) -> uvicorn.Server:
    """The server of `promoted`, to be run on sockets; it asks for `token` where there is one."""
    # Of what is no HTTP at all a warning each would be written.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    config = uvicorn.Config(
        Guard(make_app(promoted), token, figures),
        http="h11", ws="none", loop="asyncio", lifespan="off", interface="asgi3", log_config=None,
        access_log=False, server_header=False, proxy_headers=False, limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=60, timeout_graceful_shutdown=5,
    )  # fmt: skip
    return uvicorn.Server(config)
