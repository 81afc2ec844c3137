"""A training that was killed goes on where it was and ends as if it had not been."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from tapeline.closure import ROOT
from tapeline.nets.checkpoints import inputs_key, load_checkpoint, save_checkpoint
from tests.nets.problem import problem, run, train_params, weights


def start(network, folder, *more):
    """Start a training in another process."""
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.nets.train_once", network, str(folder), *more],
        cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, text=True, stdout=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("network", ["lstm", "transformer"])
def test_killed_at_random_moments_it_ends_with_the_same_bytes(tmp_path, network):
    """kill -9 again and again, in an epoch or while a checkpoint is written: equal weights and history."""
    assert start(network, tmp_path / "whole").wait() == 0
    moments, n_killed = random.Random(network), 0
    for _ in range(40):
        process = start(network, tmp_path / "killed")
        assert process.stdout.readline() == "begun\n"
        time.sleep(moments.uniform(0.0, 0.6))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        n_killed += process.wait() != 0
        if (tmp_path / "killed" / "weights").is_file():
            break
    else:
        assert start(network, tmp_path / "killed").wait() == 0
    assert n_killed >= 1  # a quick machine has done it all before the second
    for name in ("weights", "history.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("network", ["lstm", pytest.param("transformer", marks=pytest.mark.slow)])
def test_a_training_goes_on_from_its_last_epoch(tmp_path, network):
    """Stopped by an error after two epochs, it trains the others alone; a finished one trains none."""
    whole, epochs = run(network, *problem()), []

    def stop_after_two(epoch):
        if epoch["epoch"] == 2:
            raise RuntimeError("as if the machine went away")

    with pytest.raises(RuntimeError):
        run(network, *problem(), checkpoint=tmp_path / "c.pt", on_epoch=stop_after_two)
    resumed = run(network, *problem(), checkpoint=tmp_path / "c.pt", on_epoch=epochs.append)
    assert [epoch["epoch"] for epoch in epochs] == [3, 4]
    assert resumed.history == whole.history
    assert weights(resumed) == weights(whole)
    again = run(network, *problem(), checkpoint=tmp_path / "c.pt", on_epoch=epochs.append)
    assert len(epochs) == 2
    assert weights(again) == weights(whole)


def test_a_broken_checkpoint_is_none(tmp_path):
    """Cut in half or not one at all, training begins anew; a save leaves nothing aside."""
    path = tmp_path / "rooms" / "c.pt"
    assert load_checkpoint(path) is None
    save_checkpoint(path, {"weights": {"a": torch.arange(3)}, "history": [{"epoch": 1}]})
    assert load_checkpoint(path)["weights"]["a"].tolist() == [0, 1, 2]
    assert [p.name for p in path.parent.iterdir()] == ["c.pt"]
    path.write_bytes(path.read_bytes()[:200])
    assert load_checkpoint(path) is None


def test_a_checkpoint_belongs_to_its_inputs():
    """Another param, another value, another shape of the same bytes: another key."""
    features = np.arange(6.0)
    keys = {
        inputs_key(train_params(**changes).model_dump(), [array])
        for changes in ({}, {"seed": 6})
        for array in (features, features.reshape(2, 3), features + 1e-12, features.astype(np.float32))
    }
    assert len(keys) == 8
    assert inputs_key({"a": 1}, [features]) == inputs_key({"a": 1}, [features.copy()])
