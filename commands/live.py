"""Promoted models at work: candles from an exchange or a replay in, answers out and under live/, watched."""

import argparse
import json
import math
import re
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from tapeline.download.history import read_time
from tapeline.ending import run_command
from tapeline.live.params import LiveParams
from tapeline.live.records import open_to_write
from tapeline.live.replay import Clock, Replay
from tapeline.live.session import Session
from tapeline.market.origin import is_of_simulation, read_origin
from tapeline.params import Params

SAVE_S = 60.0  # seconds between two writings of the page and of what is counted
STOPPED = 3  # exit status where a stop was to end it


def main() -> None:
    """Answer until the candles end or a person ends it; with STRICT=1 a stop ends it, too."""
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
        "quiet",
    ):
        parser.add_argument(f"--{name}", default="")
    chosen = parser.parse_args()
    params = Params.read().section("live", LiveParams)
    folder = Path(chosen.folder or "live")
    models = Path(chosen.models or "models/promoted")
    say, tell = _say, _tell if not chosen.quiet else _quiet
    with open_to_write(folder) as writer:
        if not chosen.replay:
            sys.exit("which candles? make live REPLAY=folder [SINCE=] [UNTIL=] [SPEED=max]")
        clock = Clock()
        clock.now = time.time()
        is_simulated = is_of_simulation(read_origin(Path(chosen.replay)))
        session = Session(writer, models, params, clock, say, tell, allow_simulated=is_simulated)
        replay = Replay(
            session, clock, Path(chosen.replay), _time("SINCE", chosen.since), _time("UNTIL", chosen.until),
            _speed(chosen.speed),
        )  # fmt: skip
        n_known = session.resume()
        if n_known:
            say(f"{folder}: goes on after {n_known:,} answers")
        else:
            session.learn(replay.history())
        saved = time.monotonic()
        with tqdm(total=len(replay), initial=n_known, unit=" candles", desc="replay", disable=None) as bar:
            for batch in replay.batches():
                records = session.take(batch)
                bar.update(len(records))
                if time.monotonic() - saved > SAVE_S:
                    session.save()
                    saved = time.monotonic()
                if chosen.strict == "1" and session.followed.watch.is_stopped:
                    break
        session.save()
        writer.pack()
        is_stopped = session.followed.watch.is_stopped
        account = session.followed.finish()
        if account is not None:
            trades, _ = account
            say(f"account: {len(trades):,} trades, net {trades['net_pnl'].sum():,.2f}")
    if is_stopped and chosen.strict == "1":
        sys.exit(STOPPED)


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
