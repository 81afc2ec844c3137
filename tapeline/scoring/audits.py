"""The leak audits that the expectations stage runs: what of the pipeline each is given to audit."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from operator import attrgetter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.cache import Cache, code_key, key_of
from tapeline.extra import Extra
from tapeline.features.buffer import capacity
from tapeline.features.compiled import program_of
from tapeline.features.declare import Feature
from tapeline.features.extra import extra_features, with_extra_meaning
from tapeline.features.streaming import latest_features
from tapeline.features.table import TableMonth, build_table, table_months
from tapeline.quality.buffers import audit_streaming, audit_warm_up
from tapeline.quality.extra_future import audit_known_at
from tapeline.quality.files_opened import Opened, audit_files, files_opened
from tapeline.quality.future import audit_poison, audit_truncation
from tapeline.quality.label_reach import audit_label_reach
from tapeline.quality.ledger import History
from tapeline.quality.month_windows import window_of
from tapeline.quality.params import QualityParams
from tapeline.quality.random_walk import audit_random_walk
from tapeline.quality.report import Audit, AuditName, RandomWalk
from tapeline.quality.stored import audit_stored
from tapeline.schema import DIRECTION, INTERVAL_MINUTES, LABELS, Interval, Tabular
from tapeline.scoring.by_month import ByMonth, Drawn
from tapeline.scoring.known_months import STAGE, KnownMonths
from tapeline.scoring.served import served_rows

# Stands beside labels that are built alone; a table needs a feature, and with this one has every row.
CHEAPEST = Feature("close", "labels", 1, "the close", None, None, attrgetter("close"))


@dataclass(frozen=True)
class Audited:
    """What is audited: the features switched on, the labels' horizon, how long a leader's close is known.

    extras : inputs beyond candles, of which features are made beside `features`; interval : of the candles
    """

    features: list[Feature]
    horizon: int
    max_fill: int
    extras: Sequence[Extra] = ()
    interval: Interval = "1m"

    def of(self, symbol: str) -> "Audited":
        """The same with the features of `extras` as they are for `symbol`."""
        own = self.extra_features(symbol, self.extras)
        return replace(self, features=[*self.features, *own]) if own else self

    def extra_features(self, symbol: str, extras: Sequence[Extra]) -> list[Feature]:
        """Features of `extras` for candles of `symbol`."""
        return extra_features(extras, symbol, INTERVAL_MINUTES[self.interval])

    @property
    def names(self) -> list[str]:
        """Names of the features."""
        return [feature.name for feature in self.features]

    def build(self, candles: pd.DataFrame, leader: pd.DataFrame) -> pd.DataFrame:
        """The table as the features stage builds it."""
        return build_table(candles, leader, self.features, self.horizon, self.max_fill)

    def months(self, history: History) -> list[TableMonth]:
        """The months of the same table, none of them built yet."""
        inputs = history.candles, history.leader, self.features, self.horizon, self.max_fill
        return list(table_months(*inputs))

    @property
    def reach(self) -> int:
        """Candles on either side of a row that its values, labels and audits may look at, and some more."""
        longest = max(feature.lookback for feature in self.features)
        return capacity(longest, 1, self.max_fill) + self.horizon + 60

    def build_moved(
        self, one: History, other: History
    ) -> tuple[Iterator[pd.DataFrame], Iterator[pd.DataFrame]]:
        """The months of both tables that have other candles in one than in the other within reach."""
        one = replace(one, leader=one.leader.copy(deep=False))  # poison parts it from the candles, too
        ours, theirs = ({month.name: month for month in self.months(each)} for each in (one, other))
        names = [
            name
            for name, month in ours.items()
            if name not in theirs or self._inputs(one, month) != self._inputs(other, theirs[name])
        ]
        return (ours[n].build() for n in names), (theirs[n].build() for n in names if n in theirs)

    def _inputs(self, history: History, month: TableMonth) -> bytes:
        first, last = int(month.rows[0]), int(month.rows[-1])
        return window_of(history, first, last + 1, self.reach).digest

    @property
    def described(self) -> str:
        """What is computed, beyond code and candles."""
        return with_extra_meaning(f"{self.names} {self.horizon} {self.max_fill} {self.interval}", self.extras)

    def build_labels(self, candles: pd.DataFrame, leader: pd.DataFrame) -> pd.DataFrame:
        """The same with one feature that costs nothing, so that labels are cheap."""
        return build_table(candles, leader, [CHEAPEST], self.horizon, self.max_fill)

    def latest(self, buffer: pd.DataFrame, leader: pd.DataFrame, names: Sequence[str]) -> NDArray[np.float64]:
        """Features `names` of the newest candle, from the candles of `buffer` alone."""
        chosen = [feature for feature in self.features if feature.name in set(names)]
        return latest_features(buffer, leader, chosen, self.max_fill).astype(np.float64)

    def served(self, history: History, cuts: NDArray[np.int64]) -> Iterator[NDArray[np.float64]]:
        """All features at rows `cuts`, as serving computes them from candles that arrive one by one."""
        return served_rows(history, cuts, self.features, self.max_fill)

    def drawn(self, longest: int) -> dict[AuditName, Drawn]:
        """The audits that draw candles, whose features need `longest` candles at most."""
        lookbacks = {feature.name: feature.lookback for feature in self.features}
        return {
            "truncation": lambda history, _, __, params: audit_truncation(
                self.build, history, self.names, longest, params
            ),
            "warm_up": lambda history, stored, scale, params: audit_warm_up(
                self.latest, history, stored, lookbacks, params, scale
            ),
            "streaming": lambda history, stored, scale, params: audit_streaming(
                self.served, history, stored, self.names, longest, params, scale
            ),
            "label_reach": lambda history, _, __, params: audit_label_reach(
                self.build_labels, history, LABELS, longest, self.horizon, params
            ),
        }


def audit_symbol(
    audited: Audited,
    history: History,
    table: Tabular,
    quality: QualityParams,
    known: KnownMonths | None = None,
) -> list[Audit]:
    """Run the audits of one symbol; months in which an earlier run is `known` to have found nothing are left.

    Of files and of the stored table, truncation, poison, warm-up, streaming, what labels reach and, where
    there are inputs beyond candles, when they are known.
    """
    audited = audited.of(history.symbol)
    longest, names = max(feature.lookback for feature in audited.features), audited.names
    program_of.cache_clear()  # so that what a feature's function reads once, it reads here
    opened: list[Opened] = []
    inputs = audited.months(history), names, table, audited.extras, audited.reach, quality, known
    by_month = ByMonth.of(history, *inputs)
    stored = audit_stored(by_month.blocks(opened), table, history, [*names, *LABELS])
    drawn = by_month.draw(audited.drawn(longest), table)
    if not opened and not any(audit.leaks for audit in (stored, *drawn.values())):
        by_month.note()
    names_by_function = {feature.definition: feature.name for feature in audited.features if opened}
    poison = audit_poison(audited.build_moved, history, names, LABELS, longest, audited.horizon, quality)
    audits = [
        audit_files(opened, names_by_function, history),
        stored,
        drawn.pop("truncation"),
        poison,
        *drawn.values(),
    ]
    return audits + ([audit_extras(audited, history, quality)] if audited.extras else [])


def audit_extras(audited: Audited, history: History, quality: QualityParams) -> Audit:
    """Audit when the inputs beyond candles are known, on their features alone."""

    def rebuild(extras: Sequence[Extra]) -> pd.DataFrame:
        features = audited.extra_features(history.symbol, extras)
        return build_table(history.candles, history.leader, features, audited.horizon, audited.max_fill)

    names = [feature.name for feature in audited.extra_features(history.symbol, audited.extras)]
    return audit_known_at(rebuild, history, names, audited.extras, quality)


def check_random_walk(
    audited: Audited, interval: Interval, seed: int, kept: Cache | None = None
) -> tuple[Audit, RandomWalk]:
    """Run the random-walk check on the features that are switched on, of which those of `extras` are none.

    No candle of the run is in it, so what an earlier run `kept` of it is what came of it, where it passed.
    """
    key = key_of(code_key(STAGE), "random walk", audited.described, interval, seed)
    facts = kept.noted(key) if kept else None
    if facts is not None:
        return Audit(**facts["audit"], leaks=()), RandomWalk(**facts["walk"])
    program_of.cache_clear()
    opened: list[Opened] = []

    def build(candles: pd.DataFrame, leader: pd.DataFrame) -> pd.DataFrame:
        with files_opened() as found:
            table = audited.build(candles, leader)
        opened.extend(found)
        return table

    audit, walk = audit_random_walk(build, audited.names, DIRECTION, audited.horizon, interval, seed)
    if kept and not opened and not audit.leaks:
        of_audit = {"symbol": audit.symbol, "name": audit.name, "cells": audit.cells}
        kept.note(key, {"audit": of_audit, "walk": asdict(walk)})
    return audit, walk
