"""Copies of the project: what is in their params, what runs in them, and that nothing of them is left."""

import os
import signal

import pytest
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.errors import ProofError
from tapeline.release.proof_copies import Copies, open_copies, resolved_params
from tapeline.release.proof_run import side_by_side
from tapeline.schema import OHLCV
from tests.candles import random_candles

PARAMS = (ROOT / "params.yaml").read_text()


def parsed(text):
    """Values of params.yaml."""
    return YAML(typ="safe").load(text)


@pytest.mark.parametrize(("source", "tier_by"), [("simulated", "confidence"), ("files", "share")])
def test_what_depends_on_the_source_of_candles_is_as_in_the_run(source, tier_by):
    """A copy reads files whatever the run read; tiers go by what the run's source meant."""
    values = parsed(PARAMS)
    text = PARAMS.replace("source: simulated", f"source: {source}")
    copied = parsed(resolved_params(text, {"train": {"epochs": 1}}))
    assert copied["data"] | {"source": source} == values["data"] | {
        "source": source, "path": "data/raw/PROOF", "layout": "canonical", "columns": {}, "timezone": None,
        "workers": 1,
    }  # fmt: skip
    assert copied["data"]["source"] == "files"
    assert copied["signals"] == values["signals"] | {"tier_by": tier_by}
    assert copied["train"] == values["train"] | {"epochs": 1, "workers": 1}
    changed = {name for name in values if copied[name] != values[name]}
    assert changed <= {"data", "signals", "promotion", "quality", "train", "evaluation", "ftmo"}


def test_what_a_run_decided_is_kept_and_a_refit_left_out():
    """Explicit tiers stay; one model, of the last fold, is trained."""
    text = PARAMS.replace("tier_by: auto", "tier_by: share").replace("refit: none", "refit: all")
    copied = parsed(resolved_params(text, {}))
    assert (copied["signals"]["tier_by"], copied["promotion"]["refit"]) == ("share", "none")


def is_alive(process):
    """Whether the process is there."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def interrupt(number, frame):
    """An exception in the middle of a wait, as Ctrl-C is."""
    raise ZeroDivisionError


def test_a_copy_begins_with_the_bundles_that_the_run_began_with(tmp_path):
    """By a link, made anew with each copy; without any, the file that says so is there."""
    root, folder = tmp_path / "run", tmp_path / "copies"
    (root / "models/start/lstm-direction").mkdir(parents=True)
    (root / "data/raw").mkdir(parents=True)
    (root / "data/raw/README.md").touch()
    folder.mkdir()
    copies = Copies(root, folder, runner=None)
    (root / "params.yaml").write_text(PARAMS)
    assert (copies.make("one", {}).folder / "data/raw/README.md").is_file()
    (root / "params.yaml").write_text(
        PARAMS.replace("  start_from: data/raw/README.md", "  start_from: models/start")
    )
    for _ in range(2):
        assert (copies.make("one", {}).folder / "models/start/lstm-direction").is_dir()
    assert (root / "models/start/lstm-direction").is_dir()


@pytest.mark.slow
def test_stages_run_in_a_copy_a_failure_is_told_and_nothing_is_left():
    """By the sources of this project; what leaves the block, here an error, ends processes and files."""
    candles = {"BTC-USD": random_candles(3000)[["timestamp", *OHLCV]]}
    changes = {"data": {"symbols": ["BTC-USD"]}}
    with pytest.raises(ZeroDivisionError):
        with open_copies(ROOT) as copies:
            copy = copies.make("one", candles, changes)
            copy.run("ingest", "features")
            assert (copy.folder / "data/features/BTC-USD.parquet").is_dir()
            broken = copies.make("two", {"BTC-USD": candles["BTC-USD"].assign(close=-1.0)}, changes)
            with pytest.raises(ProofError, match=r"stages.ingest: .*non-positive price") as refused:
                broken.run("ingest")
            assert "git checkout" not in str(refused.value)
            folder, process = copies.folder, copies.runner.process_id
            signal.signal(signal.SIGALRM, interrupt)
            signal.setitimer(signal.ITIMER_REAL, 1.0)
            other = copies.make("other", candles, changes)
            try:
                with pytest.raises(ZeroDivisionError):
                    side_by_side(2, [(each, ("ingest", "features") * 50) for each in (copy, other)])
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert not is_alive(process)
            raise ZeroDivisionError
    assert not folder.exists()
    assert not is_alive(process)
