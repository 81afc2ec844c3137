"""What all trials of a search share: rows, inner folds, ranges, and the hash that the search is named by."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from tapeline.errors import ArgumentError, ArtifactError, ParamsError, broken_rule
from tapeline.market.origin import read_origin
from tapeline.models.network import NetworkEntry
from tapeline.models.ranges import TRAIN, Choices, Range, TuneParams, range_mistakes
from tapeline.models.selected import CANDLES, market_name
from tapeline.models.table import NETWORKS
from tapeline.nets.checkpoints import inputs_key
from tapeline.nets.folds import FoldRows, TrainingTable
from tapeline.nets.params import TrainParams
from tapeline.nets.windows import has_context
from tapeline.params import Params, Section
from tapeline.schema import INTERVAL_MINUTES, FilledShare, Horizon, Interval, Refit, Symbols
from tapeline.splits.folds import TimeFold, read_folds
from tapeline.splits.inner import inner_folds
from tapeline.splits.params import SplitParams
from tapeline.store.feature_store import FeatureStore
from tapeline.store.tables import is_scorable
from tapeline.training.provenance import FEATURES, SPLITS, provenance
from tapeline.training.train import code_of, fold_rows, read_training

Values = dict[str, Any]  # of params, by dotted key


@dataclass(frozen=True)
class TuningPlan:
    """All that a search begins with.

    present : values of the searched params in params.yaml; fixed : sections of the network and of training
    table : all rows; timestamp, filled, has_label : (N,) of them
    folds : inner folds; first_test : when the first reported test begins; own_test : when the candidate's
    does, None of a refitted one
    reach : candles that a label or a position ends after its row; step : from candle to candle
    market : whose candles; key : hash of everything but what is searched
    """

    model: NetworkEntry
    tune: TuneParams
    ranges: dict[str, Range | Choices]
    present: Values
    fixed: dict[str, dict[str, Any]]
    table: TrainingTable
    timestamp: pd.Series
    filled: NDArray[np.bool_]
    has_label: NDArray[np.bool_]
    max_filled_share: float
    folds: tuple[TimeFold, ...]
    first_test: pd.Timestamp
    own_test: pd.Timestamp | None
    reach: int
    step: pd.Timedelta
    market: str
    key: str

    def sections(self, values: Values) -> tuple[Any, TrainParams]:
        """The network's section and `train` with `values` set; ParamsError where these can't go together."""
        sections = {name: dict(section) for name, section in self.fixed.items()}
        for key, value in values.items():
            section, name = key.split(".")
            sections[section][name] = value
        kinds: dict[str, type[Section]] = {self.model.section: self.model.architecture, TRAIN: TrainParams}
        read = {}
        for name, kind in kinds.items():
            try:
                read[name] = kind.model_validate(sections[name], strict=False)
            except ValidationError as error:
                raise ParamsError(name, None, broken_rule(error.errors()[0])) from error
        architecture, train = read[self.model.section], read[TRAIN]
        if not isinstance(train, TrainParams):
            raise AssertionError("section train is read as TrainParams")
        # A calibration is no part of what is scored, so none is fitted.
        return architecture, self.model.adapt(train, architecture).model_copy(update={"calibration": "none"})

    def rows(self, train: TrainParams) -> list[FoldRows]:
        """Rows of each inner fold. Those of validation and test are the same in all trials, and labelled."""
        segment, longest = self.table.segment, self.longest("train.sequence_length")
        trainable, predictable = (
            has_context(segment, self.filled, length, minimum, self.max_filled_share)
            for length, minimum in ((train.sequence_length, train.minimum_context), (longest, longest))
        )
        judged = predictable & self.has_label
        return [
            fold_rows(fold, self.timestamp, trainable & self.has_label, judged, self.has_label)
            for fold in self.folds
        ]

    def longest(self, key: str) -> int:
        """The largest value that any trial may have of `key`, a whole number."""
        values = self.ranges.get(key)
        if values is None:
            section, name = key.split(".")
            return int(self.fixed[section][name])
        return int(values.high) if isinstance(values, Range) else max(int(value) for value in values)

    @property
    def keys_of_all(self) -> list[str]:
        """Those searched params that other networks read, too."""
        return [key for key in self.ranges if key.startswith(f"{TRAIN}.")]

    @property
    def last_candle(self) -> pd.Timestamp:
        """Open time of the last candle that any trial can have seen: its labels' ends and positions' too.

        Counted from the rows that trials use, whatever the folds were cut by.
        """
        rows = [part for fold in self._present_rows for part in vars(fold).values() if part.size]
        last: pd.Timestamp = max(self.timestamp.iloc[part].max() for part in rows)
        return last + self.reach * self.step

    @property
    def scored(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """Open times of the first and the last candle that trials are scored on."""
        times = [self.timestamp.iloc[fold.test] for fold in self._present_rows]
        return min(each.min() for each in times), max(each.max() for each in times)

    @property
    def _present_rows(self) -> list[FoldRows]:
        return self.rows(self.sections(self.present)[1])


def network_of(name: str) -> NetworkEntry:
    """The network called `name`; ArgumentError lists those there are."""
    found = [model for model in NETWORKS if model.name == name]
    if not found:
        names = ", ".join(model.name for model in NETWORKS)
        raise ArgumentError(f"NETWORK is {name!r}: must be one of {names}")
    return found[0]


def require_run() -> None:
    """Raise ArtifactError where features or splits have not been made yet."""
    for needed in (FEATURES, SPLITS):
        if not Path(needed).exists():
            raise ArtifactError(f"{needed}: is not there; `dvc repro splits` makes what a search needs")


def plan_tuning(params: Params, tune: TuneParams) -> TuningPlan:
    """Read params, feature tables and the splits file, and cut the inner folds."""
    for mistake in range_mistakes(tune):
        raise mistake
    require_run()
    model = network_of(tune.network)
    ranges, train = tune.of(model), params.section("train", TrainParams)
    if train.processes != 1:
        rule = "must be 1 to tune: trials run side by side instead (tune.workers)"
        raise ParamsError("train.processes", train.processes, rule)
    architecture = model.read(params).model_dump(mode="json")
    fixed = {model.section: architecture, TRAIN: train.recipe() | {"workers": 1}}
    present = _present(ranges, fixed)
    symbols = params.value("data.symbols", Symbols)
    groups = FeatureStore(FEATURES).schema(symbols[0]).groups
    keys, table, _ = read_training(params, train, model.label, list(groups))
    reported, folds, reach, step = _folds(params, tune, keys["timestamp"])
    has_label = is_scorable(keys, model.label)
    max_filled_share = params.value("data.max_filled_share", FilledShare)
    record = {
        "network": model.name,
        "label": [model.label, table.horizon],
        "features": groups,
        "made_from": provenance(symbols, code_of(model)),
        "params": _without(fixed, ranges) | {"data.max_filled_share": max_filled_share},
        "ranges": {key: _plain(values) for key, values in ranges.items()},
        "folds": [str(fold) for fold in folds],
        "search": [tune.pruner, tune.unpruned, tune.seed],
    }
    is_refit = params.value("promotion.refit", Refit) == "all"
    return TuningPlan(
        model, tune, ranges, present, fixed, table, keys["timestamp"], keys["is_filled"].to_numpy(),
        has_label, max_filled_share, folds, min(fold.test[0] for fold in reported),
        None if is_refit else reported[-1].test[0], reach, step, market_name(read_origin(CANDLES)),
        inputs_key(record, [table.labels, has_label])[:12],
    )  # fmt: skip


def _folds(
    params: Params, tune: TuneParams, timestamp: pd.Series
) -> tuple[list[TimeFold], tuple[TimeFold, ...], int, pd.Timedelta]:
    """Reported folds, inner folds, candles that a label or a position reaches on, and a candle's length."""
    step = pd.Timedelta(minutes=INTERVAL_MINUTES[params.value("data.interval", Interval)])
    reported, horizon = read_folds(SPLITS), params.value("labels.horizon", Horizon)
    hold = params.value("signals.hold", Horizon | None) or horizon
    splits = params.section("splits", SplitParams).model_copy(update={"folds": tune.folds})
    inner = inner_folds(reported, splits, timestamp.min(), step, horizon, hold)
    return reported, tuple(inner), max(horizon, hold), step


def _present(ranges: dict[str, Range | Choices], fixed: dict[str, dict[str, Any]]) -> Values:
    """Values in params.yaml of what is searched; ParamsError where a range does not hold one."""
    present = {}
    for key, values in ranges.items():
        section, name = key.split(".")
        present[key] = value = fixed[section][name]
        is_held = values.holds(value) if isinstance(values, Range) else value in values
        if not is_held:
            rule = f"must hold {key} = {value!r}, with which the first trial runs"
            raise ParamsError(f"tune.ranges.{key}", _plain(values), rule)
    return present


def _without(fixed: dict[str, dict[str, Any]], ranges: dict[str, Range | Choices]) -> dict[str, Any]:
    leaves = {f"{name}.{key}": value for name, section in fixed.items() for key, value in section.items()}
    return {key: value for key, value in leaves.items() if key not in ranges}


def _plain(values: Range | Choices) -> Any:
    return values.model_dump() if isinstance(values, Range) else list(values)
