"""Candles in, causal features and labels out: one table a symbol, in a feature store."""

import logging
from pathlib import Path
from typing import Any

from tapeline.features.params import FeatureParams, LabelParams, selected_features
from tapeline.features.table import build_table, feature_version, input_version
from tapeline.outputs import whole_folder
from tapeline.parallel import for_each_symbol
from tapeline.params import Params
from tapeline.schema import LABELS, Interval, MaxFill, Symbols, Workers
from tapeline.stage import run_stage
from tapeline.store.feature_store import FeatureStore
from tapeline.store.tables import read_table


def main(log: logging.Logger) -> None:
    """Build the feature table of every symbol and the store's manifest."""
    params = Params.read()
    horizon = params.section("labels", LabelParams).horizon
    interval = params.value("data.interval", Interval)
    symbols = params.value("data.symbols", Symbols)
    features = selected_features(params.section("features", FeatureParams), interval)
    schema = {
        "feature_version": feature_version(features, horizon),
        "horizon": horizon,
        "interval": interval,
        "features": features,
    }
    max_fill = params.value("data.max_fill", MaxFill)
    with whole_folder("data/features") as folder:

        def work(symbol: str) -> str:
            return write_features(folder, symbol, symbols[0], schema, max_fill)

        for line in for_each_symbol(work, symbols, params.value("data.workers", Workers)):
            log.info(line)
        FeatureStore(folder).write_manifest()


def write_features(folder: Path, symbol: str, leader: str, schema: dict[str, Any], max_fill: int) -> str:
    """Build and write the table of one symbol; return what there is to tell of it."""
    candles = read_table("data/candles", symbol)
    leading = candles if symbol == leader else read_table("data/candles", leader)
    table = build_table(candles, leading, schema["features"], schema["horizon"], max_fill)
    version = {"input_version": input_version(candles, leading, max_fill)}
    FeatureStore(folder).write(symbol, table, schema | version)
    unknown = {label: int(table[label].isna().sum()) for label in LABELS}
    n_alone = int((~candles["timestamp"].isin(leading.loc[~leading["is_filled"], "timestamp"])).sum())
    return (
        f"{symbol}: {len(candles)} candles -> {len(table)} rows x {len(schema['features'])} features, "
        f"{len(candles) - len(table)} dropped as warm-up; no label: {unknown}; "
        f"{n_alone} candles without one of the leader {leader}; version {schema['feature_version']}"
    )


if __name__ == "__main__":
    run_stage("features", main)
