"""The champion on the candidate's own test rows that come after all data it was trained and selected on."""

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
from tapeline.schema import DIRECTION, INTERVAL_MINUTES, KEYS, ROW_KEYS, Symbols
from tapeline.serving.predictor import Predictor
from tapeline.splits.candidate import read_candidate
from tapeline.splits.params import SplitParams
from tapeline.store.feature_store import FeatureStore
from tapeline.store.tables import is_scorable

FEATURES = "data/features"
MIN_BLOCKS = 3  # of evaluation.block; with fewer an interval is not reliable


@dataclass(frozen=True)
class ChampionRows:
    """Predictions of candidate and champion on the same candles, or `why` there are none.

    rows : a row per candle that both predict: `symbol`, `timestamp`, `fold`, `bar`, `label` (NaN: none),
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


def predict_with_champion(
    artifact: str, bundle: PackedBundle, champion: Release, params: Params
) -> ChampionRows:
    """Predict the candidate's own test rows that come after the champion's training with the champion."""
    try:
        predictor = Predictor(PROMOTED / artifact)
    except ArtifactError as error:
        return ChampionRows(f"the champion is not at hand: {error}")
    if predictor.bundle.bundle_id != champion.record.bundle_id:
        return ChampionRows("what lies in production is not the champion: `make restore` brings it back")
    # Its tag may record a fingerprint of former code, which hashed prose too.
    if predictor.bundle.contract.fingerprint != bundle.fingerprints["contract"]:
        return ChampionRows("input, label or output mean something else")
    symbols = params.value("data.symbols", Symbols)
    store = FeatureStore(FEATURES)
    schema = store.schema(symbols[0])
    model = predictor.bundle.model
    if model.made_from["features"] != schema.feature_version:
        return ChampionRows("its features are others than those of data/features")
    rows = common_rows(model, symbols, predictor.bundle.contract.input.symbols, params)
    if rows.empty:
        return ChampionRows(
            "no row of the candidate's own test is after its training, of a symbol that it knows"
        )
    features = store.read_matrix(symbols, predictor.features)
    theirs = predictor.predict_rows(features, rows["row"].to_numpy())
    return ChampionRows(rows=rows.assign(champion=theirs), predictor=predictor)


def common_rows(
    model: ModelDescription, symbols: tuple[str, ...], trained_symbols: Sequence[str], params: Params
) -> pd.DataFrame:
    """Rows that the candidate predicted after the champion's last label and embargo, labels with them.

    Only of `trained_symbols`, those of the champion's training: it serves no others. Only of the candidate's
    own test, that of the last fold, whose model is offered; a refitted model has no test of its own, so all
    folds' rows are used.
    """
    minutes = INTERVAL_MINUTES[model.interval]
    last = max(pd.Timestamp(model.span[part][1]) for part in ("train", "validation"))
    step = pd.Timedelta(minutes=minutes)
    gap = params.section("splits", SplitParams).gap(model.horizon, step)
    table = FeatureStore(FEATURES).read(symbols, columns=[*KEYS, model.label])
    table["row"] = np.arange(len(table))
    table["segment_number"] = table.groupby(["symbol", "segment"], observed=True).ngroup()
    table["bar"] = bar_numbers(table["timestamp"], table["timestamp"].min(), minutes)
    segment_at_start = table["segment_number"].shift(sequence_length_of(model) - 1)
    table["has_window"] = segment_at_start == table["segment_number"]
    predictions = pd.read_parquet(f"data/predictions/{model.network}.parquet")
    predictions = read_candidate(params).rows(predictions)
    rows = table.merge(predictions, on=ROW_KEYS, validate="one_to_one")
    rows = rows.assign(label=rows[model.label], is_scorable=is_scorable(rows, model.label))
    is_common = rows["has_window"] & (rows["timestamp"] > last + gap) & rows["symbol"].isin(trained_symbols)
    kept: pd.DataFrame = rows[is_common].reset_index(drop=True)
    return kept


def sequence_length_of(model: ModelDescription) -> int:
    """Candles that the model makes one prediction from."""
    return model.context["sequence_length"]


def compare(both: ChampionRows, params: Params) -> Comparison:
    """Compare the losses of both: log loss of probabilities, absolute error of strengths."""
    if both.rows is None or both.predictor is None:
        return Comparison(both.why)
    rows = both.rows[both.rows["is_scorable"]]
    evaluation = params.section("evaluation", EvaluationParams)
    if rows.empty or rows["bar"].max() - rows["bar"].min() < MIN_BLOCKS * evaluation.block:
        return Comparison(f"{len(rows)} rows after its training are too few")
    label, is_direction = rows["label"].to_numpy(), both.predictor.bundle.model.label == DIRECTION
    losses = log_losses if is_direction else absolute_errors
    ours, theirs = (losses(rows[name].to_numpy(), label) for name in ("prediction", "champion"))
    low, high = Intervals(rows["bar"].to_numpy(), evaluation.level).interval_of_difference(theirs, ours)
    if low is None or high is None:
        return Comparison("it loses the same on every row")
    return Comparison("", float(np.mean(theirs - ours)), low, high, len(rows))
