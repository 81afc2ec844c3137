"""Answers for tables of candles, computed together: the same as one by one."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from tapeline.candles import count_missing
from tapeline.errors import DataError
from tapeline.features.table import as_candles, build_table
from tapeline.market.cleaning import clean
from tapeline.market.data_params import DataParams
from tapeline.market.files import read_symbol
from tapeline.market.origin import read_origin
from tapeline.schema import INTERVAL_MINUTES, Interval, Symbol
from tapeline.serving.answers import (
    GAP,
    REFUSED,
    WARMING_UP,
    Answer,
    Prediction,
    answer_long_gap,
    answer_out_of_range,
    answer_predicted,
    is_in_range,
)
from tapeline.serving.candles import CandleError, brief, show
from tapeline.serving.stream import Stream
from tapeline.store.tables import read_table


def answer_table(
    stream: Stream, symbol: str, candles: pd.DataFrame, leader: pd.DataFrame, last: int = 0
) -> Iterator[Answer]:
    """Answer for each real candle of one symbol's canonical `candles`, the newest `last` of them or (0) all.

    `leader` holds the leading symbol's canonical candles, the same table for itself.
    """
    contract, length = stream.predictors[0].bundle.contract.input, stream.length
    segment, step = candles["segment"], pd.Timedelta(minutes=INTERVAL_MINUTES[contract.interval])
    missing = stream.lookback + length - 2 - candles.groupby(segment).cumcount().to_numpy()
    is_filled = candles["is_filled"].to_numpy(bool)
    n_before = filled_before(is_filled)
    n_filled = pd.Series(is_filled.astype(float)).rolling(length, min_periods=1).sum().to_numpy()
    real = np.flatnonzero(~is_filled)[-last:]
    share = contract.max_filled_share
    is_ready = (missing <= 0) & (n_filled <= share * length)
    chosen = real[is_ready[real]]
    predicted = predict_rows(stream, candles, leader, chosen)
    has_leader = stream.leader not in (None, symbol)
    is_unknown = np.isnan(as_candles(candles, leader, stream.max_fill).leader_close)
    at = {row: k for k, row in enumerate(chosen)}
    for row in real:
        key = {"symbol": symbol, "timestamp": candles["timestamp"].iloc[row]}
        if row and segment.iloc[row] != segment.iloc[row - 1]:
            n_open = count_missing(key["timestamp"] - candles["timestamp"].iloc[row - 1], step)
            yield answer_long_gap(key, int(n_open), int(missing[row]))
        elif missing[row] > 0:
            left = int(missing[row])
            yield Answer(**key, status=WARMING_UP, reason=f"{left} candles more are needed", missing=left)
        elif row not in at:
            reason = f"{int(n_filled[row])} of its {length} candles are filled"
            yield Answer(**key, status=GAP, reason=reason)
        else:
            predictions = {name: values[at[row]] for name, values in predicted.items()}
            unknown = stream.leader if has_leader and is_unknown[row] else None
            yield (
                answer_predicted(key, predictions, int(n_before[row]), unknown)
                if is_in_range(predictions)
                else answer_out_of_range(key)
            )


def predict_rows(
    stream: Stream, candles: pd.DataFrame, leader: pd.DataFrame, rows: NDArray[np.int64]
) -> dict[str, list[Prediction]]:
    """By artifact, predictions of those `rows` of `candles` that have a whole window behind them."""
    if not len(rows):
        return {}
    features_by_name = {feature.name: feature for features in stream.features for feature in features}
    horizon = stream.predictors[0].bundle.model.horizon
    table = build_table(candles, leader, list(features_by_name.values()), horizon, stream.max_fill)
    at = pd.Index(table["timestamp"]).get_indexer(candles["timestamp"].iloc[rows])
    predictions = {}
    for predictor in stream.predictors:
        values = predictor.predict_rows(table[predictor.features].to_numpy(), at)
        predictions[predictor.artifact] = predictor.as_predictions(values)
    return predictions


def filled_before(is_filled: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many filled candles lie between each candle and the last real one before it."""
    position = np.arange(len(is_filled))
    real = np.maximum.accumulate(np.where(is_filled, -1, position))
    n_between: NDArray[np.int64] = position - 1 - np.concatenate([[-1], real[:-1]])
    return n_between


def predict_files(stream: Stream, folder: Path, symbols: tuple[str, ...], last: int = 0) -> Iterator[Answer]:
    """Answers for the candles in `folder`: those of a run, or files of any layout that ingest takes.

    DataError as ingest raises it, or for a symbol that was not trained on.
    """
    chosen = symbols or tuple(stream.symbols)
    for symbol in chosen:
        try:
            stream.require_trained(symbol)
            TypeAdapter(Symbol).validate_python(symbol)
        except ValidationError as error:
            rule = "names no folder or file of candles: write it as those are named, as BTC-USDT"
            raise DataError("SYMBOLS", f"{brief(symbol)} {rule}") from error
        except CandleError as error:
            raise DataError("SYMBOLS", str(error)) from error
    named = {*chosen, *([stream.leader] if stream.leader else [])}
    tables, is_open = read_candles(stream, folder, named)
    for symbol in chosen:
        candles = tables[symbol]
        yield from answer_table(stream, symbol, candles, tables.get(stream.leader or symbol, candles), last)
        if symbol in is_open:
            opened = stream.newest_open()
            yield Answer(symbol, show(opened), REFUSED, stream.why_open(opened))


def read_candles(stream: Stream, folder: Path, symbols: set[str]) -> tuple[dict[str, pd.DataFrame], set[str]]:
    """Canonical candles by symbol, filled as the bundles take them, and the symbols with a candle still open.

    Open candles are left out. DataError as ingest raises it, or for candles of a run with other params.
    """
    contract = stream.predictors[0].bundle.contract
    inputs, origin = contract.input, read_origin(folder)
    if origin is None:
        data = DataParams(
            source="files", path=str(folder), layout="auto", columns={}, timezone=None,
            symbols=tuple(sorted(symbols)),
            interval=cast(Interval, inputs.interval), max_fill=inputs.max_fill,
            max_filled_share=inputs.max_filled_share, max_rejected_share=0.01, workers=1,
            extra={}, extra_path="", memory_gb=None,
        )  # fmt: skip
        raw = {symbol: read_symbol(data, symbol, stream.now()) for symbol in symbols}
        tables = {symbol: clean(table, data).candles for symbol, table in raw.items()}
        return tables, {symbol for symbol, table in raw.items() if table.n_open}
    for key in ("interval", "max_fill"):
        if origin[key] != getattr(inputs, key):
            difference = f"data.{key} was {origin[key]}, and {contract.artifact} takes {getattr(inputs, key)}"
            raise DataError(folder, f"{difference}; predict from the files that these candles were made of")
    return {symbol: read_table(folder, symbol) for symbol in symbols}, set()
