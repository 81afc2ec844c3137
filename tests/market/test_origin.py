"""Where candles come from: told by what was read, the same on any machine, and never lost by copying."""

import json

import pytest

from tapeline.errors import DataError
from tapeline.market.origin import describe_origin, exchange_of, is_of_simulation, read_origin

DRAWN = {"market": "memory", "seed": 7, "signal": 0.3, "days": 2, "start": "2024-01-01"}


def data(source="files", path="data/raw"):
    """Section `data` of params.yaml."""
    return {"source": source, "path": str(path), "interval": "1m", "max_fill": 15}


def cards(first="X", second="X"):
    """What ingest counted, of two symbols."""
    span = {"files": 2, "first": "2024-01-01T00:00:00Z", "last": "2024-01-02T23:59:00Z", "rows": 9}
    return {"A": span | {"market": first}, "B": span | {"market": second}}


@pytest.mark.parametrize(
    ("path", "file", "exchange"),
    [
        ("data/raw/BINANCE", "data/raw/BINANCE/A/1.csv", "BINANCE"),
        ("data/raw/BINANCE", "data/raw/BINANCE/A.csv", "BINANCE"),
        ("data/raw", "data/raw/KRAKEN/A/1.csv", "KRAKEN"),
        ("data/raw", "data/raw/KRAKEN/A.csv", "KRAKEN"),
        ("/home/me/data/raw/KRAKEN/", "/home/me/data/raw/KRAKEN/A/1.csv", "KRAKEN"),
        (".", "A/1.csv", "files"),
    ],
)
def test_an_exchange_is_named_by_its_folder(path, file, exchange):
    """The one that holds the symbol's folder or file, wherever data.path points; no path is in it."""
    assert exchange_of("A", path, file) == exchange


def test_the_origin_of_files_names_exchanges_files_and_spans(tmp_path):
    """For each symbol, and nothing of the simulation."""
    origin = describe_origin(data(path=tmp_path), DRAWN, cards("X", "Y"))
    assert (origin["name"], origin["source"], is_of_simulation(origin)) == ("X, Y", "files", False)
    assert origin["symbols"]["B"] == {
        "market": "Y", "files": 2, "first": "2024-01-01T00:00:00Z", "last": "2024-01-02T23:59:00Z",
    }  # fmt: skip
    assert "simulation" not in origin
    assert "A 2024-01-01 00:00 to 2024-01-02 23:59, 2 files of X" in origin["description"]
    assert str(tmp_path) not in json.dumps(origin)


def test_the_origin_of_the_simulated_market_tells_its_draws():
    """Kind, seed, signal and days, in record and sentence; a record without kind is of the trend."""
    origin = describe_origin(data(source="simulated"), DRAWN, cards("simulated", "simulated"))
    assert (origin["name"], origin["simulation"]) == ("simulated", DRAWN)
    said = "simulated market (memory, seed 7, signal 0.3, 2 days from 2024-01-01), of no exchange"
    assert said in origin["description"]
    former = {name: value for name, value in DRAWN.items() if name != "market"}
    of_then = describe_origin(data(source="simulated"), former, cards("simulated", "simulated"))
    assert said.replace("memory", "trend") in of_then["description"]


def test_simulated_candles_that_were_copied_stay_simulated(tmp_path):
    """Read as files of whatever name, where the record lies beside them."""
    simulated = describe_origin(data(source="simulated"), DRAWN, cards("simulated", "simulated"))
    (tmp_path / "origin.json").write_text(json.dumps(simulated))
    copied = describe_origin(data(path=tmp_path), DRAWN | {"seed": 8}, cards("FAKE", "FAKE"))
    assert is_of_simulation(copied)
    assert copied["simulation"]["seed"] == 7


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", "[" * 9000, '{"name": "X"}'])
def test_an_origin_that_is_none_is_named(tmp_path, text):
    """Its file, and how to mend it."""
    (tmp_path / "origin.json").write_text(text)
    with pytest.raises(DataError, match=r"origin.json: is no origin of candles: .*`make repro` writes it"):
        read_origin(tmp_path)


def test_a_folder_without_an_origin_has_none(tmp_path):
    """As that of an exchange's files."""
    assert read_origin(tmp_path) is None
    assert not is_of_simulation(None)
