"""Tables of candles: which of them get a number, which one, and what is said to the others."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.errors import DataError
from tapeline.features.catalog import FEATURES
from tapeline.schema import OHLCV
from tapeline.serving.answers import Prediction
from tapeline.serving.batch import answer_table, filled_before, predict_rows, read_candles
from tests.candles import random_candles

FEATURE = FEATURES["return_1"]  # of two candles, so that a row's number is known by hand
LENGTH, MAX_FILL, SHARE = 3, 4, 1 / 3  # one of three may be filled, and no more


class Last:
    """A bundle that predicts the last return of a window, `factor` times."""

    def __init__(self, artifact="last", factor=1.0):
        contract = {"artifact": artifact, "input": SimpleNamespace(
            interval="1m", max_fill=MAX_FILL, max_filled_share=SHARE)}  # fmt: skip
        self.bundle = SimpleNamespace(contract=SimpleNamespace(**contract), model=SimpleNamespace(horizon=1))
        self.artifact, self.features, self.factor = artifact, [FEATURE.name], factor

    def predict_rows(self, features, rows):
        """What stands in the row itself; a window must fit before it."""
        assert (rows >= LENGTH - 1).all()
        return features[rows, 0] * self.factor

    def as_predictions(self, values):
        """Strengths."""
        return [Prediction(trend_strength=value) for value in values.tolist()]


def stream(*predictors, leader="AAA-USD"):
    """Of these bundles: the first prediction is at the fourth candle, two for a return and three of them."""
    chosen = predictors or (Last(),)
    return SimpleNamespace(
        predictors=chosen, features=[[FEATURE]] * len(chosen), length=LENGTH, lookback=2,
        leader=leader, max_fill=MAX_FILL, symbols=["AAA-USD"],
        now=lambda: pd.Timestamp("2026-01-01", tz="UTC"),
    )  # fmt: skip


def table(n, filled=(), gap_at=None):
    """Candles of which some are filled, with the close before."""
    candles = random_candles(n, seed=4, gap_at=gap_at)
    candles.loc[list(filled), "is_filled"] = True
    for row in filled:
        candles.loc[row, ["open", "high", "low", "close"]] = candles.loc[row - 1, "close"]
    return candles


def returns(candles):
    """Log returns, by hand."""
    return np.log(candles["close"]).diff().to_numpy()


def statuses(candles, **given):
    """What is said of each real candle of the leader."""
    return [answer.status for answer in answer_table(stream(), "AAA-USD", candles, candles, **given)]


def test_filled_candles_are_counted_up_to_the_last_real_one():
    """For real ones and filled ones alike."""
    is_filled = np.array([False, True, True, False, False, True, False])
    assert filled_before(is_filled).tolist() == [0, 0, 1, 2, 0, 0, 1]


@given(is_filled=st.lists(st.booleans(), min_size=1, max_size=30))
def test_filled_candles_before_each_are_those_one_would_count(is_filled):
    """Backwards from it, until a real one or the beginning."""
    found = filled_before(np.array(is_filled))
    for k, n_found in enumerate(found):
        n_before = 0
        while n_before < k and is_filled[k - 1 - n_before]:
            n_before += 1
        assert n_found == n_before


def test_each_candle_gets_the_number_of_its_own_row():
    """From the first that has a window; until then it says how many are missing."""
    candles = table(8)
    answers = list(answer_table(stream(), "AAA-USD", candles, candles))
    assert [answer.missing for answer in answers[:3]] == [3, 2, 1]
    assert [answer.status for answer in answers] == ["warming_up"] * 3 + ["predicted"] * 5
    assert [answer.timestamp for answer in answers] == candles["timestamp"].tolist()
    numbers = [answer.predictions["last"].value for answer in answers[3:]]
    assert numbers == pytest.approx(returns(candles)[3:])


def test_every_bundle_predicts_the_same_candles():
    """Each its own number, under its own name."""
    candles, rows = table(8), np.array([4, 6])
    found = predict_rows(stream(Last("a"), Last("b", factor=2.0)), candles, candles, rows)
    assert [each.value for each in found["a"]] == pytest.approx(returns(candles)[[4, 6]])
    assert [each.value for each in found["b"]] == pytest.approx(2 * returns(candles)[[4, 6]])


def test_where_nothing_is_asked_for_nothing_is_computed():
    """Not even by a bundle that would fail."""
    assert predict_rows(stream(), table(2), table(2), np.array([], dtype=np.int64)) == {}


def test_filled_candles_get_no_answer_and_count_in_those_after_them():
    """One in a window of three is told; two are too many."""
    candles = table(14, filled=(5, 9, 10))
    answers = {a.timestamp: a for a in answer_table(stream(), "AAA-USD", candles, candles)}
    at = [answers.get(time) for time in candles["timestamp"]]
    assert at[5] is at[9] is at[10] is None
    assert (at[6].status, at[6].reason) == ("predicted", "1 candles before it were missing and are filled")
    assert (at[7].status, at[7].reason) == ("predicted", "")
    assert (at[11].status, at[11].reason) == ("gap", "2 of its 3 candles are filled")
    assert [at[12].status, at[13].status] == ["predicted", "predicted"]


def test_a_long_gap_is_told_and_begun_anew():
    """How many were missing, how many are to come; the number needs no candle from before it."""
    candles = table(12, gap_at=6)
    answers = list(answer_table(stream(), "AAA-USD", candles, candles))
    assert [answer.status for answer in answers[5:]] == [
        "predicted", "gap", "warming_up", "warming_up", "predicted", "predicted", "predicted"
    ]  # fmt: skip
    assert (answers[6].reason, answers[6].missing) == ("100 candles are missing: begun anew", 3)
    assert answers[9].predictions["last"].value == pytest.approx(returns(candles)[9])


@pytest.mark.parametrize("last", [1, 3, 5, 50])
def test_the_newest_are_the_end_of_all(last):
    """Real ones alone are counted; more than there are is all of them."""
    candles = table(9, filled=(7,))
    whole = list(answer_table(stream(), "AAA-USD", candles, candles))
    assert list(answer_table(stream(), "AAA-USD", candles, candles, last=last)) == whole[-last:]


def test_an_unknown_leader_is_told_of_followers_alone():
    """Silent for longer than a gap is filled: here from the fifth candle on, for at most four."""
    own = table(12)
    leader = own.iloc[:3].reset_index(drop=True)
    told = [bool(a.reason) for a in answer_table(stream(), "BBB-USD", own, leader) if a.predictions]
    # The close of row 2 is what is known before row 3, and four candles longer.
    assert told == [row > 3 + MAX_FILL for row in range(3, 12)]
    for of in (stream(leader=None), stream(leader="BBB-USD")):
        assert not any(a.reason for a in answer_table(of, "BBB-USD", own, leader) if a.predictions)


def test_a_number_out_of_range_is_refused():
    """The candle alone, not the table."""
    candles = table(6)
    answers = list(answer_table(stream(Last(factor=np.nan)), "AAA-USD", candles, candles))
    assert [answer.status for answer in answers] == ["warming_up"] * 3 + ["refused"] * 3


def test_files_are_read_and_filled_as_the_bundles_take_them(tmp_path):
    """A short gap is filled, a longer one begins a segment; nothing is open any more."""
    candles = table(20).drop(index=[4, 5, *range(10, 10 + MAX_FILL + 1)])
    (tmp_path / "AAA-USD").mkdir()
    candles[["timestamp", *OHLCV]].to_csv(tmp_path / "AAA-USD/1m.csv", index=False)
    tables, is_open = read_candles(stream(), tmp_path, {"AAA-USD"})
    assert tables["AAA-USD"]["is_filled"].tolist() == [k in (4, 5) for k in range(15)]
    assert tables["AAA-USD"]["segment"].tolist() == [0] * 10 + [1] * 5
    assert is_open == set()


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("interval", "5m", "data.interval was 5m, and last takes 1m"),
        ("max_fill", 15, "data.max_fill was 15, and last takes 4"),
    ],
)
def test_candles_of_a_run_with_other_params_are_refused(tmp_path, key, value, told):
    """They were filled otherwise than the bundles take them, or are of another length."""
    origin = {"name": "X", "source": "files", "interval": "1m", "max_fill": MAX_FILL, "symbols": {}}
    table(5).to_parquet(tmp_path / "AAA-USD.parquet")
    for change, is_refused in (({}, False), ({key: value}, True)):
        (tmp_path / "origin.json").write_text(json.dumps(origin | {"description": ""} | change))
        if not is_refused:
            assert len(read_candles(stream(), tmp_path, {"AAA-USD"})[0]["AAA-USD"]) == 5
            continue
        with pytest.raises(DataError, match=f"{told}; predict from the files"):
            read_candles(stream(), tmp_path, {"AAA-USD"})
