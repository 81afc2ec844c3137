"""Write Great Expectations' Data Docs of the current candles and features, `reports/data_docs/`."""

import logging
import sys

from tapeline.ending import run_command
from tapeline.errors import TapelineError
from tapeline.features.params import FeatureParams, selected_features
from tapeline.params import Params
from tapeline.quality.data_docs import write_data_docs
from tapeline.quality.expectations import candle_suites, feature_suites
from tapeline.quality.params import QualityParams
from tapeline.quality.suites import Suite
from tapeline.schema import Interval, Symbols
from tapeline.store.feature_store import FeatureStore
from tapeline.store.stored_table import StoredTable
from tapeline.store.tables import read_table

FOLDER = "reports/data_docs"


def suites_of(params: Params) -> dict[str, list[Suite]]:
    """Return the suites of every symbol's candles and features, as the expectations stage runs them."""
    quality = params.section("quality", QualityParams)
    interval = params.value("data.interval", Interval)
    features = selected_features(params.section("features", FeatureParams), interval)
    bounds = {feature.name: (feature.low, feature.high) for feature in features}
    suites = {}
    for symbol in params.value("data.symbols", Symbols):
        candles = read_table("data/candles", symbol)
        table = StoredTable(FeatureStore("data/features"), symbol)
        suites[f"{symbol} candles"] = candle_suites(candles, interval, quality)
        suites[f"{symbol} features"] = feature_suites(table, interval, bounds, quality)
    return suites


def main() -> None:
    """Write the docs and name their first page; end in one line where there are no tables yet."""
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    try:
        print(f"written: {write_data_docs(suites_of(Params.read()), FOLDER)}")
    except TapelineError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    run_command(main)
