"""What a bundle says of itself: read whatever version wrote it, written as ever, compared without prose."""

import json

import pytest
from pydantic import ValidationError

from tapeline.closure import ROOT
from tapeline.errors import ArtifactError
from tapeline.promotion.contract import BundleFigures, Contract, ModelDescription, Output
from tapeline.promotion.manifest import Manifest
from tapeline.promotion.release_record import AssignmentRecord, ReleaseRecord, RunRecord

FIXTURES = ROOT / "tests/promotion/fixtures"  # as the code of commit 2b5197e left them
BUNDLES = sorted((FIXTURES / "bundles").iterdir())
TAGS = sorted((FIXTURES / "tags").iterdir())
RUN = FIXTURES / "run/metrics/detail/promotion.json"


def values(change):
    """The contract of a packed bundle, with values at dotted keys changed."""
    contract = json.loads((BUNDLES[0] / "contract.json").read_text())
    for key, value in change.items():
        *parents, last = key.split(".")
        node = contract
        for part in parents:
            node = node[part]
        node[last] = value
    return contract


def read(change):
    """It read."""
    return Contract.read(json.dumps(values(change)), "contract.json")


@pytest.mark.parametrize("folder", BUNDLES, ids=lambda path: path.name)
@pytest.mark.parametrize(
    ("name", "document"),
    [("contract.json", Contract), ("manifest.json", Manifest), ("metrics.json", BundleFigures)],
)
def test_a_bundles_files_are_written_as_they_were(folder, name, document):
    """Same keys, order and numbers: read and written again they are the same bytes."""
    written = json.dumps(document.read_file(folder / name).plain(), indent=2) + "\n"
    assert written == (folder / name).read_text()


@pytest.mark.parametrize("path", [*TAGS, RUN], ids=lambda path: path.name)
def test_records_are_written_as_they_were(path):
    """Those in tags' messages, which have sorted keys, and the run's."""
    if path == RUN:
        assert json.dumps(RunRecord.read_file(path).plain(), indent=2) + "\n" == path.read_text()
        return
    document = ReleaseRecord if "@" in path.name else AssignmentRecord
    written = json.dumps(document.read_file(path).plain(), indent=1, sort_keys=True)
    assert written == path.read_text().rstrip("\n")


def test_a_models_description_is_read_as_far_as_predicting_takes_it():
    """The rest of model.json is the training's."""
    model = ModelDescription.read_file(BUNDLES[0] / "model.json")
    raw = json.loads((BUNDLES[0] / "model.json").read_text())
    assert list(model.features) == raw["features"]
    assert list(model.scaler.std) == raw["scaler"]["std"]
    assert "architecture" in raw


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("input.columns", ["timestamp", "close"]), ("input.interval", "5m"), ("input.leader", None),
        ("label.name", "trend_strength"), ("label.horizon", 16),
        ("output.name", "strength"), ("output.low", -1.0), ("output.high", 2.0),
    ],
)  # fmt: skip
def test_what_a_consumer_must_change_with_changes_the_fingerprint(key, value):
    """Candles that go in, what is predicted, and what the number is."""
    assert read({key: value}).fingerprint != read({}).fingerprint


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("output.meaning", "said otherwise"), ("input.symbols", ["X"]), ("lookback", 1), ("market", None),
        ("tiers.trade_tiers", ["B"]), ("input.max_fill", 1),
    ],
)  # fmt: skip
def test_prose_and_what_no_consumer_hangs_on_leave_the_fingerprint(key, value):
    """A reworded sentence is no major version."""
    assert read({key: value}).fingerprint == read({}).fingerprint


def test_keys_of_other_versions_are_read_over_and_never_written():
    """In nested parts, too; making one with a key that nobody knows is an error."""
    assert read({"later": 1, "input.later": 1, "market.later": {}}) == read({})
    with pytest.raises(ValidationError, match="later"):
        Output(name="p", meaning="", low=0.0, high=1.0, later=1)


def test_what_is_missing_or_wrong_is_named_in_a_line():
    """File, key and rule."""
    broken = values({"label.horizon": "many"})
    with pytest.raises(ArtifactError, match=r"^c\.json: label\.horizon must be a valid integer"):
        Contract.read(json.dumps(broken), "c.json")
    del broken["label"]
    with pytest.raises(ArtifactError, match=r"^c\.json: label is missing$"):
        Contract.read(json.dumps(broken), "c.json")
    with pytest.raises(ArtifactError, match=r"nowhere\.json: is missing"):
        Contract.read_file(FIXTURES / "nowhere.json")
