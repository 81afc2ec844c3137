"""Promoted models at work: candles from an exchange or a replay in, answers out and under live/, watched."""

import argparse
import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from tapeline.download.history import read_time
from tapeline.ending import run_command
from tapeline.evaluation.live import LiveParams
from tapeline.live.exchange import Exchange, ExchangeClock
from tapeline.live.figures import OK
from tapeline.live.pauses import hold_what_there_is
from tapeline.live.records import open_to_write
from tapeline.live.replay import Replay
from tapeline.live.session import Session
from tapeline.live.state import State, state_of
from tapeline.market.origin import is_of_simulation, read_origin
from tapeline.params import Params
from tapeline.serving.candles import CandleError
from tapeline.serving.recorded import Clock
from tapeline.webhook import STATE
from tapeline.webhook import tell as post

SAVE_S = 60.0  # seconds between two writings of the page and of what is counted
COUNTED = {  # of a session on an exchange, in words
    "pushed": "pushed",
    "asked": "questions to REST answered",
    "late": "late",
    "corrected": "corrected after their answer",
    "again": "again",
    "malformed": "pushed that can be none",
    "different": "pushed that differed from REST's",
    "lost": "times the socket was lost",
    "refused": "times one symbol was refused",
}
STOPPED = 3  # exit status where a stop was to end it


def main() -> None:
    """Answer until the candles end or a person ends it; with STRICT=1 a stop ends it, too."""
    chosen = _arguments()
    params = Params.read().section("live", LiveParams)
    folder, models = Path(chosen.folder or "live"), Path(chosen.models or "models/promoted")
    if bool(chosen.replay) == bool(chosen.exchange):
        sys.exit(
            "which candles? make live EXCHANGE=binance, or REPLAY=data/candles [SINCE=] [UNTIL=] [SPEED=max]"
        )
    tell, shows = _quiet if chosen.quiet else _tell, (_endpoint(chosen.port), changes(_say))
    with open_to_write(folder) as writer:
        clock = Clock() if chosen.replay else ExchangeClock()
        is_simulated = bool(chosen.replay) and is_of_simulation(read_origin(Path(chosen.replay)))
        session = Session(writer, models, params, clock, _say, tell, allow_simulated=is_simulated)
        source = (
            _replay(chosen, session, clock)
            if isinstance(clock, Clock)
            else _exchange(chosen, session, params, clock)
        )
        n_known = session.resume()
        if n_known:
            _say(f"{folder}: goes on after {n_known:,} answers")
        else:
            session.learn(source.history())
        hold_what_there_is()
        try:
            _answer(session, source, params, shows, is_strict=chosen.strict == "1", n_known=n_known)
        finally:
            session.save()
            session.checkpoint()
            if isinstance(source, Exchange):
                _end(session, source)
        if chosen.replay:
            writer.pack()
            session.checkpoint()
            _tell_account(session)
    if chosen.strict == "1" and session.followed.watch.is_stopped:
        sys.exit(STOPPED)


def _answer(
    session: Session,
    source: Replay | Exchange,
    params: LiveParams,
    shows: Iterable[Callable[[State], None]],
    is_strict: bool,
    n_known: int,
) -> None:
    """Take all that comes; draw the page and save what is counted, once a minute and at the end."""
    saved, total = time.monotonic(), len(source) if isinstance(source, Replay) else None
    with tqdm(total=total, initial=n_known, unit=" candles", desc="answered", disable=None) as bar:
        for batch in source.batches():
            bar.update(len(session.take(batch)))
            if is_strict and session.followed.watch.is_stopped:
                break
            if time.monotonic() - saved > SAVE_S:
                session.save()
                draw(session, params, shows)
                saved = time.monotonic()
    draw(session, params, shows)


def _end(session: Session, source: Exchange) -> None:
    """Close the exchange's connection; say where its candles came from and which were passed over."""
    source.close()
    counts = {**source.counts, **session.passed_over}
    said = [f"{counts[name]:,} {words}" for name, words in COUNTED.items() if counts.get(name)]
    if said:
        _say(f"candles: {', '.join(said)}")


def draw(session: Session, params: LiveParams, shows: Iterable[Callable[[State], None]]) -> None:
    """Write the page of what there is so far, and show it to whoever else is told."""
    if session.followed.span is not None:
        # Imported here: the first answer does not wait for what draws.
        from tapeline.live.page import write_live_page

        state = state_of(session.production, session.followed, session.drift, params)
        write_live_page(session.production, session.followed, state, params)
        for show in shows:
            show(state)


def _endpoint(port: str) -> Callable[[State], None]:
    """Who else is shown every state: Prometheus, if a port is given."""
    if not port:
        return lambda state: None
    if not re.fullmatch(r"\d{1,5}", port, re.ASCII) or not 0 < int(port) < 65_536:
        sys.exit(f"PORT is {port!r}: must be a number from 1 to 65535")
    # Imported here: most sessions need no Prometheus.
    from tapeline.live.endpoint import Endpoint

    return Endpoint(int(port)).show


def changes(say: Callable[[str], None]) -> Callable[[State], None]:
    """Who is told of every other state than the one before, the first being ok: the webhook."""
    last = [OK]

    def show(state: State) -> None:
        if state.state != last[0]:
            last[0] = state.state
            post(STATE, say, state=state.state, reasons=list(state.reasons))

    return show


def _replay(chosen: argparse.Namespace, session: Session, clock: Clock) -> Replay:
    since, until = _time("SINCE", chosen.since), _time("UNTIL", chosen.until)
    return Replay(session, clock, Path(chosen.replay), since, until, _speed(chosen.speed))


def _exchange(
    chosen: argparse.Namespace, session: Session, params: LiveParams, clock: ExchangeClock
) -> Exchange:
    # Imported here: a replay needs no ccxt.
    from tapeline.download.closing import Closing
    from tapeline.download.pushing import Pushing, socket_of
    from tapeline.download.remote import open_exchange

    symbols = list(dict.fromkeys(name for name in chosen.symbols.split(",") if name)) or session.symbols
    try:
        for symbol in symbols:
            session.production.stream.require_trained(symbol)
    except CandleError as error:
        sys.exit(f"SYMBOLS: {error}")
    leader = session.production.stream.leader
    if leader is not None and leader not in symbols:
        _say(f"{leader} is answered as well: the others' features are reckoned by it")
        symbols = [leader, *symbols]
    session.keep_to(tuple(symbols))
    exchange, interval = open_exchange(chosen.exchange), session.production.stream.interval
    closing, make = Closing(exchange, symbols, interval, _say), socket_of(exchange)
    if make is None:
        _say(f"{exchange.id}: ccxt knows no websocket of its candles; each is asked for by REST")
    pushing = None if make is None else Pushing(exchange, closing.names, interval, make)
    return Exchange(session, closing, params, _say, clock, pushing=pushing)


def _tell_account(session: Session) -> None:
    """End the account of a replay, and say what it came to beside the candidate's own."""
    ended = session.followed.finish()
    if ended is None:
        return
    trades, _ = ended
    own = session.production.own_account
    beside = f"; the candidate's own on its test: {own[0]:,} trades, net {own[1]:,.2f}" if own else ""
    _say(f"account: {len(trades):,} trades, net {trades['net_pnl'].sum():,.2f}{beside}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in (
        "replay",
        "since",
        "until",
        "speed",
        "exchange",
        "symbols",
        "strict",
        "folder",
        "models",
        "port",
        "quiet",
    ):
        parser.add_argument(f"--{name}", default="")
    return parser.parse_args()


def _say(line: str) -> None:
    tqdm.write(line, file=sys.stderr)


def _tell(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


def _quiet(_: dict[str, Any]) -> None:
    pass


def _time(name: str, text: str) -> pd.Timestamp | None:
    return pd.Timestamp(read_time(name, text), unit="ms", tz="UTC") if text else None


def _speed(text: str) -> float:
    if text in ("", "max"):
        return math.inf
    if not re.fullmatch(r"\d{1,6}(\.\d+)?", text, re.ASCII) or float(text) == 0:
        sys.exit(f"SPEED is {text!r}: must be max, or how many times faster than they came, as 60")
    return float(text)


if __name__ == "__main__":
    run_command(main)
