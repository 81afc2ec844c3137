"""What is to be said of a live folder now: one state with its reasons, and the figures behind it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tapeline.errors import ArtifactError
from tapeline.evaluation.live import LiveParams
from tapeline.live.checkpoint import Known, read_checkpoint
from tapeline.live.drift import Drift, Moved
from tapeline.live.figures import OK, STOP, WARNING, Line
from tapeline.live.followed import Followed
from tapeline.live.kept import Kept
from tapeline.live.past import follow, read_history
from tapeline.live.production import Production, open_production
from tapeline.live.records import Records
from tapeline.live.stops import read_stops
from tapeline.serving.answers import PREDICTED, REFUSED

MOST_DRIFTED = 5  # features that are told
LEAST_ANSWERS = 100  # below which shares of late and refused ones say nothing


@dataclass(frozen=True)
class State:
    """Everything that is told; `state` is ok, warning or stop, each of the latter with reasons.

    lines : figures held against what was promised; counts : answers by status, late and filled ones
    latency_ms : 50th, 95th and 99th percentile from a candle's close to its answer; None without one
    account : of the account on paper: trades, net PnL, equity, open positions; None without one
    drift : stability index by feature, the one first that moved most beyond what is usual
    """

    state: str
    reasons: tuple[str, ...]
    span: tuple[pd.Timestamp, pd.Timestamp] | None
    lines: tuple[Line, ...]
    counts: Mapping[str, int]
    latency_ms: tuple[float, float, float] | None
    account: Mapping[str, Any] | None
    drift: Mapping[str, Moved]
    delay_days: Mapping[str, float | None] = field(default_factory=dict)


def state_of(production: Production, followed: Followed, drift: Drift, params: LiveParams) -> State:
    """The state of what was followed; looking changes nothing but what can be traded by now."""
    followed.settle()
    watch, counts = followed.watch, followed.counts
    warnings = list(watch.warnings)
    answers = counts[PREDICTED]
    moved = drift.moved()
    drifted = {name: each for name, each in moved.items() if each.by > max(params.drift, each.usual)}
    if drifted:
        worst = ", ".join(
            f"{name} {each.by:.2f} (a week of its training at most {each.usual:.2f})"
            for name, each in list(drifted.items())[:MOST_DRIFTED]
        )
        warnings.append(f"{len(drifted)} of {len(moved)} features drifted beyond {params.drift:g}: {worst}")
    for name, what in (("late", "answers came too late to trade on"), (REFUSED, "candles were refused")):
        total = answers + counts[REFUSED]
        if total >= LEAST_ANSWERS and counts[name] > params.late_share * total:
            warnings.append(f"{counts[name]:,} of {total:,} {what}, more than {params.late_share:.1%}")
    latency = None
    if followed.latency_us:
        percent = np.percentile(np.array(followed.latency_us), [50, 95, 99]) / 1000
        latency = float(percent[0]), float(percent[1]), float(percent[2])
        assumed = production.trading.execution.latency_s if production.trading else None
        if assumed is not None and latency[0] > assumed * 1000 * 2:
            warnings.append(
                f"half of the answers take more than {latency[0] / 1000:,.2f} s from their candle's close; "
                f"the account reckons with {assumed:g} s"
            )
    stops = watch.stops if watch.is_stopped else []
    state = STOP if stops else WARNING if warnings else OK
    return State(
        state, (*stops, *warnings), followed.span, tuple(watch.lines), dict(counts), latency,
        _account(followed), moved,
        {artifact: watch.delay_days(artifact) for artifact in production.promises},
    )  # fmt: skip


def _account(followed: Followed) -> dict[str, Any] | None:
    account = followed.account
    if account is None or followed.equity_now is None:
        return None
    ended = account.trades[account.trades["exit_bar"] >= 0]
    return {
        "trades": len(ended),
        "net_pnl": float(ended["net_pnl"].sum()),
        "equity": followed.equity_now,
        "open": account.n_open,
        "is_guarded": account.is_guarded,
        "begun": account.first,
    }


def read_state(folder: Path, models: Path, params: LiveParams) -> tuple[State, Production, Followed]:
    """The state of what is recorded under `folder` for the bundles under `models`; another may record on.

    ArtifactError where nothing is recorded of them.
    """
    records = Records(folder)
    production = open_production(models, time.time, allow_simulated=True)
    known = Known(Followed(production, params), Kept(0))
    rest = read_checkpoint(records, production, params, known, lambda line: None)
    if rest is None:
        known = Known(Followed(production, params), Kept(0))
        known.followed.learn(read_history(folder))
        rest = records.read()
    followed = known.followed
    followed.watch.hold(read_stops(folder, production.ids))
    n = known.n + sum(1 for _ in follow(rest, production, followed))
    if followed.span is None:
        what = "nothing is recorded" if not n else f"all {n:,} records are of other bundles"
        raise ArtifactError(f"{folder}: {what}; `make live` answers and records")
    drift = drift_of(production, params)
    drift.load(folder, production.ids)
    return state_of(production, followed, drift, params), production, followed


def drift_of(production: Production, params: LiveParams) -> Drift:
    """Counts of the features that the bundles take, none yet."""
    return Drift(production.reference, max(1, round(params.window_days)), production.stream.length)


def counted(state: State) -> str:
    """Answers by status, in a sentence."""
    return ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in sorted(state.counts.items()) if n)
