"""README's section on own candles, typed line by line on 46 days of minutes: figures, nothing else edited."""

import json
import shutil

import pandas as pd
import pytest
import yaml

from tapeline.closure import ROOT
from tests.candles import random_candles
from tests.test_readme import commands
from tests.workshop import Workshop

MARKET = ROOT.parent / "shared/market/BINANCE"
DAYS = 46
SYMBOLS = ("BTC-USDT", "ETH-USDT")  # as README names them
# Models and samples that are done in a minute; none of it says anything about the candles.
SMALL = (
    "model.hidden=8", "model.layers=1", "transformer.d_model=8", "transformer.layers=1", "train.epochs=1",
    "train.labels_per_epoch=20000", "train.importance_rows=200", "quality.leak_cuts=4",
    "evaluation.resamples=200", "ftmo.odds_paths=200", "ftmo.control_runs=5", "latency.repeats=20",
    "baselines.trees=40", "train.workers=1", "data.workers=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The project with the params that are shipped, and 46 days of two symbols under data/raw/BINANCE."""
    shop = Workshop(tmp_path_factory.mktemp("own"))
    shutil.copy2(ROOT / "params.yaml", shop.folder / "params.yaml")
    shop.commit("shipped")
    for k, symbol in enumerate(SYMBOLS):
        folder = shop.folder / "data/raw/BINANCE" / symbol
        folder.mkdir(parents=True)
        if MARKET.is_dir():
            candles = pd.read_parquet(MARKET / symbol / "1m.parquet")[-DAYS * 1440 :]
        else:
            candles = random_candles(DAYS * 1440, seed=k).drop(columns=["is_filled", "segment", "file"])
        candles.to_parquet(folder / "1m.parquet", index=False)
    return shop


def section():
    """README's lines from the versioning of own candles to the run on them."""
    lines = commands("README.md")
    run = next(line for line in lines if line.startswith("dvc exp run -S data.source=files"))
    return lines[lines.index("dvc add data/raw/BINANCE") : lines.index(run) + 1]


@pytest.mark.slow
@pytest.mark.xdist_group("own candles")
def test_the_first_hour_on_own_candles_ends_in_figures(shop):
    """Versioned, committed, run: source, path and symbols are all that changes in params.yaml."""
    *version, run = section()
    assert len(version) == 3
    for line in version:
        shop.run(line)
    shop.run(" -S ".join([run, *SMALL]))
    named = {name.split("=")[0] for name in SMALL}
    assert changed_keys(shop) == {"data.source", "data.path", "data.symbols", *named}
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


def changed_keys(shop):
    """Keys of params.yaml that differ from the commit's, with dots."""
    sides = (
        yaml.safe_load(shop.run("git show HEAD:params.yaml")),
        yaml.safe_load((shop.folder / "params.yaml").read_text()),
    )
    before, now = (dict(flat(side)) for side in sides)
    return {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}


def flat(section, prefix=""):
    """Key with dots and value, one by one."""
    for key, value in section.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@pytest.mark.slow
@pytest.mark.xdist_group("own candles")
def test_everything_that_is_wrong_ends_the_run_before_it_begins(shop):
    """Three mistakes in one command: told at once, with the lines to paste, and nothing has run."""
    run = section()[-1]
    wrong = "-S 'data.symbols=[BTC-USDT,ADA-USDT]' -S splits.train=60 -S model.hidden=0"
    told = shop.run(f"{run} {wrong}", status=None)
    assert "model.hidden is 0" in told
    assert "no candles of ADA-USDT" in told
    assert "must name an instrument for the symbol ADA-USDT" in told
    assert "ADA-USDT: ADAUSD" in told
    assert "Running stage 'features'" not in told
    assert "Traceback" not in told
