"""The run that is proved: its candles, its folds, and a copy of it in which nothing has changed."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tapeline.errors import ProofError
from tapeline.extra import Extra
from tapeline.features.extra_files import read_extras
from tapeline.features.params import FeatureParams, selected_features
from tapeline.market.card import count_decimals
from tapeline.market.times import MINUTE
from tapeline.outputs import read_json, write_json
from tapeline.params import Params
from tapeline.quality.extra_future import replaced_after
from tapeline.quality.replacement import Moves
from tapeline.release.proof_compare import Comparison, Known
from tapeline.release.proof_copies import Copies, Copy
from tapeline.release.proof_moments import Clock, Tables, replace_after, times_of
from tapeline.schema import (
    INTERVAL_MINUTES,
    OHLCV,
    PRICES,
    Horizon,
    Interval,
    MaxFill,
    Refit,
    Symbols,
    Workers,
)
from tapeline.splits.folds import PARTS, TimeFold, read_folds
from tapeline.store.feature_store import FeatureStore
from tapeline.store.tables import read_table

CANDLES, FEATURES, SPLITS = Path("data/candles"), Path("data/features"), Path("data/splits.json")
CEILINGS = Path("data/ceilings")
SOURCE_FILE = "file"  # column of candles: which of the symbol's files a row is from; a copy has one
UNCHANGED = "unchanged"  # name of the copy whose candles are the run's


@dataclass(frozen=True)
class Run:
    """The run in the folder `root`, and copies to prove it in."""

    root: Path
    copies: Copies
    judged: dict[str, Any] = field(default_factory=dict)  # what its models say on its own candles, once asked

    @cached_property
    def params(self) -> Params:
        """Of the run."""
        return Params.read(self.root / "params.yaml")

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The leader first."""
        symbols: tuple[str, ...] = self.params.value("data.symbols", Symbols)
        return symbols

    @cached_property
    def interval(self) -> int:
        """Of a candle, microseconds."""
        return INTERVAL_MINUTES[self.params.value("data.interval", Interval)] * MINUTE

    @cached_property
    def max_fill(self) -> int:
        """Candles of the longest gap that is filled."""
        return int(self.params.value("data.max_fill", MaxFill))

    @cached_property
    def horizon(self) -> int:
        """Candles that a label reaches ahead."""
        return int(self.params.value("labels.horizon", Horizon))

    @cached_property
    def lookback(self) -> int:
        """Candles, the longest of all features."""
        interval = self.params.value("data.interval", Interval)
        features = selected_features(self.params.section("features", FeatureParams), interval)
        return max(feature.lookback for feature in features)

    @cached_property
    def candles(self) -> Tables:
        """The real candles of each symbol, none filled: `timestamp` and OHLCV."""
        tables = {symbol: read_table(self.root / CANDLES, symbol) for symbol in self.symbols}
        return {
            symbol: table.loc[~table["is_filled"], ["timestamp", *OHLCV]].reset_index(drop=True)
            for symbol, table in tables.items()
        }

    @cached_property
    def moves(self) -> dict[str, Moves]:
        """What others are drawn from, by symbol."""
        return {
            symbol: Moves.of(table, self.interval, count_decimals(table[list(PRICES)].to_numpy()))
            for symbol, table in self.candles.items()
        }

    @cached_property
    def clock(self) -> Clock:
        """Bars from the first candle to the last."""
        return Clock.of(self.candles, self.interval)

    @cached_property
    def folds(self) -> list[TimeFold]:
        """Of the run; the candidate's is the last."""
        return read_folds(self.root / SPLITS)

    @property
    def fold(self) -> TimeFold:
        """The fold whose model is proved: the candidate's, or the last where that is refitted."""
        return self.folds[-1]

    @property
    def fold_name(self) -> str:
        """As models are named."""
        return f"fold_{len(self.folds) - 1}"

    @property
    def is_refit(self) -> bool:
        """Whether the model offered is trained once more, on everything."""
        return bool(self.params.value("promotion.refit", Refit) == "all")

    @property
    def workers(self) -> int:
        """Copies at work side by side: as many trainings as the run's params allow on this machine."""
        return int(self.params.value("train.workers", Workers))

    def replaced(self, moment: int, rng: np.random.Generator) -> Tables:
        """The run's candles with others from `moment`, microseconds, on; each symbol's last time stays."""
        return {
            symbol: replace_after(table, self.moves[symbol], moment, rng)
            for symbol, table in self.candles.items()
        }

    @cached_property
    def extras(self) -> list[Extra]:
        """Inputs beyond candles."""
        return read_extras(self.params, self.root)

    def replaced_extras(self, moment: int, rng: np.random.Generator) -> list[Extra]:
        """The same with other rows known after `moment`, microseconds, when candles before it have closed."""
        return [replaced_after(extra, moment, rng) for extra in self.extras]

    def known(self, changed: Tables, moment: int) -> dict[str, Known]:
        """By symbol, what the run and one on `changed` candles may both know before `moment`."""
        return {
            symbol: Known.until(times_of(table), times_of(changed[symbol]), moment)
            for symbol, table in self.candles.items()
        }

    @cached_property
    def unchanged(self) -> Copy:
        """A copy on the run's own candles; ProofError where its commands give other values than the run's."""
        copy = self.copies.make(UNCHANGED, self.candles, extras=self.extras)
        copy.run("ingest", "features", "splits")
        never = int(times_of(self.candles[self.symbols[0]])[-1]) + 10**15
        try:
            compare_data(self, copy, self.known(self.candles, never), Comparison())
            compare_calendar(self, copy, never)
        except ProofError as error:
            told = str(error).split(" once the candles from ")[0]
            raise ProofError(
                f"{told} in a copy of the run on its own candles: the run is not reproduced here; "
                "run `dvc repro` on this machine"
            ) from error
        return copy

    def write_splits(self, copy: Copy, all_folds: bool = False) -> None:
        """Write the run's splits file into `copy`, reduced to the proved fold unless `all_folds`."""
        record = read_json(self.root / SPLITS)
        write_json(copy.folder / SPLITS, record if all_folds else record | {"folds": record["folds"][-1:]})


def compare_data(run: Run, copy: Copy, known: dict[str, Known], comparison: Comparison) -> None:
    """Compare candles, features and labels of the run with those of a copy that ran ingest and features."""
    for symbol in run.symbols:
        tables = [read_table(folder / CANDLES, symbol) for folder in (run.root, copy.folder)]
        comparison.tables("ingest", symbol, tables, known[symbol], left_out=(SOURCE_FILE,))
    span = run.horizon * run.interval
    for symbol in run.symbols:
        tables = [read_features(folder, symbol) for folder in (run.root, copy.folder)]
        comparison.tables("features", symbol, tables, known[symbol], span)


def read_features(root: Path, symbol: str) -> pd.DataFrame:
    """The feature table of one symbol of the project at `root`, without the column of its name."""
    return FeatureStore(root / FEATURES).read(symbol).drop(columns="symbol")


def compare_calendar(run: Run, copy: Copy, moment: int) -> None:
    """Compare the folds' spans of the run with those that the splits stage cut in a copy."""
    theirs = read_folds(copy.folder / SPLITS)
    spans = [
        {f"fold {k} {part}": str(getattr(fold, part)) for k, fold in enumerate(folds) for part in PARTS}
        for folds in (run.folds, theirs)
    ]
    Comparison().figures("splits", spans, moment)


def side_by_side(workers: int, jobs: Sequence[tuple[Copy, tuple[str, ...]]]) -> None:
    """Run the steps of all `jobs` in their copies, `workers` at a time; the first that failed is raised.

    Whatever interrupts the wait ends the processes that are waited for.
    """
    with ThreadPoolExecutor(workers) as pool:
        try:
            for future in [pool.submit(copy.run, *steps) for copy, steps in jobs]:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            jobs[0][0].copies.runner.end()
            raise


def microseconds_of(time: pd.Timestamp) -> int:
    """A time in microseconds since 1970."""
    return int(time.value) // 1000
