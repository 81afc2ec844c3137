"""Runs in copies of the project, by their own code: stages, and what is said of a stored model.

A step is the name of a stage, run as `python -m stages.NAME` runs it, or `predict` or `accounts`.
"""

import importlib
import json
import os
import runpy
import select
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from tapeline.backtest import engine
from tapeline.backtest.engine import BacktestResult, TradedMarket
from tapeline.backtest.kernel import Rules
from tapeline.backtest.records import candle_dtype, quote_dtype
from tapeline.closure import import_closure
from tapeline.models.ensembles import ENSEMBLES
from tapeline.models.network import NetworkEntry
from tapeline.models.table import NETWORKS
from tapeline.nets.devices import make_fabric
from tapeline.nets.loading import load_model
from tapeline.nets.params import TrainParams
from tapeline.nets.prediction import Predictor
from tapeline.nets.scaled import scaled_on
from tapeline.outputs import write_table
from tapeline.params import Params
from tapeline.referee.examine import NEEDED
from tapeline.referee.findings import Findings
from tapeline.release.proof_copies import ACCOUNTS, FOLD, TRAININGS
from tapeline.schema import ROW_KEYS
from tapeline.scoring import refereed
from tapeline.trading import accounts, figures
from tapeline.training.baselines import predict_baselines
from tapeline.training.ensembles import average
from tapeline.training.train import read_training

STAGES = ("ingest", "features", "splits", *TRAININGS, "ensembles", "evaluate")
POLL = 0.05  # seconds
Records = NDArray[np.void]


class Job(TypedDict):
    """Steps to run in a folder; `log` is where what they say goes, `number` says which job has ended."""

    number: int
    folder: str
    steps: list[str]
    log: str


def predict() -> None:
    """Predict validation and test of the copy's fold by the models in its models/NAME/fold_0, all of them."""
    params = Params.read()
    for model in NETWORKS:
        predict_by(model, params)
    predict_baselines(params)
    for ensemble in ENSEMBLES:
        average(ensemble)


def predict_by(model: NetworkEntry, params: Params) -> None:
    """Write the predictions of one stored model, as its training writes them."""
    stored = load_model(Path("models") / model.name / FOLD, model.build_described)
    train = model.adapt(params.section("train", TrainParams), model.read(params))
    device = make_fabric(train).device
    keys, table, folds = read_training(params, train, model.label, stored.description.features)
    scaled = scaled_on(device, table.features, stored.scaler)
    net, calibration = stored.net.to(device), stored.calibration.to(device)
    predictor = Predictor(net, calibration, scaled, table.segment, train)
    for suffix, rows in (("", folds[0].test), ("_validation", folds[0].validation)):
        of_rows = keys.loc[rows, ROW_KEYS].assign(fold=0, prediction=predictor(rows))
        path = f"data/predictions/{model.name}{suffix}.parquet"
        write_table(path, of_rows.reset_index(drop=True).astype({"symbol": keys["symbol"].dtype}))


def keep_accounts() -> None:
    """Run evaluate, and write what every account that it trades was given and came to.

    Of accounts with random sides nothing is kept: where nothing is sold short they are the whole's sides at
    other times.
    """
    kept: list[tuple[Records, BacktestResult]] = []
    with recorded(kept):
        run_stage("evaluate")
    ACCOUNTS.mkdir(exist_ok=True)
    for number, (candles, result) in enumerate(kept):
        parts = {"signals": candles, "trades": result.trades, "bars": result.bars}
        for name, records in parts.items():
            np.save(ACCOUNTS / f"{number:03}_{name}.npy", records)


@contextmanager
def recorded(kept: list[tuple[Records, BacktestResult]]) -> Iterator[None]:
    """Put what every backtest is given, and comes to, into `kept`."""
    trade, random_sides = engine.run_orders, figures.__dict__["trade_random_sides"]

    def keep(market: TradedMarket, orders: Records, rules: Rules, columns: Any = None) -> BacktestResult:
        result = trade(market, orders, rules)  # with all columns, whoever asked for fewer
        kept.append((signals_of(market, orders), result))
        return result

    def leave_out(*given: Any) -> Any:
        n_kept = len(kept)
        result = random_sides(*given)
        del kept[n_kept:]
        return result

    with (
        patch.object(accounts, "run_orders", keep),
        patch.object(figures, "trade_random_sides", leave_out),
        patch.object(refereed, "referee", not_asked),
    ):
        yield


def signals_of(market: TradedMarket, orders: Records) -> Records:
    """Everything that a backtest is given of each bar and symbol, (n_bars, n_symbols) of `candle_dtype`."""
    signals = np.zeros(market.quotes.shape, dtype=candle_dtype)
    for name in quote_dtype.names or ():
        signals[name] = market.quotes[name]
    for name in orders.dtype.names or ():
        if name in (candle_dtype.names or ()):
            signals[name][orders["bar"], orders["symbol"]] = orders[name]
    return signals


def not_asked(*run: Any) -> Findings:
    """In place of the referee: what a copy's models have learned from is told by no training in it."""
    return Findings(dict.fromkeys(NEEDED, 1), dict.fromkeys(NEEDED, 0))


def run_stage(name: str) -> None:
    """Run a stage as `python -m stages.NAME` does."""
    runpy.run_module(f"stages.{name}", run_name="__main__", alter_sys=True)


OWN = {"predict": predict, "accounts": keep_accounts}


def do_job(job: Job) -> int:
    """Run the steps of a job in its folder, what they say going to its log; return the exit status."""
    os.chdir(job["folder"])
    with open(os.devnull, "rb") as nothing, open(job["log"], "wb") as log:
        for source, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source.fileno(), target)
    try:
        for step in job["steps"]:
            OWN[step]() if step in OWN else run_stage(step)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def serve() -> None:
    """Do the jobs that come in, a line of JSON each, in a process of their own; say when each has ended.

    What the stages import is imported once, before the first: every process begins with it. When nobody is
    left who asks, whatever still runs is ended.
    """
    for path in sorted(import_closure([Path(f"stages/{name}.py") for name in STAGES])):
        if path.parts[0] != "stages":
            importlib.import_module(".".join(path.with_suffix("").parts))
    running: dict[int, int] = {}
    unread = b""
    while True:
        if select.select([0], [], [], POLL)[0]:
            read = os.read(0, 65_536)
            if not read:
                os.killpg(0, signal.SIGKILL)
            *lines, unread = (unread + read).split(b"\n")
            for line in lines:
                job: Job = json.loads(line)
                child = os.fork()
                if not child:
                    os._exit(do_job(job))
                running[child] = job["number"]
        for child in list(running):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                print(json.dumps([running.pop(child), os.waitstatus_to_exitcode(status)]), flush=True)


if __name__ == "__main__":
    serve()
