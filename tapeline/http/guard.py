"""What a request passes before anything of it is read: host, token, kind and length of its body."""

import asyncio
import hashlib
import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi.responses import Response

from tapeline.errors import printable
from tapeline.http.bodies import LONGEST_BODY
from tapeline.http.figures import Figures
from tapeline.serving.candles import brief

TOKEN = "TAPELINE_TOKEN"  # in the environment
DISCARDED = 16 * LONGEST_BODY  # bytes of a body too long that are read, so that its sender hears why
PATIENCE_S = 10.0  # for a whole body
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class RefusedError(Exception):
    """A request that is not answered, with its HTTP status and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def as_json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A response of JSON in ASCII: names of symbols may hold what UTF-8 can't."""
    return Response(
        json.dumps(content, allow_nan=False), status, headers=headers, media_type="application/json"
    )


def as_error(status: int, why: str) -> Response:
    """An error of one line, as JSON."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if status in (401, 403, 408, 413, 415):  # a body may still be on its way
        headers["Connection"] = "close"
    return as_json({"error": printable(" ".join(why.split()))}, status, headers)


class Guard:
    """An ASGI application around `app` that lets through what may pass, its body read whole.

    token : that every request must carry; None: requests of this machine alone come in, and must be meant
        for it by name, or a page in a browser could reach it under a name of its own
    """

    def __init__(self, app: App, token: str | None, figures: Figures) -> None:
        self._app, self._figures = app, figures
        self._digest = hashlib.sha256(token.encode()).digest() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        headers = {name.decode("latin-1"): value for name, value in reversed(scope["headers"])}

        async def count_errors(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                self._figures.note_error(message["status"])
            await send(message)

        try:
            self._require_caller(headers)
            _require_json(scope["method"], headers)
            try:
                body = await asyncio.wait_for(_read(receive), PATIENCE_S)
            except TimeoutError:
                why = f"the body did not come within {PATIENCE_S:g} seconds: send it whole"
                raise RefusedError(408, why) from None
        except RefusedError as refusal:
            await as_error(refusal.status, str(refusal))(scope, receive, count_errors)
            return
        if body is None:
            return
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def replay() -> MutableMapping[str, Any]:
            return next(messages, None) or await receive()

        await self._app(scope, replay, count_errors)

    def _require_caller(self, headers: dict[str, bytes]) -> None:
        """Raise RefusedError for a request without the token, or without one for a host of another name."""
        if self._digest is None:
            host = headers.get("host", b"").decode("latin-1")
            if not is_loopback(name_of(host)):
                rule = f"must be a loopback address or localhost where no {TOKEN} is set"
                raise RefusedError(403, f"the header Host is {brief(host)}: {rule}")
            return
        scheme, _, given = headers.get("authorization", b"").partition(b" ")
        digest = hashlib.sha256(given.strip()).digest()
        if not hmac.compare_digest(digest, self._digest) or scheme.lower() != b"bearer":
            wrong = "is missing" if "authorization" not in headers else "is not the one of the service"
            raise RefusedError(401, f"the token {wrong}: send it as Authorization: Bearer TOKEN")


def _require_json(method: str, headers: dict[str, bytes]) -> None:
    """Raise RefusedError for a body of another kind or too long, before any of it is read."""
    length = headers.get("content-length", b"")
    if length.isdigit() and int(length[:30]) > DISCARDED:
        raise RefusedError(413, _too_long(f"{brief(int(length[:30]))} bytes"))
    kind = headers.get("content-type", b"").decode("latin-1")
    if method == "POST" and kind.split(";")[0].strip().lower() != "application/json":
        told = f"is {brief(kind)}" if kind else "is missing"
        raise RefusedError(415, f"the header Content-Type {told}: must be application/json")


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None if its sender has gone. RefusedError if it is too long, which holds none of it."""
    parts, n = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        part = message.get("body", b"")
        n += len(part)
        if n <= LONGEST_BODY:
            parts.append(part)
        else:
            parts.clear()
        is_last = not message.get("more_body", False)
        if n > LONGEST_BODY and (is_last or n > DISCARDED):
            raise RefusedError(413, _too_long(f"{n} bytes" if is_last else f"over {DISCARDED} bytes"))
        if is_last:
            return b"".join(parts)


def _too_long(length: str) -> str:
    return f"the body is {length}: must be at most {LONGEST_BODY}; send fewer candles at once"


def name_of(host: str) -> str:
    """Name or address in a Host header, without its port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def is_loopback(name: str) -> bool:
    """Whether a name or address is this machine's, seen from itself."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name.lower() == "localhost"
