"""Candles in, simulated or from files, into one canonical table per symbol, a file a month."""

import logging
from functools import partial
from pathlib import Path
from typing import Any

from tapeline.market.cleaning import clean
from tapeline.market.data_params import DataParams
from tapeline.market.files import read_symbol
from tapeline.market.findings import Finding
from tapeline.market.origin import ORIGIN, SIMULATED, describe_origin, exchange_of
from tapeline.market.raw import RawCandles
from tapeline.market.simulation import SimulatedSymbol, SimulationParams, simulate
from tapeline.outputs import whole_folder, write_json, write_table
from tapeline.parallel import for_each_symbol
from tapeline.params import Params
from tapeline.schema import Horizon
from tapeline.stage import run_stage
from tapeline.store.tables import write_listing, write_months

Ingested = tuple[dict[str, Any], list[Finding]]  # card of a symbol, and what was repaired


def main(log: logging.Logger) -> None:
    """Read or simulate every symbol, repair and count, write candles and data cards."""
    data = (params := Params.read()).section("data", DataParams)
    market = params.section("simulation", SimulationParams)
    horizon = params.value("labels.horizon", Horizon)
    with whole_folder("data/candles") as folder:
        # Simulated symbols are made together, in this process: only files are worth others.
        done = (
            [ingest_simulated(*each, data, folder) for each in simulate(market, data.symbols, horizon)]
            if data.source == "simulated"
            else for_each_symbol(partial(ingest_files, data=data, folder=folder), data.symbols, data.workers)
        )
        cards, findings = (dict(zip(data.symbols, each, strict=True)) for each in zip(*done, strict=True))
        write_listing(folder, data.symbols)
        write_json(folder / ORIGIN, describe_origin(data.model_dump(), market.model_dump(), cards))
    for symbol, card in cards.items():
        log.info("%s: %s", symbol, ", ".join(f"{key} {value}" for key, value in card.items()))
        for finding in findings[symbol]:
            log.warning("%s: %s", symbol, finding.message)
    write_json("metrics/data.json", cards)
    write_json("metrics/detail/data.json", {s: [f.record for f in of] for s, of in findings.items()})


def ingest_simulated(symbol: str, simulated: SimulatedSymbol, data: DataParams, folder: Path) -> Ingested:
    """Write a simulated symbol's candles, and its ceiling beside them; return card and findings."""
    write_table(folder / "ceiling" / f"{symbol}.parquet", simulated.ceiling)
    raw = RawCandles.from_table(simulated.candles, f"simulated {symbol}")
    return ingest(symbol, raw, SIMULATED, data, folder)


def ingest_files(symbol: str, data: DataParams, folder: Path) -> Ingested:
    """Write the candles that the files of `symbol` hold; return card and findings."""
    raw = read_symbol(data, symbol)
    return ingest(symbol, raw, exchange_of(symbol, data.path, raw.files[0]), data, folder)


def ingest(symbol: str, raw: RawCandles, exchange: str, data: DataParams, folder: Path) -> Ingested:
    """Clean and write candles of `exchange`; return card and findings."""
    cleaned = clean(raw, data)
    write_months(folder / f"{symbol}.parquet", cleaned.candles)
    return cleaned.card | {"market": exchange}, cleaned.findings


if __name__ == "__main__":
    run_stage("ingest", main)
