"""The simulated market's ceiling depends on nothing that comes later; real candles have none."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.errors import ProofError
from tapeline.market import known, simulation
from tapeline.market.filters import filter_windows
from tapeline.market.simulation import SimulationParams, ceiling_probability, draw_hidden, groups_of, simulate
from tapeline.market.strength import expect_strengths
from tapeline.params import Params
from tapeline.release.proof_ceiling import CHANGES, CHANGES_IN_TESTS, prove_ceiling
from tapeline.scoring.ceilings import ceilings_of_tests
from tapeline.splits.folds import TimeFold
from tests.workshop import TREND

SYMBOLS, HORIZON, LENGTH = ("BTC-USD", "ETH-USD"), 15, 10
MEMORY = {"market": "memory", "signal": 0.28, "seed": 1105, "regime_minutes": 60}
HOURS = pd.date_range("2024-01-01", periods=25, freq="h", tz="UTC")
FOLDS = [TimeFold(*[(HOURS[0], HOURS[12])] * 2, test=(HOURS[12 + k], HOURS[14 + k])) for k in (0, 4)]


@pytest.fixture(autouse=True)
def few_paths(monkeypatch):
    """As many as a proof needs: it asks whether answers depend on the future, not whether they are right."""
    monkeypatch.setattr("tapeline.market.strength.PATHS", 2000)


def ingested(folder, source="simulated", market=TREND, symbols=SYMBOLS):
    """A run of one day whose ceilings were stored by the simulation as it is now."""
    values = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    values["simulation"] |= market | {"days": 1}
    values["data"]["source"] = source
    values["train"]["sequence_length"] = LENGTH
    params = Params(values)
    simulated = params.section("simulation", SimulationParams)
    (folder / "data/candles/ceiling").mkdir(parents=True)
    for symbol, told in simulate(simulated, symbols, HORIZON):
        told.ceiling.to_parquet(folder / f"data/candles/ceiling/{symbol}.parquet", index=False)
    (folder / "data/ceilings").mkdir()
    strengths = expect_strengths(simulated.regimes, HORIZON)
    for group, members in enumerate(groups_of(symbols)):
        hidden = draw_hidden(simulated, len(members), group)
        tables = ceilings_of_tests(hidden, simulated, members, FOLDS, strengths, HORIZON, LENGTH)
        for symbol, table in tables.items():
            table.to_parquet(folder / f"data/ceilings/{symbol}.parquet", index=False)
    return SimpleNamespace(root=folder, params=params, symbols=symbols, horizon=HORIZON, folds=FOLDS)


@pytest.mark.parametrize("market", [TREND, MEMORY], ids=["trend", "memory"])
def test_a_filter_of_the_past_is_proved(tmp_path, market):
    """Some minutes are tried, and what was told before each of them was compared."""
    of_all, of_tests = prove_ceiling(ingested(tmp_path, market=market), np.random.default_rng(1))
    assert (of_all.trials, of_tests.trials) == (CHANGES, CHANGES_IN_TESTS)
    assert dict(of_all)["values"] > 1000
    assert dict(of_tests)["values"] > 1000


def test_of_more_than_five_symbols_each_group_is_proved(tmp_path, monkeypatch):
    """With trials of its own; a filter that is ahead in the second alone is found."""
    few = {"market": TREND, "symbols": (*"ABCDE", "F")}
    (tmp_path / "honest").mkdir()
    of_all, of_tests = prove_ceiling(ingested(tmp_path / "honest", **few), np.random.default_rng(1))
    assert (of_all.trials, of_tests.trials) == (2 * CHANGES, 2 * CHANGES_IN_TESTS)
    alone = lambda beliefs, *rest: ceiling_probability(  # noqa: E731
        np.roll(beliefs, -1, axis=0) if beliefs.shape[1] == 1 else beliefs, *rest
    )
    monkeypatch.setattr(simulation, "ceiling_probability", alone)
    with pytest.raises(ProofError, match="ingest: F's ceiling: probability of .* the future"):
        prove_ceiling(ingested(tmp_path, **few), np.random.default_rng(1))


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


@pytest.mark.parametrize("sample", [1, 7])
@pytest.mark.parametrize("what", ["window", "strength_grade"])
def test_an_answer_in_the_tests_that_is_a_minute_ahead_is_found(tmp_path, monkeypatch, what, sample):
    """The windows' filter, whichever of them are looked at, and the beliefs that strength is taken from."""
    monkeypatch.setattr(known, "sampled_every", lambda *given: sample)
    if what == "window":
        ahead = lambda returns, *given: filter_windows(np.roll(returns, -1, axis=0), *given)  # noqa: E731
        monkeypatch.setattr(known, "filter_windows", ahead)
    else:
        beliefs_of = known.beliefs_of
        rolled = lambda *given: {n: np.roll(b, -1, axis=0) for n, b in beliefs_of(*given).items()}  # noqa: E731
        monkeypatch.setattr(known, "beliefs_of", rolled)
    run = ingested(tmp_path)
    with pytest.raises(ProofError, match="ceilings: BTC-USD: .* of .* the future"):
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
