"""Candles in, simulated or from files, into one canonical table a symbol."""

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from stages.parallel import for_each_symbol
from stages.runner import run_stage
from tapeline.market.cleaning import clean
from tapeline.market.data_params import DataParams
from tapeline.market.files import read_symbol
from tapeline.market.raw import RawCandles
from tapeline.market.simulation import SimulatedSymbol, SimulationParams, simulate
from tapeline.outputs import whole_folder, write_json, write_table
from tapeline.params import Params
from tapeline.schema import Horizon


def main(log: logging.Logger) -> None:
    """Read or simulate every symbol, repair and count, write candles and data cards."""
    params = Params.read()
    data = params.section("data", DataParams)
    market = params.section("simulation", SimulationParams)
    horizon = params.value("labels.horizon", Horizon)
    simulated = simulate(market, data.symbols, horizon) if data.source == "simulated" else {}
    with whole_folder("data/candles") as folder:
        work = partial(ingest_symbol, data=data, simulated=simulated, folder=folder)
        # Simulated symbols are made together, in this process: only files are worth others.
        cards = for_each_symbol(work, data.symbols, 1 if simulated else data.workers)
    for symbol, card in zip(data.symbols, cards, strict=True):
        log.info("%s: %s", symbol, ", ".join(f"{key} {value}" for key, value in card.items()))
    write_json("metrics/data.json", dict(zip(data.symbols, cards, strict=True)))


def ingest_symbol(
    symbol: str, data: DataParams, simulated: Mapping[str, SimulatedSymbol], folder: Path
) -> dict[str, Any]:
    """Write the candles of `symbol` into `folder`, its ceiling beside them if simulated; return its card."""
    if symbol in simulated:
        raw = RawCandles.from_table(simulated[symbol].candles, f"simulated {symbol}")
        write_table(folder / "ceiling" / f"{symbol}.parquet", simulated[symbol].ceiling)
    else:
        raw = read_symbol(data, symbol)
    cleaned = clean(raw, data)
    write_table(folder / f"{symbol}.parquet", cleaned.candles)
    return cleaned.card


if __name__ == "__main__":
    run_stage("ingest", main)
