"""What the simulated market allows beside direction: trend strength at best, and what a window is worth."""

import logging

import pandas as pd

from tapeline.market.simulation import SimulationParams, draw_hidden, groups_of
from tapeline.market.strength import expect_strengths
from tapeline.nets.params import Size
from tapeline.outputs import whole_folder, write_json, write_table
from tapeline.params import Params
from tapeline.schema import Horizon, Source, Symbols
from tapeline.scoring.ceilings import ceilings_of_tests
from tapeline.splits.folds import read_folds
from tapeline.stage import run_stage


def main(log: logging.Logger) -> None:
    """Write what can be known at the candles of the folds' tests; of candles from files nothing is."""
    params = Params.read()
    market, symbols = params.section("simulation", SimulationParams), params.value("data.symbols", Symbols)
    horizon, length = params.value("labels.horizon", Horizon), params.value("train.sequence_length", Size)
    folds = read_folds("data/splits.json")
    tables: dict[str, pd.DataFrame] = {}
    if params.value("data.source", Source) == "simulated":
        strengths = expect_strengths(market.regimes, horizon)
        for group, members in enumerate(groups_of(symbols)):
            hidden = draw_hidden(market, len(members), group)
            tables |= ceilings_of_tests(hidden, market, members, folds, strengths, horizon, length)
    with whole_folder("data/ceilings") as folder:
        for symbol, table in tables.items():
            write_table(folder / f"{symbol}.parquet", table)
        windows = {symbol: int(table["window"].count()) for symbol, table in tables.items()}
        write_json(folder / "windows.json", {"sequence_length": length, "windows": windows})
    for symbol, count in windows.items():
        log.info("%s: %s minutes of tests, %s windows of %s", symbol, len(tables[symbol]), count, length)
    if not tables:
        log.info("candles are from files: of them nobody knows what can be known")


if __name__ == "__main__":
    run_stage("ceilings", main)
