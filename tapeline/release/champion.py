"""The champion on the candidate's own test rows that come after all it was trained and chosen on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tapeline.candles import bar_numbers
from tapeline.errors import ArtifactError
from tapeline.evaluation.params import EvaluationParams
from tapeline.evaluation.significance import Intervals
from tapeline.losses import absolute_errors, log_losses
from tapeline.params import Params
from tapeline.promotion.contract import ModelDescription
from tapeline.promotion.production import PROMOTED
from tapeline.promotion.registry import Release
from tapeline.promotion.release_record import PackedBundle
from tapeline.schema import DIRECTION, INTERVAL_MINUTES, KEYS, ROW_KEYS, Refit, Symbols
from tapeline.serving.predictor import Predictor
from tapeline.splits.folds import read_folds
from tapeline.splits.params import SplitParams
from tapeline.store.feature_store import FeatureStore
from tapeline.store.tables import is_scorable

FEATURES, SPLITS = "data/features", "data/splits.json"
ENOUGH_BLOCKS = 3  # of evaluation.block; fewer say nothing of chance


@dataclass(frozen=True)
class Duel:
    """Both on the same candles, or `why` that can't be.

    rows : a line a candle that both predict: `symbol`, `timestamp`, `fold`, `bar`, `label` (NaN: none),
        `is_scorable`, the candidate's `prediction` and that of the `champion`
    """

    why: str = ""
    rows: pd.DataFrame | None = None
    predictor: Predictor | None = None


@dataclass(frozen=True)
class Comparison:
    """Champion's loss less the candidate's, with its interval; `why` says why there is none."""

    why: str = ""
    gain: float = np.nan
    low: float = np.nan
    high: float = np.nan
    rows: int = 0


def meet(artifact: str, bundle: PackedBundle, champion: Release, params: Params) -> Duel:
    """Let the champion in production predict the candidate's own test rows after its own training."""
    try:
        predictor = Predictor(PROMOTED / artifact)
    except ArtifactError as error:
        return Duel(f"the champion is not at hand: {error}")
    if predictor.bundle.manifest.bundle_id != champion.record.bundle_id:
        return Duel("what lies in production is not the champion: `make restore` brings it back")
    # The one that its tag records may be of a time when a reworded sentence changed it.
    if predictor.bundle.contract.fingerprint != bundle.fingerprints["contract"]:
        return Duel("input, label or output mean something else")
    symbols = params.value("data.symbols", Symbols)
    store = FeatureStore(FEATURES)
    schema = store.schema(symbols[0])
    model = predictor.bundle.model
    if model.made_from["features"] != schema.feature_version:
        return Duel("its features are others than those of data/features")
    rows = common_rows(model, symbols, predictor.bundle.contract.input.symbols, params)
    if rows.empty:
        return Duel("no row of the candidate's own test is after its training, of a symbol that it knows")
    features = store.read_matrix(symbols, predictor.features)
    theirs = predictor.predict_rows(features, rows["row"].to_numpy())
    return Duel(rows=rows.assign(champion=theirs), predictor=predictor)


def common_rows(
    model: ModelDescription, symbols: tuple[str, ...], known: Sequence[str], params: Params
) -> pd.DataFrame:
    """Rows that the candidate predicted after the champion's last label and embargo, labels with them.

    Only of symbols `known` to the champion from its training, since on others it is never asked. Only those
    of the candidate's own test: of the last fold, whose model ships. One that was refitted has none, and all
    folds' stand for it.
    """
    minutes = INTERVAL_MINUTES[model.interval]
    last = max(pd.Timestamp(model.span[part][1]) for part in ("train", "validation"))
    step = pd.Timedelta(minutes=minutes)
    gap = params.section("splits", SplitParams).gap(model.horizon, step)
    table = FeatureStore(FEATURES).read(symbols, columns=[*KEYS, model.label])
    table["row"] = np.arange(len(table))
    table["run"] = table.groupby(["symbol", "segment"], observed=True).ngroup()
    table["bar"] = bar_numbers(table["timestamp"], table["timestamp"].min(), minutes)
    back = table["run"].shift(len_of(model) - 1)
    table["has_window"] = back == table["run"]
    predictions = pd.read_parquet(f"data/predictions/{model.network}.parquet")
    if params.value("promotion.refit", Refit) != "all":
        predictions = predictions[predictions["fold"] == len(read_folds(SPLITS)) - 1]
    rows = table.merge(predictions, on=ROW_KEYS, validate="one_to_one")
    rows = rows.assign(label=rows[model.label], is_scorable=is_scorable(rows, model.label))
    is_common = rows["has_window"] & (rows["timestamp"] > last + gap) & rows["symbol"].isin(known)
    common: pd.DataFrame = rows[is_common].reset_index(drop=True)
    return common


def len_of(model: ModelDescription) -> int:
    """Candles that a prediction of the model takes."""
    return model.context["sequence_length"]


def compare(duel: Duel, params: Params) -> Comparison:
    """Score both: log loss of probabilities, absolute error of strengths."""
    if duel.rows is None or duel.predictor is None:
        return Comparison(duel.why)
    rows = duel.rows[duel.rows["is_scorable"]]
    evaluation = params.section("evaluation", EvaluationParams)
    if rows.empty or rows["bar"].max() - rows["bar"].min() < ENOUGH_BLOCKS * evaluation.block:
        return Comparison(f"{len(rows)} rows after its training are too few")
    label, is_direction = rows["label"].to_numpy(), duel.predictor.bundle.model.label == DIRECTION
    losses = log_losses if is_direction else absolute_errors
    ours, theirs = (losses(rows[name].to_numpy(), label) for name in ("prediction", "champion"))
    low, high = Intervals(rows["bar"].to_numpy(), evaluation.level).interval_of_difference(theirs, ours)
    if low is None or high is None:
        return Comparison("it loses the same on every row")
    return Comparison("", float(np.mean(theirs - ours)), low, high, len(rows))
