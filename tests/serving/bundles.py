"""Bundles of small untrained networks and rules, and a market to predict."""

import json

import numpy as np
import torch

from tapeline.baselines.export import to_onnx as baseline_onnx
from tapeline.baselines.linear import LinearRule
from tapeline.features.catalog import FEATURES, GROUPS
from tapeline.features.table import build_table, feature_version
from tapeline.nets.calibration import Calibration
from tapeline.nets.export import Served, to_onnx
from tapeline.nets.lstm import LSTM
from tapeline.nets.params import LstmParams, TransformerParams
from tapeline.nets.scaler import fit_scaler
from tapeline.nets.transformer import Transformer
from tapeline.promotion.bundle import pack
from tapeline.release.mean_graph import mean_of_graphs
from tapeline.schema import OHLCV
from tests.candles import random_candles

LENGTH, MAX_FILL = 12, 5
CHOSEN = [
    feature
    for feature in sorted(FEATURES.values(), key=lambda feature: GROUPS.index(feature.group))
    if feature.lookback <= 250
]
LOOKBACK = max(feature.lookback for feature in CHOSEN)
MARKET = {"name": "X", "source": "files"}
TIERS = {"tiers": {"A": [0.7, 1.0], "B": [0.5, 0.7]}, "trade_tiers": ["A"]}


def make_bundle(folder, network, artifact=None, seed=3, tiers=TIERS, **changes):
    """An untrained network of one of the two kinds, packed as the pipeline does; `changes` of its JSON."""
    torch.manual_seed(seed)
    n = len(CHOSEN)
    if network == "lstm":
        net = LSTM(n, LstmParams(hidden=8, layers=1, dropout=0.0, bidirectional=False))
    else:
        net = Transformer(
            n, TransformerParams(d_model=8, heads=2, layers=1, dropout=0.0, max_length=64), LENGTH
        )
    graph = to_onnx(Served(net.eval(), Calibration({"kind": "none"})).eval(), LENGTH, n)
    label = {"lstm": "direction", "transformer": "trend_strength"}[network]
    return _pack(folder, graph, label, network, artifact or network, tiers, changes)


def make_baseline(folder, label, artifact, tiers=TIERS, **changes):
    """A linear rule whose weights are drawn, packed likewise; `changes` of its contract."""
    rng = np.random.default_rng(7)
    rule = LinearRule(label, rng.normal(0, 0.1, len(CHOSEN)).astype(np.float32), np.array([0.3], np.float32))
    graph = baseline_onnx(rule, LENGTH, len(CHOSEN))
    return _pack(folder, graph, label, artifact.replace("-", "_"), artifact, tiers, {}, **changes)


def make_ensemble(folder, member, other, artifact):
    """The mean of what two packed bundles say, under the first's contract."""
    graphs = [(bundle / "model.onnx").read_bytes() for bundle in (member, other)]
    files = {path.name: path.read_bytes() for path in member.iterdir()}
    del files["manifest.json"]
    changes = {"model.json": {"network": artifact.replace("-", "_")}, "contract.json": {"artifact": artifact}}
    for name, changed in changes.items():
        files[name] = json.dumps(json.loads(files[name]) | changed).encode()
    pack(folder / artifact, files | {"model.onnx": mean_of_graphs(graphs)}, {})
    return folder / artifact


def _pack(folder, graph, label, network, artifact, tiers, changes, **of_contract):
    candles = random_candles(1500, seed=5)
    table = build_table(candles, candles, CHOSEN, 15, MAX_FILL)
    names = [feature.name for feature in CHOSEN]
    scaler = fit_scaler(table[names].to_numpy(), np.arange(len(table)))
    model = {
        "features": names, "label": label, "horizon": 15, "network": network, "interval": "1m",
        "scaler": {"mean": scaler.mean.tolist(), "std": scaler.std.tolist()},
        "made_from": {"features": feature_version(CHOSEN, 15)},
        "context": {"sequence_length": LENGTH}, "span": {},
    }  # fmt: skip
    inputs = {
        "columns": ["timestamp", *OHLCV], "interval": "1m", "leader": "AAA-USD",
        "symbols": ["AAA-USD", "BBB-USD"],
    }  # fmt: skip
    contract = {
        "artifact": artifact, "sequence_length": LENGTH, "lookback": LOOKBACK,
        "input": inputs | {"max_fill": MAX_FILL, "max_filled_share": 0.4},
        "label": {"name": label, "horizon": 15}, "market": MARKET,
        "output": {"name": label, "meaning": "", "low": 0.0, "high": 1.0},
    }  # fmt: skip
    contract |= of_contract | ({"tiers": tiers} if label == "direction" else {})
    files = {
        "model.onnx": graph,
        "model.json": json.dumps(model | changes).encode(),
        "contract.json": json.dumps(contract).encode(),
    }
    pack(folder / artifact, files, {})
    return folder / artifact


def of_market(bundle, folder, origin):
    """A copy of `bundle` that was trained on candles of that origin; None: as before bundles told it."""
    names = json.loads((bundle / "manifest.json").read_text())["sha256"]
    files = {name: (bundle / name).read_bytes() for name in names}
    contract = json.loads(files["contract.json"]) | {"market": origin}
    if origin is None:
        del contract["market"]
    pack(folder, files | {"contract.json": json.dumps(contract).encode()}, {})
    return folder


def market(n=600):
    """Two symbols on one clock, canonical; BBB-USD has a short gap that was filled."""
    tables = {}
    for k, symbol in enumerate(("AAA-USD", "BBB-USD")):
        table = random_candles(n, seed=20 + k).reset_index(drop=True)
        table["is_filled"], table["segment"] = False, 0
        tables[symbol] = table
    if n < 410:
        return tables
    filled = tables["BBB-USD"].loc[400:402]
    close = tables["BBB-USD"].loc[399, "close"]
    tables["BBB-USD"].loc[filled.index, ["open", "high", "low", "close"]] = close
    tables["BBB-USD"].loc[filled.index, ["volume", "is_filled"]] = [0.0, True]
    return tables
