"""Requests to an exchange: temporary failures are repeated with growing pauses."""

import difflib
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import ccxt

from tapeline.errors import DataError

N_TRIES = 8  # of one question before the run ends
FIRST_WAIT_S = 1.0  # before the second try; doubles with each
LONGEST_WAIT_S = 600.0  # that an exchange may ask for
PASSING = (408, 418, 429)  # beside 5xx: the HTTP statuses that pass; 418 is Binance's ban
# Of the errors of ccxt, those that the next try would meet again, whatever the HTTP status.
LASTING = (ccxt.BadRequest, ccxt.AuthenticationError, ccxt.NotSupported, ccxt.ArgumentsRequired)
# What ccxt stumbles with over an answer of another shape than it expects.
MALFORMED = (TypeError, ValueError, LookupError, AttributeError)


class UnreachableError(DataError):
    """The exchange does not answer for now: the same question may be answered later.

    pause_s : for which it asked, or that is due, before it is asked again
    """

    def __init__(self, where: object, what: str, pause_s: float = 0.0) -> None:
        super().__init__(where, what)
        self.pause_s = pause_s


class RestingError(UnreachableError):
    """It is being left alone, for a reason that was told."""


def open_exchange(name: str) -> ccxt.Exchange:
    """The client of the exchange ccxt knows by `name`; it honours the proxies of the environment."""
    identity = name.strip().lower()
    if identity not in ccxt.exchanges:
        raise DataError(f"exchange {name!r}", f"is not known{name_close(identity, ccxt.exchanges)}")
    return getattr(ccxt, identity)({"requests_trust_env": True})


def name_close(text: str, names: list[str]) -> str:
    """End of a sentence that offers those of `names` most like `text`."""
    close = difflib.get_close_matches(text, names, n=5)
    return f"; close are {', '.join(close)}" if close else f"; there are {len(names)}, none like it"


class Remote:
    """Requests to `exchange` within its rate limit, repeated where they fail; `retries` counts them.

    is_patient : whether it sleeps until it may ask again. Whoever has other things to do meanwhile sets it to
    False and asks again: each question that fails is a pause then, in which all others fail (RestingError).
    """

    def __init__(
        self,
        exchange: ccxt.Exchange,
        say: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        exchange.enableRateLimit = True
        exchange.session.hooks["response"] = [self._inspect]
        self.exchange, self.retries = exchange, 0
        self._say, self._sleep, self._clock = say, sleep, clock
        self._date: str | None = None
        self.is_patient = True
        self._failures, self._rests_until = 0, 0.0  # in a row, until when by the clock: of an impatient one

    def ask(
        self, question: Callable[..., Any], *details: Any, read: Callable[[Any], Any] = lambda answer: answer
    ) -> Any:
        """What `read` makes of the answer to `question(*details)`, a method of the exchange.

        `read` may raise ccxt.BadResponse. DataError if the exchange refuses, or after the last try.
        """
        if not self.is_patient:
            return self._ask_once(question, details, read)
        for attempt in range(1, N_TRIES + 1):
            try:
                return read(_put(question, *details))
            except ccxt.BaseError as error:
                wait = self._wait_after(error, attempt)
                self._say(
                    f"{self.exchange.id}: {describe(error)}; try {attempt + 1} of {N_TRIES} in {wait:g} s"
                )
                self.retries += 1
                self._sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _ask_once(
        self, question: Callable[..., Any], details: tuple[Any, ...], read: Callable[[Any], Any]
    ) -> Any:
        """As `ask`, with a pause that is not slept through: every question fails until it is over."""
        left = self._rests_until - self._clock()
        if left > 0:
            raise RestingError(self.exchange.id, f"is left alone for {left:.0f} s more", left)
        try:
            answer = read(_put(question, *details))
        except ccxt.BaseError as error:
            self._failures, self.retries = self._failures + 1, self.retries + 1
            try:
                wait = self._wait_after(error, min(self._failures, N_TRIES - 1))
            except UnreachableError as long:
                self._rests_until = self._clock() + long.pause_s
                raise
            self._rests_until = self._clock() + wait
            raise UnreachableError(
                self.exchange.id, f"{describe(error)}; asked again in {wait:g} s", wait
            ) from error
        self._failures = 0
        return answer

    def now(self) -> int:
        """Milliseconds since 1970 by the exchange's clock, its last answer's date, or the local clock."""
        now_ms = self.ask(self.exchange.fetch_time) if self.exchange.has["fetchTime"] else None
        if now_ms is None and self._date:
            now_ms = parsedate_to_datetime(self._date).timestamp() * 1000
        return int(self._clock() * 1000 if now_ms is None else now_ms)

    def _inspect(self, response: Any, **_: Any) -> None:
        """Note the clock of an HTTP answer; refuse one that is cut short, which ccxt would take for empty."""
        self._date = response.headers.get("Date", self._date)
        if response.status_code >= 400:
            return
        try:
            response.json()
            is_whole = response.text.startswith(("{", "["))
        except ValueError:
            is_whole = False
        if not is_whole:
            raise ccxt.BadResponse(f"answered no JSON but {response.text[:60]!r}")

    def _wait_after(self, error: Exception, attempt: int) -> float:
        """Seconds to wait after `error`; DataError if it will not pass, or not soon."""
        response = find_response(error)
        status = response.status_code if response is not None else None
        has_passing_status = status in PASSING or (status or 0) >= 500
        is_passing = (
            isinstance(error, (ccxt.RateLimitExceeded, ccxt.DDoSProtection))
            or (has_passing_status if status else isinstance(error, ccxt.OperationFailed))
            or (status is None and isinstance(error.__cause__, OSError))  # below HTTP: TLS, decoding
        )
        if isinstance(error, LASTING) or not is_passing:
            raise DataError(self.exchange.id, describe(error)) from error
        if attempt == N_TRIES:
            raise UnreachableError(
                self.exchange.id, f"{N_TRIES} tries failed, the last: {describe(error)}"
            ) from error
        asked = self._retry_after(response.headers.get("Retry-After")) if response is not None else 0.0
        if asked > LONGEST_WAIT_S:
            raise UnreachableError(
                self.exchange.id, f"asks for a pause of {asked:.0f} s ({describe(error)})", asked
            ) from error
        return float(max(asked, FIRST_WAIT_S * 2 ** (attempt - 1)))

    def _retry_after(self, header: str | None) -> float:
        """Seconds that a Retry-After header asks for, given as such or as a date; 0 if there is none."""
        try:
            return max(0.0, float(header or 0))
        except ValueError:
            pass
        try:
            until = parsedate_to_datetime(header or "")
            now = parsedate_to_datetime(self._date).timestamp() if self._date else self._clock()
            return max(0.0, until.timestamp() - now)
        except (TypeError, ValueError):
            return 0.0


def _put(question: Callable[..., Any], *details: Any) -> Any:
    try:
        return question(*details)
    except MALFORMED as error:
        raise ccxt.BadResponse("answered in a shape that is not known") from error


def find_response(error: BaseException | None) -> Any:
    """The HTTP answer that led to `error`, or None; ccxt leaves it in the chain of causes."""
    while error is not None:
        if (response := getattr(error, "response", None)) is not None:
            return response
        error = error.__cause__ or error.__context__
    return None


def describe(error: BaseException) -> str:
    """`error` in one short line: its kind, the HTTP status or what lies at the root, its words."""
    response, root = find_response(error), error
    while beneath := root.__cause__ or root.__context__:
        root = beneath
    status = f"HTTP {response.status_code}" if response is not None else "" if root is error else str(root)
    words = [" ".join(text.split()) for text in (status, str(error))]
    short = [text[:120] + "..." * (len(text) > 120) for text in words if text]
    return ": ".join([type(error).__name__, *short])
