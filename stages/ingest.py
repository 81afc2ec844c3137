"""Candles in, simulated or from files, into one canonical table a symbol."""

import logging
from pathlib import Path

from stages.runner import run_stage
from tapeline.market.cleaning import clean
from tapeline.market.files import read_symbol
from tapeline.market.params import DataParams
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
    cards = {}
    with whole_folder("data/candles") as folder:
        for symbol in data.symbols:
            raw = read_raw(data, symbol, simulated, folder)
            cleaned = clean(raw, data)
            write_table(folder / f"{symbol}.parquet", cleaned.candles)
            cards[symbol] = cleaned.card
            log.info("%s: %s", symbol, ", ".join(f"{key} {value}" for key, value in cleaned.card.items()))
    write_json("metrics/data.json", cards)


def read_raw(
    data: DataParams, symbol: str, simulated: dict[str, SimulatedSymbol], folder: Path
) -> RawCandles:
    """Rows of one symbol from its files, or from the simulation, whose ceiling goes beside the candles."""
    if symbol not in simulated:
        return read_symbol(data, symbol)
    (folder / "ceiling").mkdir(exist_ok=True)
    write_table(folder / "ceiling" / f"{symbol}.parquet", simulated[symbol].ceiling)
    return RawCandles.from_table(simulated[symbol].candles, f"simulated {symbol}")


if __name__ == "__main__":
    run_stage("ingest", main)
