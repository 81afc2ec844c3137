"""What a bundle is packed with for those who watch it: figures of its own test, tenths of its training."""

from functools import lru_cache

import numpy as np
import pandas as pd

from tapeline.candles import bar_numbers
from tapeline.evaluation.promise import (
    DAILY_PNL,
    Figure,
    Promise,
    Tenths,
    direction_values,
    promised,
    promised_pnl,
    tenths_of,
    trend_values,
)
from tapeline.models.entry import ModelEntry
from tapeline.models.table import TRADED
from tapeline.outputs import read_json
from tapeline.promotion.contract import Contract, ModelDescription, Tiers
from tapeline.schema import DIRECTION, INTERVAL_MINUTES, ROW_KEYS
from tapeline.splits.candidate import Candidate
from tapeline.store.feature_store import FeatureStore
from tapeline.tiers import in_tiers

SAMPLED = 50_000  # training rows at most, evenly over time, that tenths are taken of


def promise_of(
    model: ModelEntry,
    contract: Contract,
    description: ModelDescription,
    candidate: Candidate,
    store: FeatureStore,
    level: float,
) -> Promise:
    """Figures of the candidate's own rows, or of all folds' where it is refitted; intervals of `level`."""
    figures = _figures(model, contract, candidate, store, level)
    if model is TRADED[0] and not candidate.is_refit:
        daily = read_json("metrics/detail/backtest.json")["candidate"]["daily_net_pnl"]
        figures[DAILY_PNL] = promised_pnl(np.array(list(daily.values()), dtype=np.float64), level)
    first, last = (pd.Timestamp(time) for time in description.span["train"])
    features = _tenths(store.url, contract.input.symbols, description.features, first, last)
    return Promise(
        level=level, figures={name: each for name, each in figures.items() if each}, features=features
    )


def _figures(
    model: ModelEntry, contract: Contract, candidate: Candidate, store: FeatureStore, level: float
) -> dict[str, Figure | None]:
    rows = candidate.rows(pd.read_parquet(f"data/predictions/{model.name}.parquet"))
    if rows.empty:
        return {}
    first, after = rows["timestamp"].min(), rows["timestamp"].max() + pd.Timedelta(microseconds=1)
    labels = store.read(contract.input.symbols, first, after, columns=[model.label])
    labels = labels.astype({"symbol": str})
    rows = rows.astype({"symbol": str}).merge(labels, on=ROW_KEYS, how="left", validate="one_to_one")
    rows = rows[rows[model.label].notna()]
    prediction = rows["prediction"].to_numpy(np.float64)
    label = rows[model.label].to_numpy(np.float64)
    bar = bar_numbers(rows["timestamp"], first, INTERVAL_MINUTES[contract.input.interval])
    if model.label == DIRECTION:
        tiers = contract.tiers or Tiers(tiers={}, trade_tiers=())
        is_traded = in_tiers(prediction, tiers.tiers, tiers.trade_tiers)
        values = direction_values(prediction, label, is_traded)
    else:
        values = trend_values(prediction, label)
    return {name: promised(name, each, bar, level) for name, each in values.items()}


@lru_cache(maxsize=4)  # models of one run mostly share their training rows
def _tenths(
    url: str, symbols: tuple[str, ...], features: tuple[str, ...], first: pd.Timestamp, last: pd.Timestamp
) -> dict[str, Tenths]:
    store, after = FeatureStore(url), last + pd.Timedelta(microseconds=1)
    parts = []
    for symbol in symbols:
        rows = store.read([symbol], first, after, columns=list(features))
        # A copy: a view would hold the rows of all symbols.
        parts.append(rows[:: max(1, len(rows) * len(symbols) // SAMPLED)].copy())
    sampled = pd.concat(parts, ignore_index=True)
    week = ((sampled["timestamp"] - first) // pd.Timedelta(days=7)).to_numpy().astype(np.int64)
    return {name: tenths_of(sampled[name].to_numpy(np.float64), week) for name in features}
