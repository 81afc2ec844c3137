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
from tapeline.params import Params
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


def audit(features):
    """All audits of one symbol."""
    audited = Audited(features, horizon=15, max_fill=15)
    history = History("ETH-USD", CANDLES, LEADER)
    return audit_symbol(audited, history, audited.build(CANDLES, LEADER), PARAMS)


def test_honest_features_pass_every_audit():
    """Five audits, each of which compared something, and no leak."""
    audits = audit(HONEST)
    judge_leaks(audits)
    assert [found.name for found in audits] == [
        "truncation", "poison", "warm_up", "streaming", "label_reach",
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


@pytest.mark.parametrize("other", OTHER_LABELS)
def test_a_direction_of_other_candles_is_named(monkeypatch, other):
    """Planted in the project's own table; the trend strength beside it is not blamed."""
    audited, history = Audited(HONEST, 15, 15), History("ETH-USD", CANDLES, CANDLES)
    longest = max(feature.lookback for feature in HONEST)
    judge_leaks([audit_label_reach(audited.build_labels, history, LABELS, longest, 15, PARAMS)])
    monkeypatch.setattr("tapeline.features.table.direction", OTHER_LABELS[other])
    found = audit_label_reach(audited.build_labels, history, LABELS, longest, 15, PARAMS)
    assert {leak.column for leak in found.leaks} == {"direction"}


def candle_before(timestamp, leader, max_fill):
    """The rule that knows too much: the close of the candle before, where there is one, filled or not."""
    known = leader.set_index("timestamp")["close"]
    return known.reindex(timestamp - pd.Timedelta(minutes=1)).to_numpy()


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_whether_a_leaders_gap_will_be_filled_is_not_known(monkeypatch, share):
    """A leader's close known by its age passes; the old rule, by filled candles, is named by each audit."""
    features = [feature for feature in FEATURES.values() if feature.group == "leader"]
    leader = with_gaps(LEADER, share)
    own = with_gaps(CANDLES, share / 2, seed=9)
    audited, history = Audited(features, 15, 15), History("ETH-USD", own, leader)
    judge_leaks(audit_symbol(audited, history, audited.build(own, leader), PARAMS))
    monkeypatch.setattr("tapeline.features.table._leader_close", candle_before)
    audits = audit_symbol(audited, history, audited.build(own, leader), PARAMS)
    named = {found.name: {leak.column for leak in found.leaks} for found in audits}
    for name in ("truncation", "poison", "streaming"):
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
    judge_leaks(audit([feature]))
