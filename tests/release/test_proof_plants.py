"""Mistakes by which the future gets in, each in a place of its own: the proof ends with what knew it."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tapeline.errors import ProofError
from tapeline.outputs import write_json
from tapeline.release.proof_copies import PASSED, open_copies
from tapeline.release.proof_run import Run
from tapeline.release.proof_segments import prove_moments
from tapeline.release.proof_trading import prove_inside_test
from tapeline.release.proof_training import prove_test, prove_validation
from tests.plants.plants import PLANTS
from tests.plants.runs import MARKET, plant
from tests.warm import warm_python
from tests.workshop import Workshop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("proof plants")]

MISTAKES = {mistake.name: mistake for mistake in PLANTS}
RUN_ALL = (
    "import runpy, sys\n"
    "for name in sys.argv[1:]:\n"
    "    runpy.run_module(f'stages.{name}', run_name='__main__', alter_sys=True)\n"
)


def run_stages(folder, *stages):
    """Run `stages` of the project in `folder`, one after the other in one process."""
    done = subprocess.run(
        [warm_python(), "-c", RUN_ALL, *stages], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """A tiny market with features and splits; nothing is trained."""
    folder = tmp_path_factory.mktemp("market")
    shop = Workshop(folder)
    shop.set_params(MARKET)
    write_json(folder / PASSED, {"passed": True})
    run_stages(folder, "ingest", "features", "splits")
    return folder


@pytest.fixture
def planted(market, tmp_path):
    """Make a mistake in a copy of the market and run `stages` there; return the copy."""

    def make(name: str, *stages: str) -> Path:
        shutil.copytree(market, tmp_path, dirs_exist_ok=True)
        plant(tmp_path, MISTAKES[name])
        if stages:
            run_stages(tmp_path, *stages)
        return tmp_path

    return make


def prove_part(folder, part, *given):
    """Run one part of the proof on the project in `folder`; its line where it found something."""
    with open_copies(folder) as copies:
        with pytest.raises(ProofError) as refused:
            part(Run(folder, copies), np.random.default_rng(3), *given)
    said = str(refused.value)
    assert "knows the future" in said
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("gaps filled from the next candle", "ingest: "),
        ("features one candle ahead in the stage", "features: "),
        pytest.param("a rare minute that knows the next close", "features: ", marks=pytest.mark.torture),
        pytest.param("a centred mean", "features: ", marks=pytest.mark.torture),
        pytest.param("one symbol's features a candle ahead", "features: ", marks=pytest.mark.torture),
        pytest.param("a follower sees its leader's same candle", "features: ", marks=pytest.mark.torture),
        pytest.param("a low that knows the next candle's open", "ingest: ", marks=pytest.mark.torture),
    ],
)
def test_candles_and_features_that_know_the_next_candle(planted, name, stage):
    """Found by moments all over the history; stage, symbol, column and candle are told."""
    said = prove_part(planted(name), prove_moments, 200)
    assert said.startswith(stage)
    assert "-USD: " in said
    assert " of 2024-01-0" in said


@pytest.mark.parametrize(
    "name",
    [
        "the scaler fitted on all rows",
        pytest.param("the purge dropped inside training", marks=pytest.mark.torture),
        pytest.param("a random split inside training", marks=pytest.mark.torture),
    ],
)
def test_a_training_that_knows_its_validation(planted, name):
    """Found by one epoch with and without another validation: scaler, then losses, then weights."""
    assert prove_part(planted(name), prove_validation).startswith("train_lstm: all symbols: ")


@pytest.mark.torture
@pytest.mark.parametrize(
    "name", ["early stopping on the test", "calibration fitted on the test", "training up to the test's end"]
)
def test_a_training_that_knows_its_test(planted, name):
    """Found by the training of the whole fold with another test."""
    folder = planted(name, "train_lstm", "train_transformer")
    assert prove_part(folder, prove_test).startswith("train_lstm: all symbols: ")


def test_baselines_that_know_what_comes_after_their_training(planted):
    """Found by what is fitted with another validation, where nothing is left to choose by it."""
    said = prove_part(planted("baselines taught by their validation"), prove_validation)
    assert said.startswith("train_baselines: all symbols: baselines/direction_logistic_regression ")


@pytest.mark.torture
def test_baselines_that_know_their_test(planted):
    """Found by what is fitted on the whole fold with another test, though the rows recorded are right."""
    name = "baselines taught by the test, and silent about it"
    folder = planted(name, "train_lstm", "train_transformer", "train_baselines")
    assert prove_part(folder, prove_test).startswith("train_baselines: all symbols: ")


@pytest.mark.torture
@pytest.mark.parametrize("name", ["features one candle ahead in the training's reader"])
def test_predictions_that_know_the_next_candle(planted, name):
    """Found by the run's own models on other candles from inside the test on."""
    folder = planted(name, "train_lstm", "train_transformer", "train_baselines")
    said = prove_part(folder, prove_inside_test)
    assert said.startswith("predict lstm test: ")
