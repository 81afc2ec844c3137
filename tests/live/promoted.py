"""Bundles in production for tests: untrained networks with a promise and params that they are traded by."""

import json

import numpy as np
import pandas as pd

from tapeline.evaluation.promise import tenths_of
from tapeline.promotion.bundle import pack
from tapeline.schema import OHLCV
from tests.candles import random_candles, with_gaps
from tests.serving.bundles import CHOSEN, LENGTH, LOOKBACK, MAX_FILL, make_bundle
from tests.trading.shipped import SHIPPED

SYMBOLS = "AAA-USD", "BBB-USD"
WARM_UP = LOOKBACK + LENGTH + 2 * MAX_FILL + 1
# What these networks say lies near one half: so the tiers do, of which one trades.
TIERS = {"tiers": {"A": [0.51, 1.0], "B": [0.5, 0.51]}, "trade_tiers": ["A"], "tier_by": "confidence"}
INSTRUMENTS = dict.fromkeys(("AAA-USD", "BBB-USD", "AAA-USDT", "BBB-USDT"), "BTCUSD")
LIVE = SHIPPED["live"]


def params(**signals):
    """What a bundle holds of the params that it was judged with."""
    sections = {name: SHIPPED[name] for name in ("costs", "execution", "ftmo", "evaluation", "labels")}
    chosen = {"tier_by": "confidence", "tiers": TIERS["tiers"], "trade_tiers": ["A"]}
    return sections | {"signals": SHIPPED["signals"] | chosen | signals, "instruments": INSTRUMENTS}


def promise(label, bounds):
    """A promise that coins keep, but for the `bounds` that are given by name."""
    least = (
        {"accuracy": 0.2, "brier": 0.95, "overconfidence": 0.95}
        if label == "direction"
        else {"trend_error": 0.95}
    )
    figures = {
        name: {"mean": 0.5, "bound": bounds.get(name, bound), "deviation": 0.3, "moments": 1000}
        for name, bound in least.items()
    }
    rng = np.random.default_rng(0)
    rows, week = rng.normal(size=500), np.zeros(500, dtype=np.int64)
    features = {feature.name: tenths_of(rows, week).plain() for feature in CHOSEN}
    return {"level": 0.95, "figures": figures, "features": features}


def promote(folder, seed=3, bounds=None, symbols=SYMBOLS, interval="1m", **signals):
    """Put a direction and a strength under `folder`, as a promotion does; return it."""
    for network, artifact in (("lstm", "lstm-direction"), ("transformer", "transformer-trend")):
        label = {"lstm": "direction", "transformer": "trend_strength"}[network]
        bundle = make_bundle(folder / ".made", network, artifact, seed=seed, tiers=TIERS)
        files = {path.name: path.read_bytes() for path in bundle.iterdir() if path.name != "manifest.json"}
        contract = json.loads(files["contract.json"])
        contract["input"] |= {"symbols": list(symbols), "leader": symbols[0], "interval": interval}
        files |= {
            "contract.json": json.dumps(contract).encode(),
            "params.json": json.dumps(params(**signals)).encode(),
            "promise.json": json.dumps(promise(label, bounds or {})).encode(),
            "metrics.json": json.dumps(
                {"refit": False, "folds": {}, "candidate": {"model": "fold_0"}, "metrics": {}}
            ).encode(),
        }
        for path in bundle.iterdir():
            path.unlink()
        bundle.rmdir()
        place = folder / artifact
        for path in place.iterdir() if place.exists() else ():
            path.unlink()
        if place.exists():
            place.rmdir()
        pack(place, files, {})
    return folder


def market(n, share=0.1, seed=0):
    """Real candles by symbol, with gaps, some of them too long to be filled."""
    tables = {}
    for k, symbol in enumerate(SYMBOLS):
        table = random_candles(n, seed=seed + k)
        table = with_gaps(table, share, seed=k, max_fill=MAX_FILL)
        tables[symbol] = table.loc[~table["is_filled"], ["timestamp", *OHLCV]].reset_index(drop=True)
    return tables


def write_market(folder, tables):
    """The candles as files that ingest takes."""
    for symbol, table in tables.items():
        (folder / symbol).mkdir(parents=True, exist_ok=True)
        table.to_parquet(folder / symbol / "1m.parquet", index=False)
    return folder


def since(tables):
    """The first bar that can be answered."""
    first = max(table["timestamp"].iloc[0] for table in tables.values())
    return first + pd.Timedelta(minutes=WARM_UP)
