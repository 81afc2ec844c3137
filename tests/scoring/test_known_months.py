"""Months that were found to be what their candles give: not built again, and never taken for others."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tapeline.cache import Cache
from tapeline.closure import ROOT
from tapeline.extra import EVERY, Extra, ExtraParams
from tapeline.features.catalog import FEATURES
from tapeline.features.declare import Feature
from tapeline.features.table import TableMonth
from tapeline.params import Params
from tapeline.quality import buffers, future, label_reach, ledger
from tapeline.quality.files_opened import Opened
from tapeline.quality.ledger import History
from tapeline.quality.month_windows import window_of
from tapeline.quality.params import QualityParams
from tapeline.quality.report import Audit, Leak, RandomWalk, judge_leaks
from tapeline.quality.stored import audit_stored
from tapeline.schema import LABELS, PRICES
from tapeline.scoring import audits, known_months
from tapeline.scoring.audits import Audited, audit_symbol
from tapeline.scoring.by_month import ByMonth
from tapeline.scoring.known_months import KnownMonths, inputs_of
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

    def run(
        candles,
        change=lambda table: table,
        opens=False,
        made_from=None,
        described=AUDITED.described,
        leader=LEADER,
        quality=QUALITY,
    ):
        table = change(AUDITED.build(candles if made_from is None else made_from, LEADER))
        store = FeatureStore("data/features")
        fields = "name", "group", "lookback", "meaning"
        infos = [{field: getattr(feature, field) for field in fields} for feature in HONEST]
        store.write("A", table, SCHEMA | {"features": infos})
        built.clear()
        known, opened = KnownMonths("A", described), [Opened(("f", ()))] if opens else []
        history, table = History("A", candles, leader), StoredTable(store, "A")
        inputs = AUDITED.months(history), AUDITED.names, table, (), AUDITED.reach, quality, known
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


def test_a_month_is_built_again_where_candles_of_the_next_that_its_labels_see_have_changed(audit):
    """Both tables are as they were; the third candle of April decides labels of March."""
    audit(CANDLES)
    april = int(np.searchsorted(CANDLES["timestamp"], pd.Timestamp("2025-04-01", tz="UTC")))
    close = CANDLES["close"].where(CANDLES.index != april + 2, CANDLES["close"] * 2)
    found, built = audit(CANDLES.assign(close=close), made_from=CANDLES)
    assert built == ["2025-03", "2025-04"]
    first = {leak.column: leak.timestamp for leak in found.leaks}
    assert first["trend_strength"] < "2025-04-01" <= first["return_5"]


@pytest.mark.parametrize("changed", [{"seed": QUALITY.seed + 1}, {"leak_cuts": 6}])
def test_what_was_found_on_other_draws_is_not_known_of_these(audit, changed):
    """Another seed draws other candles, and so do more of them."""
    audit(CANDLES)
    assert audit(CANDLES, quality=QUALITY.model_copy(update=changed))[1] == ["2025-03", "2025-04"]


@pytest.mark.parametrize(("share", "built"), [(0.9, []), (1.1, ["2025-03", "2025-04"])])
def test_what_was_forgiven_has_to_be_small_beside_how_the_column_varies_now(audit, share, built):
    """A millionth of its deviation over the whole table."""
    audit(CANDLES)
    cache, deviation = Cache(known_months.KIND), AUDITED.build(CANDLES, LEADER)["rsi_14"].std()
    for record in list(cache.folder.rglob("*.json")):
        cache.note(record.stem, {"cells": {}, "forgiven": {"rsi_14": float(share * 1e-6 * deviation)}})
    assert audit(CANDLES)[1] == built


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


def test_a_feature_that_opens_a_file_is_named_in_every_run(tmp_path, monkeypatch):
    """Months that were built with it are not taken for known, or nothing would open it the next time."""
    monkeypatch.chdir(tmp_path)
    opening = Feature("opening", "trend", 3, "a planted leak", None, None, opens_a_file(tmp_path))
    audited = replace(AUDITED, features=[*HONEST, opening])
    store, history = FeatureStore("data/features"), History("A", CANDLES, LEADER)
    fields = "name", "group", "lookback", "meaning"
    infos = [{field: getattr(feature, field) for field in fields} for feature in audited.features]
    store.write("A", audited.build(CANDLES, LEADER), SCHEMA | {"features": infos})
    for _ in range(2):
        known = KnownMonths("A", audited.described)
        found = audit_symbol(audited, history, StoredTable(store, "A"), QUALITY, known)
        (files,) = [audit for audit in found if audit.name == "files"]
        assert [leak.column.split(",")[0] for leak in files.leaks] == ["opening"]
        assert all(known.cache.noted(key) is None for key in list(known.cache.used))


@pytest.mark.parametrize("horizon", [1, 15, 1500])
def test_a_months_window_holds_all_that_its_values_and_labels_look_at(horizon):
    """Back over the longest feature and a fill, ahead over the horizon, with those that an audit draws by."""
    audited = replace(AUDITED, horizon=horizon)
    longest = max(feature.lookback for feature in HONEST)
    assert audited.reach >= max(longest + audited.max_fill, horizon) + 60


def test_other_features_are_other_months():
    """Features, horizon and interval are in what is described."""
    others = Audited(HONEST[:2], 15, 15), Audited(HONEST, 16, 15), Audited(HONEST, 15, 15, interval="5m")
    assert len({AUDITED.described, *(other.described for other in others)}) == 4


def moved_at(table, row):
    """The same candles, one of them quoted higher."""
    scaled = {name: table[name].where(table.index != row, table[name] * 1.01) for name in PRICES}
    return table.assign(**scaled)


@pytest.mark.parametrize("seed", range(6))
def test_a_month_that_was_kept_though_its_candles_changed_is_found(audit, monkeypatch, seed):
    """A features stage whose hash of inputs forgets something takes the month as it was: audits do not."""
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(TableMonth, "input_version", property(lambda month: "the same for all candles"))
    audit(CANDLES)
    row = int(rng.integers(100, 5990))
    own, leader = (moved_at(CANDLES, row), LEADER) if seed % 2 else (CANDLES, moved_at(LEADER, row))
    is_same = AUDITED.build(own, leader).equals(AUDITED.build(CANDLES, LEADER))
    found, built = audit(own, leader=leader, made_from=CANDLES)
    month = f"{own['timestamp'].iloc[row]:%Y-%m}"
    assert bool(found.leaks) != is_same
    assert month in built


def test_poison_is_looked_for_whatever_a_months_version_says(monkeypatch):
    """Which months it moves is told by their candles."""
    monkeypatch.setattr(TableMonth, "input_version", property(lambda month: "the same for all candles"))
    history = History("A", CANDLES, LEADER)
    poisoned = history.poisoned_after(5900, np.random.default_rng(0))
    assert [len(list(each)) for each in AUDITED.build_moved(history, poisoned)] == [1, 1]


@pytest.mark.parametrize("changed", ["value", "known_at", "gone", "before", "long before"])
def test_rows_of_other_inputs_within_reach_are_part_of_a_months_inputs(changed):
    """A value, when it is known, whether it is there; not what nothing within reach can know any more."""
    day = 24 * 60 * 60_000_000
    window = window_of(History("A", CANDLES, LEADER), 3000, 3500, 50)
    known = window.times[0] + day * np.arange(-5, 2)
    rows = pd.DataFrame({"known_at": known, "symbol": "", "rate": np.arange(7.0)})
    told = {"file": "f.parquet", "known_at": "t", "delay_s": 0.0, "symbol": None, "max_age": 10_000}
    params = ExtraParams.model_validate(told | {"columns": {"rate": "value"}})
    row = {"before": 4, "long before": 0}.get(changed, 5)
    other = rows.copy()
    if changed == "gone":
        other = rows.drop(index=row).reset_index(drop=True)
    elif changed == "known_at":
        other.loc[row, "known_at"] -= 1
    else:
        other.loc[row, "rate"] = -1.0
    hashes = [inputs_of(window, [Extra("x", params, each)]) for each in (rows, other)]
    assert (hashes[0] == hashes[1]) == (changed == "long before")


@pytest.fixture
def audits_of(tmp_path, monkeypatch):
    """Audits of a symbol whose table is written, with what is kept in a folder; and how often they drew."""
    monkeypatch.chdir(tmp_path)
    fields = "name", "group", "lookback", "meaning"
    infos = [{field: getattr(feature, field) for field in fields} for feature in HONEST]
    cut = []
    position = ledger.cut_positions
    for module in (future, buffers, label_reach):
        monkeypatch.setattr(module, "cut_positions", lambda *given: cut.append(given[3]) or position(*given))

    def run(candles, cache, leader=LEADER):
        store = FeatureStore("data/features")
        store.write("A", AUDITED.build(candles, leader), SCHEMA | {"features": infos})
        known, history = KnownMonths("A", AUDITED.described, cache=cache), History("A", candles, leader)
        cut.clear()
        quality = SHIPPED.model_copy(update={"leak_cuts": 6})
        return audit_symbol(AUDITED, history, StoredTable(store, "A"), quality, known), len(cut)

    return run


@pytest.mark.slow
def test_a_warm_cache_gives_what_a_cold_one_does(audits_of, tmp_path):
    """Day by day, over the end of a month, and where a candle is corrected: the same audits, to the count."""
    warm = Cache("audits", tmp_path / "warm")
    days = [CANDLES.iloc[:end] for end in (3000, 4400, 6000)]
    for k, candles in enumerate([*days, moved_at(CANDLES, 200)]):
        leader = LEADER.iloc[: len(candles)]
        cold, asked = audits_of(candles, Cache("audits", tmp_path / f"cold{k}"), leader)
        found, of_warm = audits_of(candles, warm, leader)
        assert found == cold
        assert of_warm <= asked
        judge_leaks(found)
        again, of_again = audits_of(candles, warm, leader)
        assert (again, of_again) == (cold, 1)  # poison looks at all of the history


def test_no_fewer_candles_are_drawn_than_are_asked_for(audits_of, tmp_path):
    """Of each audit, whatever the months are."""
    audits, _ = audits_of(CANDLES, Cache("audits", tmp_path / "kept"))
    cells = {audit.name: audit.cells for audit in audits}
    assert cells["truncation"] == cells["warm_up"] == cells["streaming"] == 6 * len(HONEST)


def test_what_was_small_beside_a_column_that_varies_less_now_is_asked_again(audits_of, tmp_path):
    """A difference that only the column's deviation forgave counts against the deviation of this run."""
    cache = Cache("audits", tmp_path / "kept")
    audits, asked = audits_of(CANDLES, cache)
    for key in set(cache.used):
        facts = cache.noted(key)
        cache.note(key, facts | {"forgiven": {"return_5": 1e-3}})
    assert audits_of(CANDLES, cache) == (audits, asked)
    for key in set(cache.used):
        cache.note(key, cache.noted(key) | {"forgiven": {"return_5": 1e-13}})
    assert audits_of(CANDLES, cache) == (audits, 1)


def test_a_table_without_month_files_is_never_known(tmp_path):
    """There are no bytes to know it by."""
    known = KnownMonths("A", "described", tmp_path)
    key = known.key("2025-03", b"inputs", QUALITY)
    known.note(key, {})
    assert (key, known.facts(key)) == (None, None)


def test_the_random_walk_is_asked_once_of_the_same_code_and_params(tmp_path, monkeypatch):
    """It depends on nothing else; what leaks, or opens a file, is asked each time."""
    cache, asked = Cache("audits", tmp_path / "kept"), []

    def walk(build, columns, *rest):
        asked.append(rest)
        build(CANDLES.iloc[:690], LEADER.iloc[:690])
        leaks = (Leak("random walk", "leaking", "", 0.5, 0.9),) if "leaking" in columns else ()
        return Audit("random walk", "random_walk", 7, leaks), RandomWalk(7, 0.5, 0.4, 0.6)

    AUDITED.build(CANDLES, LEADER)  # compiles what else a lock of the tests' own would be opened for
    monkeypatch.setattr(audits, "audit_random_walk", walk)
    first = audits.check_random_walk(AUDITED, "1m", 1, cache)
    assert audits.check_random_walk(AUDITED, "1m", 1, cache) == first
    assert len(asked) == 1
    for other in ((AUDITED, "1m", 2), (AUDITED, "5m", 1), (replace(AUDITED, horizon=16), "1m", 1)):
        audits.check_random_walk(*other, cache)
    assert len(asked) == 4
    for name, compute in (("leaking", lambda candles: candles.close), ("opening", opens_a_file(tmp_path))):
        planted = Feature(name, "trend", 3, "a planted leak", None, None, compute)
        for _ in range(2):
            audits.check_random_walk(replace(AUDITED, features=[*HONEST, planted]), "1m", 1, cache)
    assert len(asked) == 8


def opens_a_file(folder):
    """A feature that is made of more than candles."""
    np.save(folder / "known.npy", np.ones(1))
    return lambda candles: candles.close * 0 + np.load(folder / "known.npy")[0]


@pytest.mark.parametrize(
    ("row", "differs"), [(2, False), (3, True), (4, True), (7, True), (8, True), (9, False)]
)
def test_rows_of_other_inputs_that_the_month_can_know_are_in_its_hash(row, differs):
    """The last known at its first candle with the one before, up to those known at its last one's close."""
    params = ExtraParams(
        file="f.parquet", known_at="known_at", delay_s=0, symbol=None, columns={"rate": "value"}, max_age=90
    )
    window = window_of(History("A", CANDLES, LEADER), 300, 500, 20)
    hour = 3_600_000_000
    known = window.times[0] - 4 * hour + hour * np.arange(10)  # 4: known at the first
    known[8], known[9] = window.times[-1] + window.step, window.times[-1] + 2 * window.step
    rows = pd.DataFrame({"known_at": known, "symbol": EVERY, "rate": np.arange(10.0)})
    changed = rows.assign(rate=rows["rate"].where(rows.index != row, -1.0))
    one, other = (inputs_of(window, [Extra("rates", params, table)]) for table in (rows, changed))
    assert (one != other) == differs
    assert inputs_of(window, ()) != one
