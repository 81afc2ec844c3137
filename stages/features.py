"""Candles in, causal features and labels out: one table a symbol, in a feature store."""

import logging
from pathlib import Path
from typing import Any

from tapeline.extra import Extra
from tapeline.features.extra import extra_features, with_extra_input, with_extra_meaning
from tapeline.features.extra_files import left_out, read_extras
from tapeline.features.params import FeatureParams, LabelParams, selected_features
from tapeline.features.table import build_table, feature_version, input_version
from tapeline.memory import require_memory
from tapeline.outputs import whole_folder
from tapeline.parallel import for_each_symbol
from tapeline.params import Params
from tapeline.schema import INTERVAL_MINUTES, LABELS, Interval, MaxFill, Symbols, Workers
from tapeline.stage import run_stage
from tapeline.store.feature_store import FeatureStore
from tapeline.store.tables import read_table


def main(log: logging.Logger) -> None:
    """Build the feature table of every symbol and the store's manifest."""
    params = Params.read()
    require_memory(params, "features", "data/candles")
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

        def work(symbol: str) -> str:
            own = schema | {"features": features[symbol]}
            return write_features(folder, symbol, symbols[0], own, max_fill, extras)

        for line in for_each_symbol(work, symbols, params.value("data.workers", Workers)):
            log.info(line)
        FeatureStore(folder).write_manifest()


def write_features(
    folder: Path, symbol: str, leader: str, schema: dict[str, Any], max_fill: int, extras: list[Extra]
) -> str:
    """Build and write the table of one symbol; return what there is to tell of it."""
    candles = read_table("data/candles", symbol)
    leading = candles if symbol == leader else read_table("data/candles", leader)
    table = build_table(candles, leading, schema["features"], schema["horizon"], max_fill)
    version = with_extra_input(input_version(candles, leading, max_fill), extras, symbol)
    FeatureStore(folder).write(symbol, table, schema | {"input_version": version})
    unknown = ", ".join(f"{label.replace('_', ' ')} {table[label].isna().sum():,}" for label in LABELS)
    n_alone = int((~candles["timestamp"].isin(leading.loc[~leading["is_filled"], "timestamp"])).sum())
    return (
        f"{symbol}: {len(table):,} rows of {len(schema['features'])} features from {len(candles):,} candles, "
        f"the others are warm-up; without label {unknown}; "
        f"{n_alone:,} candles without one of the leader {leader}; version {schema['feature_version']}"
    )


if __name__ == "__main__":
    run_stage("features", main)
