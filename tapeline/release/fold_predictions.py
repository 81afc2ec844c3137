"""Every fold's stored predictions against the model of that fold, row by row.

The headline figures pool all folds, and the replay is of the last one alone. Here a stored row is looked up
by its symbol and time, its window is cut out of that symbol's feature table, and the fold's own weights,
scaler and calibration say what must be stored there. A training's rows and their order are not used.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from tapeline.baselines.kinds import KINDS, file_name
from tapeline.baselines.stored import load_baseline
from tapeline.errors import ArtifactError
from tapeline.models.entry import EnsembleEntry, ModelEntry
from tapeline.models.network import NetworkEntry
from tapeline.models.table import MODELS
from tapeline.nets.export import Served, reference_outputs
from tapeline.nets.loading import load_model
from tapeline.nets.scaler import Scaler
from tapeline.params import Params
from tapeline.release.replayed_answers import TOLERANCE
from tapeline.schema import INTERVAL_MINUTES, Interval, Symbols
from tapeline.splits.candidate import Candidate

FEATURES, PREDICTIONS = "data/features", "data/predictions"
# Of a fold's validation, and of its test: what is wrong in 0.2 % of the rows is found with probability 0.98.
ROWS = 2000
WINDOWS_AT_ONCE = 512
SECONDS = 2e-4  # that a row takes, about


@dataclass(frozen=True)
class Stored:
    """A model or baseline of one fold, as it lies in `folder`.

    features : that go in, in order; length : of a window; content : what tells it from any other
    outputs : of unscaled windows (n, length, F), (n,)
    """

    folder: Path
    features: list[str]
    length: int
    content: str
    outputs: Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Part:
    """Rows that were drawn of one fold's validation or test, and the model that predicted them.

    path : of the stored predictions; rows : `symbol`, `timestamp`, `prediction`; of : how many it has in all
    """

    path: str
    model: Stored
    rows: pd.DataFrame
    of: int


@dataclass(frozen=True)
class Compared:
    """How many stored predictions were computed anew, of how many, and the largest difference."""

    rows: int
    of: int
    largest_difference: float


def check_folds(candidate: Candidate, params: Params, tell: Callable[[str], None]) -> Compared:
    """Compute predictions of every fold of the run in the current folder anew from its stored models.

    Of each fold's validation and test all rows or, of more, ROWS that their content draws; ArtifactError
    names the first that differs by more than TOLERANCE. `tell` is called with the cost before it is paid.
    """
    parts = list(draw_parts(candidate))
    n_rows, of = sum(len(part.rows) for part in parts), sum(part.of for part in parts)
    seconds = n_rows * SECONDS
    tell(f"predictions: {n_rows:,} of {of:,}, of every fold, anew from its model: about {seconds:.0f} s")
    computed = [np.full(len(part.rows), np.nan) for part in parts]
    step = pd.Timedelta(minutes=INTERVAL_MINUTES[params.value("data.interval", Interval)])
    names = sorted({name for part in parts for name in part.model.features})
    with tqdm(total=n_rows, unit=" rows", desc="predicting every fold", disable=None) as bar:
        for symbol in params.value("data.symbols", Symbols):
            table = FeatureTable(symbol, names, step)
            for part, values in zip(parts, computed, strict=True):
                at = np.flatnonzero(part.rows["symbol"] == symbol)
                values[at] = table.predict(part.model, part.rows["timestamp"].iloc[at])
                bar.update(at.size)
    pairs = zip(parts, computed, strict=True)
    largest = max((require_equal(*each) for each in pairs), default=0.0)
    return Compared(n_rows, of, largest)


def draw_parts(candidate: Candidate) -> Iterator[Part]:
    """What is compared: by model, file and fold; a refitted model is of the fold after the last."""
    loads: dict[str, Callable[[Path], Stored]] = {
        entry.name: partial(stored_model, entry) for entry in MODELS
    }
    for label, names in KINDS.items():
        loads |= {f"baselines/{file_name(label, kind)}": stored_baseline for kind in names}
    for name, load in loads.items():
        for suffix in ("", "_validation"):
            path = f"{PREDICTIONS}/{name}{suffix}.parquet"
            stored = pd.read_parquet(path).astype({"symbol": str})
            for fold, rows in stored.groupby("fold"):
                model = load(
                    Path("models") / name / ("refit" if fold == candidate.n_folds else f"fold_{fold}")
                )
                yield Part(path, model, draw(rows.reset_index(drop=True), model.content), len(rows))


def stored_model(entry: ModelEntry, folder: Path) -> Stored:
    """The model of `entry` in `folder`; ArtifactError if it is not whole."""
    if isinstance(entry, NetworkEntry):
        return stored_network(entry, folder)
    return stored_ensemble(entry, folder) if isinstance(entry, EnsembleEntry) else stored_baseline(folder)


def stored_ensemble(entry: EnsembleEntry, folder: Path) -> Stored:
    """The members of an ensemble, each from the folder of its own models, as one."""
    members = [
        stored_model(member, folder.parents[1] / member.name / folder.name) for member in entry.members
    ]
    names = members[0].features

    def outputs(windows: NDArray[np.float64]) -> NDArray[np.float64]:
        said = [
            each.outputs(windows[:, -each.length :, [names.index(name) for name in each.features]])
            for each in members
        ]
        mean: NDArray[np.float64] = np.mean(said, axis=0)
        return mean

    content = "".join(each.content for each in members)
    return Stored(folder, names, max(each.length for each in members), content, outputs)


def stored_network(entry: NetworkEntry, folder: Path) -> Stored:
    """The network in `folder` with its scaler and calibration; ArtifactError if it is not whole."""
    model = load_model(folder, entry.build_described)
    served = Served(model.net, model.calibration)

    def outputs(windows: NDArray[np.float64]) -> NDArray[np.float64]:
        scaled = model.scaler.transform(windows.reshape(-1, windows.shape[-1])).reshape(windows.shape)
        return reference_outputs(served, torch.from_numpy(scaled)).double().numpy()

    length = model.description.context["sequence_length"]
    return Stored(folder, model.description.features, length, model.version, outputs)


def stored_baseline(folder: Path) -> Stored:
    """The baseline in `folder`, which looks at one row alone; ArtifactError if it is not whole."""
    model, record = load_baseline(folder)
    scaler = Scaler(*(np.array(record["scaler"][name]) for name in ("mean", "std")))
    return Stored(
        folder,
        record["features"],
        1,
        json.dumps(record),
        lambda rows: model.predict(scaler.transform(rows[:, 0])),
    )


def draw(rows: pd.DataFrame, model: str) -> pd.DataFrame:
    """ROWS of `rows` at most, in order, drawn by the `model`'s content and the predictions' own bytes."""
    if len(rows) <= ROWS:
        return rows
    content = model.encode() + rows["prediction"].to_numpy(np.float64).tobytes()
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(content).digest()[:8], "little"))
    return rows.iloc[np.sort(rng.choice(len(rows), ROWS, replace=False))].reset_index(drop=True)


class FeatureTable:
    """The stored features `names` of one symbol, by open time."""

    def __init__(self, symbol: str, names: list[str], step: pd.Timedelta) -> None:
        self._symbol, self._names, self._step = symbol, names, step
        table = pd.read_parquet(f"{FEATURES}/{symbol}.parquet", columns=["timestamp", "segment", *names])
        self._time, self._segment = pd.Index(table["timestamp"]), table["segment"].to_numpy()
        self._values = table[names].to_numpy(np.float64)

    def predict(self, model: Stored, times: pd.Series) -> NDArray[np.float64]:
        """Predictions (n,) of `model` at open `times` (n,), each from the window that ends there.

        ArtifactError names the first time that no whole window leads up to.
        """
        length, ends = model.length, self._time.get_indexer(times)
        first = np.maximum(ends - length + 1, 0)
        is_whole = (ends >= length - 1) & (self._segment[first] == self._segment[ends])
        is_whole &= np.asarray(self._time[ends] - self._time[first] == (length - 1) * self._step)
        if not is_whole.all():
            at = times.iloc[np.flatnonzero(~is_whole)[0]]
            told = f"no {length} candles of {self._symbol} lead up to {at}, predicted"
            raise ArtifactError(f"{model.folder}: {told}")
        columns = [self._names.index(name) for name in model.features]
        outputs, back = [np.empty(0)], np.arange(1 - length, 1)
        for start in range(0, len(ends), WINDOWS_AT_ONCE):
            rows = ends[start : start + WINDOWS_AT_ONCE, None] + back
            outputs.append(model.outputs(self._values[rows[..., None], columns]))
        return np.concatenate(outputs)


def require_equal(part: Part, computed: NDArray[np.float64]) -> float:
    """The largest difference of the stored predictions to `computed` (n,); ArtifactError names the first."""
    difference = np.abs(part.rows["prediction"].to_numpy() - computed)
    bad = np.flatnonzero(~(difference <= TOLERANCE))
    if bad.size:
        row = part.rows.iloc[bad[0]]
        more = f", as at {bad.size - 1:,} more of {len(computed):,}" if bad.size > 1 else ""
        raise ArtifactError(
            f"{part.path}: {row['prediction']:.8g} at {row['symbol']} {row['timestamp']} of "
            f"{part.model.folder.name}, and {part.model.folder} gives {computed[bad[0]]:.8g}{more}"
        )
    return float(difference.max()) if len(computed) else 0.0
