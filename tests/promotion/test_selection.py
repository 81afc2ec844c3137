"""What a candidate was chosen on: searches before the first reported test, or later ones."""

import json

import pandas as pd
import pytest

from tapeline.errors import ArtifactError
from tapeline.promotion.selection import Selection, TunedTrial, TuningRecord, judge_selection, read_records

FIRST, OWN = pd.Timestamp("2024-04-12", tz="UTC"), pd.Timestamp("2024-04-24", tz="UTC")
MINUTE = pd.Timedelta(minutes=1)


def record(last, study="aa", network="lstm", market="BINANCE", trials=3):
    """A search that has seen candles up to `last`."""
    return TuningRecord(
        network=network, study=study, market=market, scored=("2024-04-01", "2024-04-10"),
        last_candle=pd.Timestamp(last).isoformat(), first_test=FIRST.isoformat(),
        trials=tuple(TunedTrial(number=k, params={"model.hidden": k}, score=0.69) for k in range(trials)),
    )  # fmt: skip


def judge(*records, market="BINANCE", own=OWN):
    """The selection of a candidate by `records`."""
    return judge_selection(list(records), market, FIRST, own)


@pytest.mark.parametrize(
    ("last", "own", "judged_on"),
    [
        (FIRST - 3 * MINUTE, OWN, "walk_forward"),
        (FIRST - MINUTE, OWN, "walk_forward"),
        (FIRST, OWN, "candidate"),
        (FIRST + 7 * 1440 * MINUTE, OWN, "candidate"),
        (OWN - MINUTE, OWN, "candidate"),
        (OWN, OWN, "nothing"),
        (OWN + MINUTE, OWN, "nothing"),
        (FIRST - MINUTE, None, "walk_forward"),
        (FIRST, None, "nothing"),  # a refitted model has no test of its own
    ],
)
def test_what_judges_a_candidate_hangs_on_the_last_candle_that_a_search_saw(last, own, judged_on):
    """A candle open at the moment a test begins is of the test."""
    found = judge(record(last), own=own)
    assert found.judged_on == judged_on
    assert (found.early, found.late) == ((3, 0) if judged_on == "walk_forward" else (0, 3))
    assert found.records == ("tuning/lstm-aa.json",)


def test_a_statement_says_what_was_seen_and_what_is_left():
    """For the tag, the terminal and the page."""
    early = judge(record(FIRST - MINUTE)).statement
    assert early == (
        "chosen on inner folds that end before the first test, 2024-04-12 00:00: 3 trials of "
        "tuning/lstm-aa.json have seen candles up to 2024-04-11 23:59"
    )
    late = judge(record(FIRST + MINUTE)).statement
    assert late == (
        "chosen later than the first test, 2024-04-12 00:00: 3 trials of tuning/lstm-aa.json have seen "
        "candles up to 2024-04-12 00:01; judged on the candidate's own test alone, from 2024-04-24 00:00"
    )
    assert judge(record(OWN)).statement.endswith(
        "inside its own test, 2024-04-24 00:00: nothing is left to judge it, run on later candles"
    )
    assert judge().statement == "no search is on record"


def test_every_search_of_the_network_counts_and_the_latest_decides():
    """An early one beside a late one is listed, and takes nothing back."""
    found = judge(record(FIRST - MINUTE, "aa", trials=5), record(FIRST + MINUTE, "bb", trials=2))
    assert (found.judged_on, found.early, found.late) == ("candidate", 5, 2)
    assert "2 trials of tuning/lstm-bb.json" in found.statement
    assert found.records == ("tuning/lstm-aa.json", "tuning/lstm-bb.json")
    assert Selection.read(json.dumps(found.plain()), "x") == found


def test_real_markets_share_their_days_and_simulated_ones_share_none():
    """Coins move together on all venues; another seed is another market."""
    late = FIRST + MINUTE
    assert judge(record(late, market="BITFINEX")).judged_on == "candidate"
    simulated = "simulated, seed 1, signal 0.3"
    assert judge(record(late, market=simulated)).records == ()
    assert judge(record(late), market=simulated).records == ()
    assert judge(record(late, market=simulated), market=simulated).judged_on == "candidate"
    assert judge(record(late, market=simulated), market="simulated, seed 2, signal 0.3").records == ()


def test_records_are_read_by_network_and_a_broken_one_is_named(tmp_path):
    """In the order of their names."""
    assert read_records(tmp_path, "lstm") == []
    (tmp_path / "tuning").mkdir()
    made = [record(FIRST, "b"), record(FIRST, "a"), record(FIRST, "c", network="transformer")]
    for each in made:
        (tmp_path / "tuning" / each.name).write_text(json.dumps(each.plain()))
    assert [each.study for each in read_records(tmp_path, "lstm")] == ["a", "b"]
    assert [each.study for each in read_records(tmp_path, "transformer")] == ["c"]
    (tmp_path / "tuning/lstm-d.json").write_text("{}")
    with pytest.raises(ArtifactError, match="lstm-d.json: can't be read: network is missing"):
        read_records(tmp_path, "lstm")
