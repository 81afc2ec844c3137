"""Months that were found to be what their candles give: not built again, and never taken for others."""

import numpy as np
import pytest

from tapeline.closure import ROOT
from tapeline.features.catalog import FEATURES
from tapeline.features.table import TableMonth
from tapeline.params import Params
from tapeline.quality.files_opened import Opened
from tapeline.quality.ledger import History
from tapeline.quality.params import QualityParams
from tapeline.quality.stored import audit_stored
from tapeline.schema import LABELS
from tapeline.scoring import known_months
from tapeline.scoring.audits import Audited, audit_symbol
from tapeline.scoring.by_month import ByMonth
from tapeline.scoring.known_months import KnownMonths
from tapeline.store.feature_store import FeatureStore
from tapeline.store.stored_table import StoredTable
from tests.candles import random_candles

HONEST = [FEATURES[name] for name in ("return_5", "rsi_14", "leader_return_1")]
AUDITED = Audited(HONEST, horizon=15, max_fill=15)
CANDLES, LEADER = random_candles(6000, seed=1, gap_at=700), random_candles(6000, seed=2)  # March and April
SHIPPED = Params.read(ROOT / "params.yaml").section("quality", QualityParams)
QUALITY = SHIPPED.model_copy(update={"leak_cuts": 2})
SCHEMA = {"feature_version": "v", "horizon": 15, "interval": "1m", "features": HONEST}


@pytest.fixture
def audit(tmp_path, monkeypatch):
    """Writes a table, audits it with what earlier runs know; returns the audit and the months built."""
    monkeypatch.chdir(tmp_path)
    built = []
    build = TableMonth.build
    monkeypatch.setattr(TableMonth, "build", lambda month: built.append(month.name) or build(month))

    def run(candles, change=lambda table: table, opens=False, made_from=None, described=AUDITED.described):
        table = change(AUDITED.build(candles if made_from is None else made_from, LEADER))
        store = FeatureStore("data/features")
        fields = "name", "group", "lookback", "meaning"
        infos = [{field: getattr(feature, field) for field in fields} for feature in HONEST]
        store.write("A", table, SCHEMA | {"features": infos})
        built.clear()
        known, opened = KnownMonths("A", described), [Opened(("f", ()))] if opens else []
        history, table = History("A", candles, LEADER), StoredTable(store, "A")
        inputs = AUDITED.months(history), AUDITED.names, table, (), AUDITED.reach, QUALITY, known
        by_month = ByMonth.of(history, *inputs)
        found = audit_stored(by_month.blocks(opened), table, history, [*AUDITED.names, *LABELS])
        by_month.draw({}, table)
        if not opened and not found.leaks:
            by_month.note()
        return found, list(built)

    return run


def test_what_was_compared_is_not_built_again_and_says_the_same(audit):
    """The same audit, value for value counted."""
    first, built = audit(CANDLES)
    assert (first.leaks, built) == ((), ["2025-03", "2025-04"])
    again, built = audit(CANDLES)
    assert (again, built) == (first, [])


def test_a_candle_costs_its_own_month(audit):
    """And the other stays known."""
    audit(CANDLES)
    longer, built = audit(random_candles(6000, seed=1, gap_at=700).iloc[:5900])
    assert (longer.leaks, built) == ((), ["2025-04"])


def test_a_table_that_is_another_is_built_and_named_and_never_noted(audit):
    """However often it is asked; its bytes are other ones."""

    def change(table):
        return table.assign(rsi_14=table["rsi_14"].where(table.index != 99, np.float32(1)))

    audit(CANDLES)
    for _ in range(2):
        found, built = audit(CANDLES, change)
        assert [leak.column for leak in found.leaks] == ["rsi_14"]
        assert built == ["2025-03"]


def test_a_table_that_was_left_as_it_was_is_built_and_named(audit):
    """Its bytes are known, and its candles have been corrected since."""
    audit(CANDLES)
    corrected = CANDLES.assign(close=CANDLES["close"].where(CANDLES.index != 5900, CANDLES["close"] * 1.01))
    found, built = audit(corrected, made_from=CANDLES)
    assert {leak.column for leak in found.leaks} >= {"return_5", "rsi_14", "direction"}
    assert built == ["2025-04"]


def test_what_other_code_or_params_made_is_built_again(audit, monkeypatch):
    """Though table and candles are the same."""
    audit(CANDLES)
    assert audit(CANDLES, described="others")[1] == ["2025-03", "2025-04"]
    monkeypatch.setattr(known_months, "code_key", lambda script: "other")
    assert audit(CANDLES)[1] == ["2025-03", "2025-04"]


def test_the_audits_name_a_table_that_is_another_in_every_run(audit):
    """What was found to differ is not taken for known the next time; what was not is."""
    history = History("A", CANDLES, LEADER)

    def audited(change):
        audit(CANDLES, change, opens=True)  # which writes, and notes nothing
        table, known = StoredTable(FeatureStore("data/features"), "A"), KnownMonths("A", AUDITED.described)
        audits = audit_symbol(AUDITED, history, table, QUALITY, known)
        noted = [known.cache.noted(key) is not None for key in list(known.cache.used)]
        return {leak.column for found in audits if found.name == "stored" for leak in found.leaks}, noted

    def change(table):
        return table.assign(rsi_14=table["rsi_14"].where(table.index != 99, np.float32(1)))

    for _ in range(2):
        assert audited(change) == ({"rsi_14"}, [False, False])
    assert audited(lambda table: table) == (set(), [True, True])


def test_rows_that_are_missing_are_found_in_known_months_too(audit):
    """Open times are compared in every run."""
    audit(CANDLES)
    found, _ = audit(CANDLES, lambda table: table.drop(index=9).reset_index(drop=True))
    assert [leak.column for leak in found.leaks] == ["timestamp"]


def test_what_opens_files_is_never_noted(audit):
    """What it reads may be another thing the next time."""
    audit(CANDLES, opens=True)
    assert audit(CANDLES)[1] == ["2025-03", "2025-04"]


def test_other_features_are_other_months():
    """Features, horizon and interval are in what is described."""
    others = Audited(HONEST[:2], 15, 15), Audited(HONEST, 16, 15), Audited(HONEST, 15, 15, interval="5m")
    assert len({AUDITED.described, *(other.described for other in others)}) == 4
