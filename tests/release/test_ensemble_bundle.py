"""An ensemble's bundle at work: of every candle it says the mean of what its members' bundles say."""

import math

import pandas as pd
import pytest

from tapeline.models.ensembles import ENSEMBLES
from tapeline.outputs import read_json
from tapeline.serving.stream import Stream
from tests.tiny_run import tiny_run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("promote")]

CANDLES = 1100  # of each symbol, fed at the end of its history; nearly all warm the features up


def answers(folder, symbols, artifacts):
    """What bundles that are served together answer to the last real candles, the leader's first."""
    paths = [folder / "models/candidate" / artifact for artifact in artifacts]
    stream = Stream(*paths, clock=lambda: math.inf, allow_simulated=True)
    tables = []
    for place, symbol in enumerate(symbols):
        table = pd.read_parquet(folder / f"data/candles/{symbol}.parquet").query("not is_filled")
        tables.append(table.tail(CANDLES).assign(symbol=symbol, place=place))
    rows = pd.concat(tables).sort_values(["timestamp", "place"]).to_dict("records")
    fed = [stream.feed(row["symbol"], row) for row in rows]
    return [each.predictions for each in fed if each.status == "predicted"]


@pytest.mark.parametrize("entry", ENSEMBLES, ids=lambda entry: entry.name)
def test_what_is_served_is_halfway_between_what_its_members_serve(tmp_path_factory, entry):
    """Each by a graph, a scaler and a calibration of its own; the bundle holds the files of both."""
    folder = tiny_run(tmp_path_factory)
    members = [member.artifact for member in entry.members]
    fed = answers(folder, ("BTC-USD", "ETH-USD"), [*members, entry.artifact])
    assert len(fed) > 100
    for each in fed:
        expected = sum(each[member].value for member in members) / len(members)
        assert each[entry.artifact].value == pytest.approx(expected, abs=1e-6)
    assert len({each[entry.artifact].value for each in fed}) > 50
    bundle = folder / "models/candidate" / entry.artifact
    for member in entry.members:
        own = folder / "models/candidate" / member.artifact / "model.json"
        assert (bundle / f"{member.name}.model.json").read_bytes() == own.read_bytes()
    named = set(read_json(bundle / "manifest.json")["sha256"])
    assert {f"{entry.members[0].name}.weights.safetensors", "model.onnx", "model.json"} <= named
