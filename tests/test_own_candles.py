"""README's section on own candles, typed line by line on 46 days of minutes: figures, nothing else edited."""

import json
import shutil

import pandas as pd
import pytest

from tapeline.closure import ROOT
from tests.candles import random_candles
from tests.test_readme import commands
from tests.workshop import Workshop

MARKET = ROOT.parent / "shared/market/BINANCE"
DAYS = 46
# Of the symbols as README names them, what each is taken from.
SOURCES = {"BTC-USD": "BTC-USDT", "ETH-USD": "ETH-USDT"}
# A network and samples that are done in a minute; none of it says anything about the candles.
SMALL = (
    "model.hidden=8", "model.layers=1", "transformer.d_model=8", "transformer.layers=1", "train.epochs=1",
    "train.labels_per_epoch=20000", "train.importance_rows=200", "quality.leak_cuts=4",
    "evaluation.resamples=200", "ftmo.odds_paths=200", "ftmo.control_runs=5", "latency.repeats=20",
)  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The project with the params that are shipped, and 46 days of two symbols under data/raw/EXCHANGE."""
    shop = Workshop(tmp_path_factory.mktemp("own"))
    shutil.copy2(ROOT / "params.yaml", shop.folder / "params.yaml")
    shop.commit("shipped")
    for k, (symbol, source) in enumerate(SOURCES.items()):
        folder = shop.folder / "data/raw/EXCHANGE" / symbol
        folder.mkdir(parents=True)
        if MARKET.is_dir():
            candles = pd.read_parquet(MARKET / source / "1m.parquet")[-DAYS * 1440 :]
        else:
            candles = random_candles(DAYS * 1440, seed=k).drop(columns=["is_filled", "segment", "file"])
        candles.to_parquet(folder / "1m.parquet", index=False)
    return shop


def section():
    """README's lines from the versioning of own candles to the run on them."""
    lines = commands("README.md")
    run = next(line for line in lines if line.startswith("dvc exp run -S data.source=files"))
    return lines[lines.index("dvc add data/raw/EXCHANGE") : lines.index(run) + 1]


@pytest.mark.slow
@pytest.mark.xdist_group("own candles")
def test_the_first_hour_on_own_candles_ends_in_figures(shop):
    """Versioned, committed, run: source, path and symbols are all that changes in params.yaml."""
    *version, run = section()
    assert len(version) == 3
    for line in version:
        shop.run(line)
    shop.run(" -S ".join([run, *SMALL]))
    keys = {line.split(":")[0].strip("+- ") for line in changed_lines(shop)}
    named = {"source", "path", *(name.split("=")[0].rpartition(".")[2] for name in SMALL)}
    assert keys == named, "symbols are those that are shipped"
    metrics = {path.stem: json.loads(path.read_text()) for path in (shop.folder / "metrics").glob("*.json")}
    assert 0.4 < metrics["lstm"]["accuracy_all"] < 0.6
    assert metrics["lstm"]["rows"] > 6 * 1440
    assert 0 < metrics["transformer"]["mae"] < 1
    assert metrics["promotion"]["leaks"] == 0
    days = json.loads((shop.folder / "metrics/detail/splits.json").read_text())["days"]
    assert days["candles"] == pytest.approx(DAYS, abs=0.1)
    assert days["train"] + days["validation"] + 3 * days["test"] < DAYS
    shop.run("make report")
    page = (shop.folder / "reports/index.html").read_text()
    assert f"{days['train']:g}" in page


def changed_lines(shop):
    """Lines of params.yaml that differ from the commit's, as git tells them."""
    lines = shop.run("git diff -U0 params.yaml").splitlines()
    return [line for line in lines if line[:1] in "+-" and not line.startswith(("+++", "---"))]


@pytest.mark.slow
@pytest.mark.xdist_group("own candles")
def test_everything_that_is_wrong_ends_the_run_before_it_begins(shop):
    """Three mistakes in one command: told at once, with the lines to paste, and nothing has run."""
    run = section()[-1]
    wrong = "-S 'data.symbols=[BTC-USD,ADA-USD]' -S splits.train=60 -S model.hidden=0"
    told = shop.run(f"{run} {wrong}", status=None)
    assert "model.hidden is 0" in told
    assert "no candles of ADA-USD" in told
    assert "must name an instrument for the symbol ADA-USD" in told
    assert "ADA-USD: ADAUSD" in told
    assert "Running stage 'features'" not in told
    assert "Traceback" not in told
