"""Many candles at once: the same numbers as one by one, from whole tables."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from tapeline.features.table import build_table
from tapeline.market.cleaning import clean
from tapeline.market.files import read_symbol
from tapeline.market.params import DataParams
from tapeline.schema import DIRECTION
from tapeline.serving.stream import PREDICTED, Answer, Stream


def predict_table(stream: Stream, candles: pd.DataFrame, leader: pd.DataFrame) -> pd.DataFrame:
    """Predictions for every candle of one symbol's canonical `candles` that has a whole window.

    `leader` holds the leading symbol's canonical candles, the same table for itself. Returns `timestamp`
    and, of the bundles that are there, `probability`, `tier`, `trend_strength`. Filled candles get none.
    """
    wanted = {feature.name: feature for features in stream.features for feature in features}
    horizon = stream.predictors[0].bundle.model["horizon"]
    table = build_table(candles, leader, list(wanted.values()), horizon)
    run, length = table["segment"].to_numpy(), stream.length
    share = stream.predictors[0].bundle.contract["input"]["max_filled_share"]
    filled = table["is_filled"].to_numpy()
    n_filled = pd.Series(filled.astype(float)).rolling(length).sum().to_numpy()
    has_window = np.concatenate(
        [np.zeros(min(length - 1, len(run)), bool), run[length - 1 :] == run[: 1 - length]]
    )
    rows = np.flatnonzero(has_window & ~filled & (n_filled <= share * length))
    found = pd.DataFrame({"timestamp": table["timestamp"].iloc[rows]}).reset_index(drop=True)
    for predictor in stream.predictors:
        values = predictor.predict_rows(table[predictor.features].to_numpy(), rows)
        if predictor.bundle.model["label"] == DIRECTION:
            found["probability"], found["tier"] = values, [predictor.tier(value) for value in values]
        else:
            found["trend_strength"] = values
    return found


def predict_files(stream: Stream, folder: Path, symbols: tuple[str, ...], last: int = 0) -> Iterator[Answer]:
    """Answers for the candles in files of any layout that ingest takes; DataError as ingest has it."""
    wants = stream.predictors[0].bundle.contract["input"]
    chosen = symbols or tuple(wants["symbols"])
    data = DataParams(
        source="files", path=str(folder), layout="auto", symbols=chosen, interval=wants["interval"],
        max_fill=wants["max_fill"], max_filled_share=wants["max_filled_share"],
        max_rejected_share=0.01, workers=1,
    )  # fmt: skip
    named = {stream.leader, *chosen} - {None}
    tables = {symbol: clean(read_symbol(data, symbol), data).candles for symbol in named}
    for symbol in chosen:
        candles = tables[symbol]
        found = predict_table(stream, candles, tables.get(stream.leader, candles))
        for row in found.iloc[-last:].to_dict("records"):
            yield Answer(symbol, status=PREDICTED, **row)
