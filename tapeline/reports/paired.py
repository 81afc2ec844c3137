"""Two runs on the same rows: differences of figures, paired row by row and day by day, with intervals."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.candles import bar_numbers
from tapeline.evaluation.direction import hits
from tapeline.evaluation.performance import interval_of_total
from tapeline.evaluation.significance import Intervals
from tapeline.losses import absolute_errors, log_losses
from tapeline.models.entry import ModelEntry
from tapeline.models.table import MODELS
from tapeline.reports.recorded_run import MissingFileError, RecordedRun
from tapeline.schema import DIRECTION, INTERVAL_MINUTES, ROW_KEYS
from tapeline.store.tables import is_scorable

FloatArray = NDArray[np.float64]
MEANING = "labels", "data.interval"  # params that say what a label is: unlike ones are not paired
DAYS, DAILY = "days", "plots/daily_pnl.csv"


@dataclass(frozen=True)
class Paired:
    """A figure of both runs on what both have, and the second's less the first's.

    key : of the figure, as `wording.Wording` says it; number, of : how many rows or days it is over
    low, high : interval of the difference, None where nothing is known of chance
    """

    what: str
    key: str
    number: int
    of: str
    first: float
    second: float
    low: float | None
    high: float | None

    @property
    def difference(self) -> float:
        """The second's less the first's."""
        return self.second - self.first

    @property
    def verdict(self) -> str:
        """What the interval says of the difference; equal rows have none, and need none."""
        if self.low is None or self.high is None:
            return "not known" if self.difference else "the same"
        return "differs" if self.low > 0 or self.high < 0 else "may be chance"


def pair_models(
    first: RecordedRun, second: RecordedRun, level: float
) -> Iterator[list[Paired] | str | MissingFileError]:
    """Of each model that both have: its figures on the candles that both predicted, or why there are none."""
    names = first.params(), second.params()
    unlike = sorted(
        key
        for key in {*names[0], *names[1]}
        if key.startswith(MEANING) and names[0].get(key) != names[1].get(key)
    )
    if unlike:
        yield f"predictions are not compared: {', '.join(unlike)} differ, so labels mean different things"
        return
    minutes = INTERVAL_MINUTES[names[1]["data.interval"]]
    labels: dict[str, pd.DataFrame] = {}
    for model in MODELS:
        path = f"data/predictions/{model.name}.parquet"
        try:
            tables = [run.parquet(path, [*ROW_KEYS, "prediction"]) for run in (first, second)]
            if model.label not in labels:
                labels[model.label] = same_labels(first, second, model.label, _symbols(tables))
        except MissingFileError as error:
            yield error
            continue
        yield pair_rows(model, tables[0], tables[1], labels[model.label], minutes, level)


def pair_rows(
    model: ModelEntry,
    first: pd.DataFrame,
    second: pd.DataFrame,
    labels: pd.DataFrame,
    minutes: int,
    level: float,
) -> list[Paired] | str:
    """Figures of `model` on candles that both tables predict and that have a label.

    first, second : `symbol`, `timestamp`, `prediction`; labels : the same keys, and `label`
    """
    rows = _keyed(first).merge(_keyed(second), on=ROW_KEYS, suffixes=("_first", "_second"))
    rows = rows.merge(labels, on=ROW_KEYS)
    if rows.empty:
        return f"{model.title}: no candle with a label was predicted by both"
    label, one, other = (rows[name].to_numpy() for name in ("label", "prediction_first", "prediction_second"))
    intervals = Intervals(bar_numbers(rows["timestamp"], rows["timestamp"].min(), minutes), level)
    return [
        Paired(
            model.title, key, len(rows), "candles", float(a.mean()), float(b.mean()),
            *intervals.interval_of_difference(b, a),
        )
        for key, a, b in _scores(model.label, one, other, label)
    ]  # fmt: skip


def pair_days(first: pd.DataFrame, second: pd.DataFrame, level: float) -> list[Paired] | str:
    """Net PnL on the days that both accounts were open; `day`, `net_pnl` each, as plots/daily_pnl.csv."""
    both = first.merge(second, on="day", suffixes=("_first", "_second")).dropna()
    if both.empty:
        return "net PnL: the accounts share no day"
    one, other = both["net_pnl_first"], both["net_pnl_second"]
    ends = interval_of_total((other - one).to_numpy(), level)
    return [Paired("Account", "net_pnl", len(both), DAYS, float(one.sum()), float(other.sum()), *ends)]


def same_labels(first: RecordedRun, second: RecordedRun, label: str, symbols: list[str]) -> pd.DataFrame:
    """Candles of `symbols` that have the same label in both runs: `symbol`, `timestamp`, `label`."""
    found = []
    for symbol in symbols:
        path = f"data/features/{symbol}.parquet"
        one, other = (
            table.loc[is_scorable(table, label), ["timestamp", label]]
            for table in (run.parquet(path, ["timestamp", "is_filled", label]) for run in (first, second))
        )
        both = one.merge(other, on="timestamp", suffixes=("", "_second"))
        same = both[both[label] == both[f"{label}_second"]]
        found.append(same[["timestamp", label]].rename(columns={label: "label"}).assign(symbol=symbol))
    # Without a shared symbol names and times must still be such: rows are merged on them.
    empty = {"symbol": "str", "timestamp": "datetime64[us, UTC]", "label": "float64"}
    return pd.concat(found) if found else pd.DataFrame(columns=[*empty]).astype(empty)


def _scores(
    label: str, one: FloatArray, other: FloatArray, true: FloatArray
) -> Iterator[tuple[str, FloatArray, FloatArray]]:
    """Key and row by row what it is the mean of, of both."""
    if label != DIRECTION:
        yield "mae", absolute_errors(one, true), absolute_errors(other, true)
        return
    yield "accuracy_all", hits(one, true), hits(other, true)
    yield "log_loss", log_losses(one, true), log_losses(other, true)
    yield "brier", (one - true) ** 2, (other - true) ** 2


def _keyed(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(symbol=table["symbol"].astype(str))


def _symbols(tables: list[pd.DataFrame]) -> list[str]:
    """Symbols of both, sorted."""
    one, other = (set(table["symbol"].astype(str).unique()) for table in tables)
    return sorted(one & other)
