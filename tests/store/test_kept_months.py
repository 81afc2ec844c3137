"""Months that earlier runs left: taken where all that they were made from is the same, and nowhere else."""

from dataclasses import dataclass, field
from operator import attrgetter
from types import SimpleNamespace

import pytest

from tapeline.store import kept_months
from tapeline.store.feature_store import FeatureStore
from tapeline.store.kept_months import settle, write_kept
from tests.store.test_feature_store import RSI, SAID
from tests.store.test_month_files import table_at

OTHERS = {"name": "direction"}, {"group": "trend"}, {"lookback": 61}, {"meaning": "another"}
SCHEMA = SAID | {"features": [SimpleNamespace(**RSI)]}


@dataclass
class Made:
    """A month that counts how often it is built."""

    name: str
    version: str = "v1"
    built: list[str] = field(default_factory=list)

    def build(self):
        """Three rows of the month."""
        self.built.append(self.name)
        return table_at(f"{self.name}-05")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Writes two months of A; returns the names of those that were built."""
    monkeypatch.chdir(tmp_path)

    def write(schema=SCHEMA, versions=("v1", "v1")):
        months = [Made(name, version) for name, version in zip(("2024-01", "2024-02"), versions, strict=True)]
        version, rows = attrgetter("version"), lambda table: {"rows": len(table)}
        written = write_kept(tmp_path / "features", "A", months, version, schema, rows)
        settle(FeatureStore(tmp_path / "features"), [written])
        return [name for month in months for name in month.built]

    return write


def test_what_is_the_same_is_taken(run):
    """And a month whose inputs are others is built alone."""
    assert run() == ["2024-01", "2024-02"]
    assert run() == []
    assert run(versions=("v1", "v2")) == ["2024-02"]


@pytest.mark.parametrize(
    "other",
    [{"feature_version": "other"}, {"horizon": 16}, {"interval": "5m"}]
    + [{"features": [SimpleNamespace(**RSI | other)]} for other in OTHERS],
    ids=str,
)
def test_another_schema_is_another_month(run, other):
    """What stands in a file decides its bytes: version, horizon, interval and each feature's description."""
    run()
    assert run(SCHEMA | other) == ["2024-01", "2024-02"]
    assert run() == []


def test_other_code_is_another_month(run, monkeypatch):
    """Whatever may run when a month is built."""
    run()
    monkeypatch.setattr(kept_months, "code_key", lambda script: "other")
    assert run() == ["2024-01", "2024-02"]
