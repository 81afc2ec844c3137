"""The simulated market's ceiling depends on nothing that comes later; real candles have none."""

from types import SimpleNamespace

import numpy as np
import pytest
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.errors import ProofError
from tapeline.market import simulation
from tapeline.market.simulation import SimulationParams, ceiling_probability, simulate
from tapeline.params import Params
from tapeline.release.proof_ceiling import CHANGES, prove_ceiling

SYMBOLS, HORIZON = ("BTC-USD", "ETH-USD"), 15


def ingested(folder, source="simulated", market="trend"):
    """A run of one day whose ceiling was stored by the simulation as it is now."""
    values = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    values["simulation"] |= {"days": 1, "market": market}
    values["data"]["source"] = source
    params = Params(values)
    (folder / "data/candles/ceiling").mkdir(parents=True)
    for symbol, told in simulate(params.section("simulation", SimulationParams), SYMBOLS, HORIZON).items():
        told.ceiling.to_parquet(folder / f"data/candles/ceiling/{symbol}.parquet", index=False)
    return SimpleNamespace(root=folder, params=params, symbols=SYMBOLS, horizon=HORIZON)


@pytest.mark.parametrize("market", ["trend", "memory"])
def test_a_filter_of_the_past_is_proved(tmp_path, market):
    """Some minutes are tried, and what was told before each of them was compared."""
    (part,) = prove_ceiling(ingested(tmp_path, market=market), np.random.default_rng(1))
    assert part.trials == CHANGES
    assert dict(part)["values"] > 1000


@pytest.mark.parametrize("place", ["in the filter", "behind it"])
def test_a_filter_that_is_a_minute_ahead_is_found(tmp_path, monkeypatch, place):
    """In the code that the proof runs too, and where it was stored alone."""
    with monkeypatch.context() as patched:
        patched.setattr(
            simulation, "ceiling_probability", lambda *given: np.roll(ceiling_probability(*given), -1, axis=0)
        )
        run = ingested(tmp_path)
        if place == "in the filter":
            with pytest.raises(ProofError, match="ingest: BTC-USD's ceiling: probability of .* the future"):
                prove_ceiling(run, np.random.default_rng(1))
    if place == "behind it":
        with pytest.raises(ProofError, match="ingest: BTC-USD's ceiling: probability of"):
            prove_ceiling(run, np.random.default_rng(1))


def test_candles_that_know_what_is_hidden_are_found(tmp_path, monkeypatch):
    """A price that leans to the next minute's regime."""
    draw = simulation.draw_candles

    def leaning(hidden, seed, position):
        *prices, volume = draw(hidden, seed, position)
        return (*prices, volume + np.roll(hidden.regimes[:, position], -1))

    monkeypatch.setattr(simulation, "draw_candles", leaning)
    run = ingested(tmp_path)
    with pytest.raises(ProofError, match="BTC-USD's candles: volume of"):
        prove_ceiling(run, np.random.default_rng(1))


def test_real_candles_have_no_ceiling_to_prove(tmp_path):
    """Nothing is simulated."""
    assert prove_ceiling(ingested(tmp_path, "files"), np.random.default_rng(1)) == []
