"""Candles in, causal features and labels out: one table a symbol."""

import logging

from stages.runner import run_stage
from tapeline.features.catalog import FeatureParams, selected_features
from tapeline.features.labels import LabelParams
from tapeline.features.table import build_table, feature_version
from tapeline.market.params import Symbols
from tapeline.market.tables import read_table
from tapeline.outputs import whole_folder, write_table
from tapeline.params import Params
from tapeline.schema import LABELS, Interval


def main(log: logging.Logger) -> None:
    """Build the feature table of every symbol."""
    params = Params.read()
    horizon = params.section("labels", LabelParams).horizon
    symbols = params.value("data.symbols", Symbols)
    features = selected_features(
        params.section("features", FeatureParams), params.value("data.interval", Interval)
    )
    leader = read_table("data/candles", symbols[0])
    with whole_folder("data/features") as folder:
        for symbol in symbols:
            candles = read_table("data/candles", symbol)
            table = build_table(candles, leader, features, horizon)
            version = feature_version(candles, leader, features, horizon)
            write_table(folder / f"{symbol}.parquet", table, {"feature_version": version})
            log.info(
                "%s: %d candles -> %d rows x %d features, %d dropped as warm-up; no label: %s; version %s",
                symbol,
                len(candles),
                len(table),
                len(features),
                len(candles) - len(table),
                {label: int(table[label].isna().sum()) for label in LABELS},
                version,
            )


if __name__ == "__main__":
    run_stage("features", main)
