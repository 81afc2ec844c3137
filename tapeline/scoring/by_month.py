"""The audits of one symbol that are asked month by month: what is stored, and those that draw candles.

What they draw in a month they compare on its own candles and those within reach, and on no others, so a month
of which an earlier run found nothing is not asked again while these are the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tapeline.errors import NothingComparedError
from tapeline.extra import Extra
from tapeline.features.table import TableMonth
from tapeline.quality.buffers import Scale
from tapeline.quality.files_opened import Opened, watched
from tapeline.quality.ledger import Cells, History
from tapeline.quality.month_windows import share_of_each, window_of
from tapeline.quality.params import LeakParams
from tapeline.quality.report import Audit, AuditName
from tapeline.quality.stored import Known
from tapeline.schema import Tabular
from tapeline.scoring.known_months import Facts, KnownMonths, inputs_of

# An audit of some rows of a history that it draws, given these rows as they are stored.
Drawn = Callable[[History, pd.DataFrame, Scale, LeakParams], Audit]


@dataclass
class AuditedMonth:
    """A month, its raw candles, where it is noted, and what is noted of it: None where it is to be asked."""

    month: TableMonth
    window: History
    key: str | None
    facts: Facts | None
    is_known: bool


@dataclass
class ByMonth:
    """The months of one symbol's table under audit, each by as many draws as `params` say.

    names : of the features; deviation : what each varies by in the whole table, (F,)
    """

    history: History
    months: list[AuditedMonth]
    names: Sequence[str]
    deviation: Cells
    params: LeakParams
    known: KnownMonths | None

    @classmethod
    def of(
        cls,
        history: History,
        months: Sequence[TableMonth],
        names: Sequence[str],
        table: Tabular,
        extras: Sequence[Extra],
        reach: int,
        params: LeakParams,
        known: KnownMonths | None,
    ) -> "ByMonth":
        """With what is `known` of months of which nothing within `reach` of their rows has changed.

        What was forgiven because columns vary has to be small beside how they vary in this `table`, too.
        """
        last = len(history.candles) - 1  # after which nothing comes
        n_rows = [len(month.rows) - int(month.rows[-1] == last) for month in months]
        share = params.model_copy(update={"leak_cuts": share_of_each(n_rows, params.leak_cuts)})
        scale, audited = Scale.of(table, names), []
        for month in months:
            window = window_of(history, int(month.rows[0]), int(month.rows[-1]) + 1, reach)
            key = facts = None
            if known is not None:
                key = known.key(month.name, inputs_of(window, extras), share)
                facts = known.facts(key)
            if facts is not None and not scale.forgives([facts["forgiven"].get(name, 0.0) for name in names]):
                facts = None
            audited.append(AuditedMonth(month, window, key, facts, facts is not None))
        return cls(history, audited, names, scale.deviation, share, known)

    def blocks(self, opened: list[Opened]) -> Iterator[pd.DataFrame | Known]:
        """The rows of each month, built here and now unless it is known; `opened` takes what is opened."""
        for each in self.months:
            if each.is_known:
                yield Known(self.history.times[each.month.rows])
            else:
                yield from watched(_built(each.month), opened)

    def draw(self, audits: Mapping[AuditName, Drawn], table: Tabular) -> dict[AuditName, Audit]:
        """Each of `audits` over all months; NothingComparedError where one found no row in any."""
        times = table["timestamp"].to_numpy("datetime64[us]").view(np.int64)
        empty: dict[AuditName, NothingComparedError] = {}
        found: dict[AuditName, list[Audit]] = {name: [] for name in audits}
        for each in self.months:
            if each.facts is None:
                own = self.history.times[each.month.rows[[0, -1]]]
                begin, stop = np.searchsorted(times, own[0]), np.searchsorted(times, own[1], side="right")
                stored, scale, compared = table.iloc[begin:stop], Scale(self.deviation), {}
                for name, audit in audits.items():
                    try:
                        found[name].append(audit(each.window, stored, scale, self.params))
                        compared[name] = found[name][-1].cells
                    except NothingComparedError as error:
                        empty[name], compared[name] = error, 0
                forgiven = dict(zip(self.names, scale.forgiven.tolist(), strict=True))
                each.facts = {"cells": compared, "forgiven": {name: x for name, x in forgiven.items() if x}}
            else:
                for name, cells in each.facts["cells"].items():
                    found[name].append(Audit(self.history.symbol, name, cells, ()))
        for name, parts in found.items():
            if name in empty and not sum(part.cells for part in parts):
                raise empty[name]
        return {name: _joined(parts) for name, parts in found.items()}

    def note(self) -> None:
        """Keep that nothing was found in any month; to be called when that is so."""
        for each in self.months:
            if self.known is not None and each.facts is not None and not each.is_known:
                self.known.note(each.key, each.facts)


def _joined(parts: Sequence[Audit]) -> Audit:
    leaks = tuple(leak for part in parts for leak in part.leaks)
    return Audit(parts[0].symbol, parts[0].name, sum(part.cells for part in parts), leaks)


def _built(month: TableMonth) -> Iterator[pd.DataFrame]:
    yield month.build()
