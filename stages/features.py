"""Candles in, causal features and labels out: one table a symbol, in a feature store, month by month."""

import logging
from functools import partial
from pathlib import Path
from typing import Any

from tapeline.extra import Extra
from tapeline.features.extra import extra_features, month_version, with_extra_meaning
from tapeline.features.extra_files import left_out, read_extras
from tapeline.features.params import FeatureParams, LabelParams, selected_features
from tapeline.features.table import build_table, feature_version, table_line, table_months, unlabelled
from tapeline.memory import require_memory
from tapeline.outputs import whole_folder
from tapeline.parallel import for_each_symbol
from tapeline.params import Params
from tapeline.schema import INTERVAL_MINUTES, KEYS, OHLCV, Interval, MaxFill, Symbols, Workers
from tapeline.stage import run_stage
from tapeline.store.feature_store import FeatureStore
from tapeline.store.kept_months import Written, settle, write_kept
from tapeline.store.tables import read_table


def main(log: logging.Logger) -> None:
    """Build the feature table of every symbol and the store's manifest."""
    require_memory(params := Params.read(), "features", "data/candles")
    horizon = params.section("labels", LabelParams).horizon
    interval = params.value("data.interval", Interval)
    symbols = params.value("data.symbols", Symbols)
    extras = read_extras(params)
    selected = selected_features(params.section("features", FeatureParams), interval)
    features = {s: [*selected, *extra_features(extras, s, INTERVAL_MINUTES[interval])] for s in symbols}
    version = with_extra_meaning(feature_version(features[symbols[0]], horizon), extras)
    schema = {"feature_version": version, "horizon": horizon, "interval": interval}
    max_fill = params.value("data.max_fill", MaxFill)
    for line in left_out(params, extras):
        log.info(line)
    with whole_folder("data/features") as folder:

        def work(symbol: str) -> tuple[str, Written]:
            own = schema | {"features": features[symbol]}
            return write_features(folder, symbol, symbols[0], own, max_fill, extras)

        done = for_each_symbol(work, symbols, params.value("data.workers", Workers))
        for line in [*(line for line, _ in done), *settle(FeatureStore(folder), [w for _, w in done])]:
            log.info(line)


def write_features(
    folder: Path, symbol: str, leader: str, schema: dict[str, Any], max_fill: int, extras: list[Extra]
) -> tuple[str, Written]:
    """Build and write the table of one symbol, or take its months as they were; say what there is to tell."""
    candles = read_table("data/candles", symbol, [*KEYS, *OHLCV])
    leading = read_table("data/candles", leader, ["timestamp", "close", "is_filled"])
    inputs = candles, leading, schema["features"], schema["horizon"], max_fill
    version = partial(month_version, extras, symbol, INTERVAL_MINUTES[schema["interval"]])
    made = write_kept(folder, symbol, table_months(*inputs), version, schema, unlabelled)
    if not made.entries:  # no segment is longer than the warm-up: a table without rows
        FeatureStore(folder).write(symbol, build_table(*inputs), schema)
    line = table_line(made.totals, candles, leading, schema["features"])
    return f"{symbol}: {line} {leader}; version {schema['feature_version']}", made


if __name__ == "__main__":
    run_stage("features", main)
