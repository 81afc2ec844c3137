"""The audits as the stages run them, on the project's own features, find a leak planted among these."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from tapeline.closure import ROOT
from tapeline.errors import QualityError
from tapeline.features.catalog import FEATURES
from tapeline.features.declare import Feature, log_return
from tapeline.features.labels import direction
from tapeline.features.table import TableMonth
from tapeline.params import Params
from tapeline.quality.future import audit_poison
from tapeline.quality.label_reach import audit_label_reach
from tapeline.quality.ledger import History
from tapeline.quality.params import QualityParams
from tapeline.quality.report import judge_leaks
from tapeline.schema import LABELS
from tapeline.scoring.audits import Audited, audit_symbol, check_random_walk
from tests.candles import random_candles, with_gaps

HONEST = [FEATURES[name] for name in ("return_5", "ema_distance_12", "closed_return_5m", "leader_return_1")]
CANDLES, LEADER = random_candles(1500, seed=1, gap_at=700), random_candles(1500, seed=2)
SHIPPED = Params.read(ROOT / "params.yaml").section("quality", QualityParams)
PARAMS = SHIPPED.model_copy(update={"leak_cuts": 16})
FEW = SHIPPED.model_copy(update={"leak_cuts": 2})  # where an audit is asked that makes no cuts


def planted(compute, lookback=10):
    """A feature that nobody should declare."""
    return Feature("planted", "trend", lookback, "a planted leak", None, None, compute)


def shifted(values, by):
    """Values of `by` candles later, 0 at the end."""
    return np.append(values[by:], np.zeros(by))


LEAKS = {
    "next close": lambda candles: shifted(candles.close, 1),
    "centred mean": lambda candles: np.convolve(candles.close, np.ones(5) / 5, mode="same"),
    "z-score of all": lambda candles: (candles.close - candles.close.mean()) / candles.close.std(),
    "leader's same minute": lambda candles: shifted(candles.leader_close, 1),
    "unfinished quarter": lambda candles: candles.close[
        np.minimum(np.arange(len(candles.close)) // 15 * 15 + 14, len(candles.close) - 1)
    ],
}


def audit(features, params=PARAMS):
    """All audits of one symbol."""
    audited = Audited(features, horizon=15, max_fill=15)
    history = History("ETH-USD", CANDLES, LEADER)
    return audit_symbol(audited, history, audited.build(CANDLES, LEADER), params)


@pytest.mark.parametrize(
    ("cut", "months"),
    [("2025-03-30T12:00", ["2025-03", "2025-04"]), ("2025-03-31T23:50", ["2025-03", "2025-04"]),
     ("2025-04-01T12:00", ["2025-04"])],
)  # fmt: skip
def test_poison_is_looked_for_in_every_month_that_it_moves(cut, months):
    """That of the cut, those after it, and the one before where labels reach over its end."""
    candles, leader = random_candles(6000, seed=1), random_candles(6000, seed=2)
    audited, history = Audited(HONEST, 15, 15), History("ETH-USD", candles, leader)
    row = int(np.searchsorted(candles["timestamp"], pd.Timestamp(cut, tz="UTC")))
    poisoned = history.poisoned_after(row, np.random.default_rng(0))
    for blocks in audited.build_moved(history, poisoned):
        assert [f"{block['timestamp'].iloc[0]:%Y-%m}" for block in blocks] == months


def test_honest_features_pass_every_audit():
    """Seven audits, each of which compared something, and no leak."""
    audits = audit(HONEST)
    judge_leaks(audits)
    assert [found.name for found in audits] == [
        "files", "stored", "truncation", "poison", "warm_up", "streaming", "label_reach",
    ]  # fmt: skip


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_look_ahead_is_named(leak):
    """Truncation and poison name the column, and the run ends."""
    audits = audit([*HONEST, planted(LEAKS[leak])])
    named = {found.name: {leak.column for leak in found.leaks} for found in audits}
    assert named["truncation"] == named["poison"] == {"planted"}
    with pytest.raises(QualityError, match="ETH-USD: planted at 2025-03-.* knows candles after its own"):
        judge_leaks(audits)


def test_a_declared_lookback_that_is_too_short_is_named():
    """A return over 30 candles that says it needs 10."""
    audits = audit([*HONEST, planted(lambda candles: log_return(candles.close, 30).clip(-1, 1), lookback=10)])
    named = {found.name: {leak.column for leak in found.leaks} for found in audits}
    assert named["warm_up"] == {"planted"}
    assert not named["truncation"] | named["poison"]


def known_as_late(close, horizon, label):
    """`label`, where that of the true horizon is there."""
    return np.where(np.isnan(direction(close, horizon)), np.nan, label)


OTHER_LABELS = {
    "nearer by 1": lambda close, h: known_as_late(close, h, direction(close, h - 1)),
    "nearer by 4": lambda close, h: known_as_late(close, h, direction(close, h - 4)),
    "further by 1": lambda close, h: direction(close, h + 1),
    "from a mean of 5": lambda close, h: known_as_late(
        close, h, np.roll(close, -h) > pd.Series(close).rolling(5).mean()
    ),
}


def audit_labels():
    """The audit of both labels' reach."""
    audited, history = Audited(HONEST, 15, 15), History("ETH-USD", CANDLES, CANDLES)
    longest = max(feature.lookback for feature in HONEST)
    return audit_label_reach(audited.build_labels, history, LABELS, longest, 15, PARAMS)


def test_labels_of_their_own_candles_pass():
    """Where nothing is planted."""
    judge_leaks([audit_labels()])


@pytest.mark.parametrize("other", OTHER_LABELS)
def test_a_direction_of_other_candles_is_named(monkeypatch, other):
    """Planted in the project's own table; the trend strength beside it is not blamed."""
    monkeypatch.setattr("tapeline.features.table.direction", OTHER_LABELS[other])
    found = audit_labels()
    assert {leak.column for leak in found.leaks} == {"direction"}


def candle_before(timestamp, leader, max_fill):
    """The rule that knows too much: the close of the candle before, where there is one, filled or not."""
    known = leader.set_index("timestamp")["close"]
    return known.reindex(timestamp - pd.Timedelta(minutes=1)).to_numpy()


@pytest.mark.parametrize("share", [pytest.param(0.05, marks=pytest.mark.slow), 0.5])
def test_whether_a_leaders_gap_will_be_filled_is_not_known(monkeypatch, share):
    """A leader's close known by its age passes; the old rule, by filled candles, is named by each audit.

    Not by that of streaming: serving goes by age, and where the gap was filled that gives the same number.
    """
    features = [feature for feature in FEATURES.values() if feature.group == "leader"]
    leader = with_gaps(LEADER, share)
    own = with_gaps(CANDLES, share / 2, seed=9)
    audited, history = Audited(features, 15, 15), History("ETH-USD", own, leader)
    judge_leaks(audit_symbol(audited, history, audited.build(own, leader), PARAMS))
    monkeypatch.setattr("tapeline.features.table._leader_close", candle_before)
    audits = audit_symbol(audited, history, audited.build(own, leader), PARAMS)
    named = {found.name: {leak.column for leak in found.leaks} for found in audits}
    for name in ("truncation", "poison", "warm_up"):
        assert "leader_return_15" in named[name], name


def test_the_random_walk_check_names_a_column_that_knows_the_next_minute():
    """On a random walk an honest set stays at one half; with one leaked minute it does not."""
    honest, walked = check_random_walk(Audited(HONEST, 15, 15), "1m", seed=11)
    judge_leaks([honest])
    assert walked.accuracy_low <= 0.5 <= walked.accuracy_high
    leaking = planted(lambda candles: shifted(candles.returns, 1))
    with pytest.raises(QualityError, match="random walk: planted at .* knows the future of a random walk"):
        judge_leaks([check_random_walk(Audited([*HONEST, leaking], 15, 15), "1m", seed=11)[0]])


def test_a_feature_that_is_its_own_closure_can_be_audited():
    """What a decorator over values declares is audited like any other function."""
    feature = planted(partial(lambda window, candles: log_return(candles.close, window), 3))
    judge_leaks(audit([feature], FEW))


@pytest.mark.parametrize("leak", [None, "next close", "leader's same minute"])
def test_poison_builds_months_within_reach_of_it_and_names_what_knows_them(leak, monkeypatch):
    """Of a history over the end of March: rows of months that no garbage goes into are not built."""
    own, leader = random_candles(6000, seed=1), random_candles(6000, seed=2)
    features = [*HONEST, planted(LEAKS[leak])] if leak else HONEST
    audited, history, built = Audited(features, 15, 15), History("ETH-USD", own, leader), []
    build = TableMonth.build
    monkeypatch.setattr(TableMonth, "build", lambda month: built.append(month.name) or build(month))
    params = PARAMS.model_copy(update={"leak_cuts": 128})
    found = audit_poison(audited.build_moved, history, audited.names, LABELS, 61, 15, params)
    assert {each.column for each in found.leaks} == ({"planted"} if leak else set())
    assert 0 < found.cells < 8 * 6000 * (len(features) + 2)
    later = history.poisoned_after(5000, np.random.default_rng(0))
    built.clear()
    blocks = [pd.concat(list(each)) for each in audited.build_moved(history, later)]
    assert built == ["2025-04", "2025-04"]
    assert len(blocks[0]) == len(blocks[1]) == int((own["timestamp"] >= "2025-04-01T00:00Z").sum())


STORED = {
    "a feature a candle ahead": ("return_5", lambda column: column.shift(-1, fill_value=0.0)),
    "one value in its last bit": (
        "ema_distance_12",
        lambda column: column.where(column.index != 77, np.nextafter(column, np.float32(np.inf))),
    ),
    "a label a candle late": ("direction", lambda column: column.shift(1)),
    "a gap that is not told": ("segment", lambda column: column * 0),
    "a candle that was not filled": ("is_filled", lambda column: column | (column.index == 5)),
}


@pytest.mark.parametrize("fault", STORED)
def test_a_table_that_is_not_what_its_candles_give_is_named(fault):
    """Wherever it is: every row is compared, to the bit."""
    audited, history = Audited(HONEST, horizon=15, max_fill=15), History("ETH-USD", CANDLES, LEADER)
    table = audited.build(CANDLES, LEADER)
    column, change = STORED[fault]
    audits = {
        found.name: found
        for found in audit_symbol(audited, history, table.assign(**{column: change(table[column])}), FEW)
    }
    assert {leak.column for leak in audits["stored"].leaks} == {column}


def test_a_table_that_lacks_a_candle_is_named():
    """By its times, and the run ends."""
    audited, history = Audited(HONEST, horizon=15, max_fill=15), History("ETH-USD", CANDLES, LEADER)
    table = audited.build(CANDLES, LEADER).drop(index=9).reset_index(drop=True)
    short = audit_symbol(audited, history, table, FEW)[1]
    assert [leak.column for leak in short.leaks] == ["timestamp"]
    with pytest.raises(QualityError, match="is not what the candles give"):
        judge_leaks([short])


def joins_numbers(path):
    """A feature that takes its values from a file."""

    def numbers(candles):
        return candles.close * 0 + np.load(path)[0]

    return numbers


def joins_parquet(path):
    """A feature that takes its values from a table, which Arrow opens beneath Python."""

    def rows(candles):
        return candles.close * 0 + pd.read_parquet(path)["x"].iloc[0]

    return rows


@pytest.mark.parametrize("kind", ["npy", "parquet"])
def test_a_feature_that_opens_a_file_is_named_with_it(tmp_path, kind):
    """However often it did before: none but candles may make a feature."""
    path = tmp_path / f"known.{kind}"
    if kind == "npy":
        np.save(path, np.ones(1))
    else:
        pd.DataFrame({"x": [1.0]}).to_parquet(path)
    compute = (joins_numbers if kind == "npy" else joins_parquet)(path)
    found = audit([*HONEST, planted(compute)], FEW)[0]
    assert found.name == "files"
    assert [leak.column for leak in found.leaks] == [f"planted, by {path},"]
    with pytest.raises(QualityError, match=f"planted, by {path}, at .* a file is opened"):
        judge_leaks([found])
