"""What stands above the cards: which market, which run, and what the gates said of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tapeline.errors import ArtifactError
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.contract import Origin
from tapeline.promotion.gates import FAILED, INSUFFICIENT, NOT_JUDGED, PASSED, Verdict
from tapeline.promotion.registry import Registry
from tapeline.promotion.release_record import RunRecord
from tapeline.promotion.repository import git
from tapeline.reports.wording import Wording, name_of

INTERVALS = {
    "1m": "1-minute candles",
    "5m": "5-minute candles",
    "15m": "15-minute candles",
    "1h": "hourly candles",
}
FIGURES = "metrics"  # what a commit must hold as it stands here to be the run's own


@dataclass(frozen=True)
class Identity:
    """Which run it is. commit : None outside a repository; is_committed : its figures are that commit's

    time : of that commit, or, where the figures are not committed, when they were written
    """

    commit: str | None
    is_committed: bool
    time: str
    version: str
    champion: str | None


@dataclass(frozen=True)
class GateCount:
    """How many gates; failures : of the traded model first; why : a reason for no verdict, and how often"""

    passed: int
    failed: int
    unjudged: int
    failures: list[tuple[str, str, str, str]]  # model, name, value, limit
    why: list[tuple[str, int]]


def market_words(origin: Origin | None, equity: pd.DataFrame) -> dict[str, str]:
    """The market in words: `name`, `symbols`, `span`, `tested`; of an old run `name` alone."""
    tested = _days(equity["timestamp"].iloc[[0, -1]])
    if origin is None:
        return {"name": "Market not known: the run is an older one's", "tested": tested}
    name = origin.name if origin.source == "files" else "Simulated market"
    words = {"name": name, "tested": tested}
    if origin.symbols:
        words["symbols"] = ", ".join(origin.symbols)
        ends = [time for symbol in origin.symbols.values() for time in (symbol.first, symbol.last)]
        words["span"] = (
            f"{INTERVALS.get(origin.interval or '', 'candles')}, "
            f"{_days(pd.Series([min(ends), max(ends)]), of_clock=True)}"
        )
    return words


def _days(ends: pd.Series, of_clock: bool = False) -> str:
    """First and last UTC day and their number, as in `18 days, 2024-04-12 to 2024-04-29`.

    of_clock : count 24 hours as a day, not the dates touched: what begins and ends at noon is not a day more
    """
    start, end = pd.to_datetime(ends, utc=True, format="mixed")
    first, last = start.date(), end.date()
    number = max(1, round((end - start) / pd.Timedelta(days=1))) if of_clock else (last - first).days + 1
    return f"{number} day{'s' if number > 1 else ''}, {first}{f' to {last}' if last > first else ''}"


def identify(run: RunRecord, artifact: str, folder: Path = Path()) -> Identity:
    """Say which run lies in `folder`: of `artifact` the version that its bundle has, and the champion."""
    bundle = run.bundles[artifact].bundle_id
    written = pd.Timestamp((folder / "metrics/detail/promotion.json").stat().st_mtime, unit="s")
    try:
        commit, time = git(folder, "log", "-1", "--format=%h %cI").split()
        changed = bool(git(folder, "status", "--porcelain", "--", FIGURES).strip())
        registry = Registry(folder, ARTIFACTS)
    except (ArtifactError, ValueError):  # no repository, or one without a commit
        return Identity(None, False, f"{written:%Y-%m-%d %H:%M} UTC", "not promoted", None)
    own = [str(r.version) for r in registry.releases.get(artifact, []) if r.record.bundle_id == bundle]
    champion = registry.production(artifact)
    stamp = written if changed else pd.Timestamp(time).tz_convert("UTC")
    return Identity(
        commit,
        not changed,
        f"{stamp:%Y-%m-%d %H:%M} UTC",
        f"{artifact} {own[-1]}" if own else "not promoted",
        str(champion.version) if champion else None,
    )


def count_gates(gates: Iterable[Verdict], traded: str, wording: Wording) -> GateCount:
    """Count `gates` by what became of them; those that failed, of the model that is `traded` first."""
    gates = list(gates)
    failed = sorted((g for g in gates if g.status == FAILED), key=lambda gate: gate.artifact != traded)
    why = Counter(_why(gate) for gate in gates if gate.status in (NOT_JUDGED, INSUFFICIENT))
    return GateCount(
        sum(gate.status == PASSED for gate in gates),
        len(failed),
        sum(why.values()),
        [_failure(gate, wording) for gate in failed],
        why.most_common(),
    )


def _why(gate: Verdict) -> str:
    """The reason that a gate has no verdict, without its figure: the same for all whose cause is the same."""
    return gate.reason.rpartition("; ")[2]


def _failure(gate: Verdict, wording: Wording) -> tuple[str, str, str, str]:
    key = gate.gate.rpartition(".")[2]
    model: Any = ARTIFACTS.get(gate.artifact)
    title = model.title if model else gate.artifact
    return title, name_of(gate.gate), wording.said(gate.value, key), wording.gate(gate.limit, key)
