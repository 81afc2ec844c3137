"""The champion on the candidate's test rows that come after all it was trained and chosen on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import ArtifactError
from tapeline.evaluation.params import EvaluationParams
from tapeline.evaluation.significance import Intervals
from tapeline.market.params import Symbols
from tapeline.market.store import FeatureStore
from tapeline.market.tables import is_scorable, read_features, read_tables
from tapeline.params import Params
from tapeline.promotion.production import PROMOTED
from tapeline.promotion.registry import Release
from tapeline.schema import DIRECTION, INTERVAL_MINUTES, KEYS
from tapeline.serving.predictor import Predictor
from tapeline.splits.params import SplitParams

FEATURES, ROW_KEYS = "data/features", ["symbol", "timestamp"]
ENOUGH_BLOCKS = 3  # of evaluation.block; fewer say nothing of chance
EDGE = 1e-6


@dataclass(frozen=True)
class Comparison:
    """Champion's loss less the candidate's, with its interval; `why` says why there is none."""

    why: str = ""
    gain: float = np.nan
    low: float = np.nan
    high: float = np.nan
    rows: int = 0


def compare(artifact: str, bundle: dict[str, Any], champion: Release) -> Comparison:
    """Score the champion in production on rows after its own training, beside the candidate's predictions."""
    params = Params.read()
    try:
        predictor = Predictor(PROMOTED / artifact)
    except ArtifactError as error:
        return Comparison(f"the champion is not at hand: {error}")
    if predictor.bundle.manifest["bundle_id"] != champion.record["bundle_id"]:
        return Comparison("what lies in production is not the champion: `make restore` brings it back")
    if champion.record["fingerprints"]["contract"] != bundle["fingerprints"]["contract"]:
        return Comparison("input, label or output mean something else")
    symbols = params.value("data.symbols", Symbols)
    schema = FeatureStore(FEATURES).schema(symbols[0])
    model = predictor.bundle.model
    if model["made_from"]["features"] != schema.feature_version:
        return Comparison("its features are others than those of data/features")
    rows = test_rows(artifact, model, symbols, params)
    evaluation = params.section("evaluation", EvaluationParams)
    if rows.empty or rows["bar"].max() - rows["bar"].min() < ENOUGH_BLOCKS * evaluation.block:
        return Comparison(f"{len(rows)} rows after its training are too few")
    ours, theirs = score(rows, predictor, symbols)
    low, high = Intervals(rows["bar"].to_numpy(), evaluation.level).interval_of_difference(theirs, ours)
    if low is None or high is None:
        return Comparison("it loses the same on every row")
    return Comparison("", float(np.mean(theirs - ours)), low, high, len(rows))


def test_rows(artifact: str, model: dict[str, Any], symbols: tuple[str, ...], params: Params) -> pd.DataFrame:
    """Scored test rows of the candidate, labels with them, after the champion's last label and embargo."""
    minutes = INTERVAL_MINUTES[model["interval"]]
    last = max(pd.Timestamp(model["span"][part][1]) for part in ("train", "validation"))
    gap = model["horizon"] + params.section("splits", SplitParams).embargo
    table = read_tables(FEATURES, symbols, [*KEYS, model["label"]])
    table["row"] = np.arange(len(table))
    table["run"] = table.groupby(["symbol", "segment"], observed=True).ngroup()
    step = pd.Timedelta(minutes=minutes)
    table["bar"] = ((table["timestamp"] - table["timestamp"].min()) // step).astype(np.int64)
    back = table["run"].shift(len_of(model) - 1)
    table["has_window"] = back == table["run"]
    predictions = pd.read_parquet(f"data/predictions/{model['network']}.parquet")
    rows = table[is_scorable(table, model["label"])].merge(predictions, on=ROW_KEYS, validate="one_to_one")
    rows = rows.assign(label=rows[model["label"]])
    return rows[rows["has_window"] & (rows["timestamp"] > last + gap * step)].reset_index(drop=True)


def len_of(model: dict[str, Any]) -> int:
    """Candles that a prediction of the model takes."""
    return model["context"]["sequence_length"]


def score(
    rows: pd.DataFrame, predictor: Predictor, symbols: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Losses of candidate and champion on `rows`: log loss of probabilities, absolute error of strengths."""
    features = read_features(FEATURES, symbols, predictor.features)
    theirs = predictor.predict_rows(features, rows["row"].to_numpy())
    label = rows["label"].to_numpy()
    is_direction = predictor.bundle.model["label"] == DIRECTION
    return tuple(loss(p, label, is_direction) for p in (rows["prediction"].to_numpy(), theirs))


def loss(p: NDArray[np.float64], label: NDArray[np.float64], is_direction: bool) -> NDArray[np.float64]:
    """Of each row."""
    if not is_direction:
        return np.abs(p - label)
    return -np.log(np.clip(np.where(label == 1, p, 1 - p), EDGE, 1))
