"""The candles that params name: how many, whether enough, and what to write where they are not there."""

from pathlib import Path

import pandas as pd
import pytest

from tapeline.checks.candles import (
    SymbolCandles,
    bars_between,
    history_problems,
    is_absent,
    propose_paths,
    propose_symbols,
    read_candles,
    simulated_candles,
    span_of,
    split_days,
    symbols_in,
    warm_up_of,
)
from tapeline.errors import SplitError
from tapeline.features.catalog import GROUPS
from tapeline.features.params import FeatureParams, LabelParams
from tapeline.market.data_params import DataParams
from tapeline.market.simulation import SimulationParams
from tapeline.splits.lengths import Span
from tapeline.splits.params import SplitParams

START = pd.Timestamp("2024-01-01", tz="UTC")
HEADER = "timestamp,open,high,low,close,volume\n"
HOW_TO_FETCH = "no candles lie in {}: put files there, or fetch some by `make download`"
# Two days, one, and two tests of one: five days of minutes, 7200 candles.
SPLITS = SplitParams(mode="rolling", folds=2, train=2.0, validation=1.0, test=1.0, embargo=0)
DAY = 1440


def data_of(path="data/raw/EX", symbols=("BTC-USD",), **changes):
    """Section `data` of candle files."""
    values = {
        "source": "files", "path": str(path), "layout": "auto", "columns": {}, "timezone": None,
        "symbols": symbols, "interval": "1m", "max_fill": 15, "max_filled_share": 0.2,
        "max_rejected_share": 0.01, "workers": 1, "extra": {}, "extra_path": "", "memory_gb": None,
    }  # fmt: skip
    return DataParams(**values | changes)


def features_of(*groups, exclude=()):
    """Section `features` with only these groups on."""
    return FeatureParams(groups={group: group in groups for group in GROUPS}, exclude=exclude)


def sections_of(features, splits=SPLITS):
    """Sections that the checks of history read; labels look 15 candles ahead."""
    return {"features": features, "labels": LabelParams(horizon=15), "splits": splits}


def candles(n, begin=START, minutes=1):
    """`n` candles without a gap."""
    return SymbolCandles(begin, begin + (n - 1) * pd.Timedelta(minutes=minutes), n, 1.0)


def put(path, text=""):
    """A file, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def rows(*closes):
    """A file's text: a candle a minute from 2024-01-01 with these closes."""
    lines = [f"2024-01-01T00:{k:02d}:00Z,{c},{c},{c},{c},1" for k, c in enumerate(closes)]
    return HEADER + "\n".join(lines) + "\n"


def test_bars_are_counted_with_both_ends():
    """One candle is one bar; a day of quarters of an hour is 96."""
    assert bars_between(START, START, 1) == 1
    assert bars_between(START, START + pd.Timedelta(minutes=59), 1) == 60
    assert bars_between(START, START + pd.Timedelta(hours=23, minutes=45), 15) == 96


def test_the_span_is_from_the_first_candle_of_any_symbol_to_the_last_of_any():
    """Symbols that begin and end apart: 10 minutes and 10 that begin 5 later are 15; the warm-up is lost."""
    by_symbol = {"A": candles(10, START + pd.Timedelta(minutes=5)), "B": candles(10)}
    assert span_of(by_symbol, 1, 4) == Span(rows=11, lost=4, bars_per_day=1440)
    assert span_of({"A": candles(8, minutes=60)}, 60, 0) == Span(rows=8, lost=0, bars_per_day=24)


def test_a_line_says_how_many_candles_from_when_to_when():
    """In minutes, UTC."""
    assert candles(61).summary("BTC-USD") == "BTC-USD: 61 candles from 2024-01-01 00:00 to 2024-01-01 01:00"


def test_a_simulated_market_has_every_minute_of_its_days_and_no_price():
    """Two days end at 23:59 of the second; where its section is wrong there is nothing to check."""
    simulation = SimulationParams(
        market="trend", signal=0.0, seed=1, days=2, start="2024-02-28", regime_minutes=9, volatility_bps=1.0,
        volatility_spread=0.0, correlation=0.0, gaps_per_day=0.0,
    )  # fmt: skip
    first, last = (pd.Timestamp(time, tz="UTC") for time in ("2024-02-28 00:00", "2024-02-29 23:59"))
    assert simulated_candles(data_of(symbols=("A", "B")), simulation) == {
        symbol: SymbolCandles(first, last, 2880, None) for symbol in ("A", "B")
    }
    assert simulated_candles(data_of(), None) == {}


def test_the_warm_up_is_what_the_longest_feature_needs_before_its_first_value():
    """A return over 240 minutes takes 240 candles before; over 60, 60; a session takes none."""
    assert warm_up_of(features_of("returns", "sessions"), data_of()) == 240
    assert warm_up_of(features_of("returns", exclude=("return_240",)), data_of()) == 60
    assert warm_up_of(features_of("sessions"), data_of()) == 0


def test_without_a_feature_there_is_no_warm_up():
    """Higher timeframes are made of minutes alone; that none is left is told elsewhere."""
    assert warm_up_of(features_of("timeframes"), data_of(interval="5m")) is None
    sections = sections_of(features_of("timeframes"))
    assert history_problems({"A": candles(5)}, data_of(interval="5m"), sections) == []


def test_history_that_just_suffices_is_no_problem_and_one_candle_less_is():
    """Five days behind a warm-up of an hour."""
    sections = sections_of(features_of("returns", exclude=("return_240",)))
    assert history_problems({"A": candles(5 * DAY + 60)}, data_of(), sections) == []
    (problem,) = history_problems({"A": candles(5 * DAY + 59)}, data_of(), sections)
    assert "7199 candles behind the warm-up of 60 are fewer than the 7200" in problem.text


def test_each_symbol_must_outlast_the_warm_up():
    """60 candles leave none with features and 61 one; each that is too short has a line with its name."""
    sections = sections_of(features_of("returns", exclude=("return_240",)))
    by_symbol = {"LONG": candles(6 * DAY), "A": candles(60), "B": candles(61), "C": candles(1)}
    texts = [problem.text for problem in history_problems(by_symbol, data_of(), sections)]
    rule = "candles are no more than the warm-up of the features, 60"
    assert texts == [f"data/raw/EX: A: its 60 {rule}", f"data/raw/EX: C: its 1 {rule}"]


def test_splits_that_purge_leaves_nothing_of_are_told_without_any_candle():
    """A validation of 14 minutes is shorter than the 15 that a label looks."""
    splits = SPLITS.model_copy(update={"validation": 14 / DAY})
    (problem,) = history_problems({}, data_of(), sections_of(features_of("sessions"), splits))
    assert "splits.validation is 14 candles: must exceed" in problem.text
    assert history_problems({}, data_of(), sections_of(features_of("sessions"))) == []


def test_splits_are_told_in_days_of_the_candles_interval():
    """Given days are days, of hours as of minutes."""
    sections = sections_of(features_of("sessions"))
    line = "splits of 6.0 days: train 2.0, validation 1.0, test 1.0, 2 folds"
    assert split_days({"A": candles(6 * DAY)}, data_of(), sections) == line
    hours = {"A": candles(6 * 24, minutes=60)}
    assert split_days(hours, data_of(interval="1h"), sections) == line
    with pytest.raises(SplitError):
        split_days({"A": candles(DAY)}, data_of(), sections)


def test_symbols_are_named_by_folders_with_candles_and_by_bare_files(tmp_path):
    """Each once; an empty folder, a hidden one and what is no candle file are none."""
    for name in (
        "BTC-USD/1m.csv",
        "BTC-USD.csv.gz",
        "ΕΘ-USD.parquet",
        "README.md",
        ".hidden.csv",
        ".git/a.csv",
    ):
        put(tmp_path / name)
    put(tmp_path / "NOTES/readme.md")
    (tmp_path / "EMPTY").mkdir()
    assert symbols_in(tmp_path) == ["BTC-USD", "ΕΘ-USD"]


def test_folders_with_candles_are_proposed_with_their_symbols(tmp_path):
    """As lines to paste; a folder without any is left out."""
    raw = tmp_path / "raw"
    put(raw / "BINANCE/B.csv")
    put(raw / "BINANCE/A.csv")
    put(raw / "NOTHING/readme.md")
    assert propose_paths(raw) == f"data:\n  path: {raw}/BINANCE  # A, B"


@pytest.mark.parametrize("folder", ["nothing", "empty"])
def test_where_no_candles_lie_it_is_said_how_to_get_some(tmp_path, monkeypatch, folder):
    """Whether the folder is not there or holds nothing."""
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    assert propose_paths(Path(folder)) == HOW_TO_FETCH.format(folder)
    if folder == "empty":
        assert propose_symbols(Path(folder)) == HOW_TO_FETCH.format(folder)


def test_symbols_of_the_folder_are_proposed_else_those_of_the_folders_in_it(tmp_path):
    """No more than twenty, in order."""
    for exchange, symbol in (("X", "B"), ("Y", "A"), ("Y", "B")):
        put(tmp_path / exchange / symbol / "1m.csv")
    assert propose_symbols(tmp_path) == "data:\n  symbols:\n  - A\n  - B"
    put(tmp_path / "C.csv")
    assert propose_symbols(tmp_path) == "data:\n  symbols:\n  - C"
    for k in range(30):
        put(tmp_path / f"many/S{k:02d}.csv")
    assert propose_symbols(tmp_path / "many").splitlines()[2:] == [f"  - S{k:02d}" for k in range(20)]


def test_a_symbol_is_absent_only_where_no_file_of_it_lies(tmp_path):
    """One that lies there twice or that can't be read is not."""
    put(tmp_path / "A.csv", "no candles")
    put(tmp_path / "B.csv")
    put(tmp_path / "B/1m.csv")
    assert [is_absent(tmp_path, symbol) for symbol in ("A", "B", "C")] == [False, False, True]


def test_candles_are_read_with_the_close_of_the_last_time(tmp_path):
    """Whatever the order of the rows; a row without a time is none."""
    lines = rows(10.0, 11.0, 12.0).splitlines()
    put(tmp_path / "A.csv", "\n".join([lines[0], lines[3], lines[1], ",99,99,99,99,1", lines[2]]))
    by_symbol, problems = read_candles(data_of(tmp_path, ("A",)))
    assert problems == []
    assert by_symbol == {"A": SymbolCandles(START, START + pd.Timedelta(minutes=2), 3, 12.0)}


def test_a_symbol_that_cannot_be_read_keeps_no_other_from_being_read(tmp_path):
    """One line for it; only for one that is not there are the others proposed, with the last problem."""
    put(tmp_path / "GOOD.csv", rows(10.0))
    put(tmp_path / "BAD.csv", "when,what\nnow,that\n")
    by_symbol, problems = read_candles(data_of(tmp_path, ("BAD", "GOOD")))
    assert list(by_symbol) == ["GOOD"]
    assert [problem.proposal for problem in problems] == [""]
    assert "\n" not in problems[0].text
    by_symbol, problems = read_candles(data_of(tmp_path, ("NONE", "GOOD", "NEITHER")))
    assert [problem.proposal for problem in problems] == ["", "data:\n  symbols:\n  - BAD\n  - GOOD"]


def test_the_folder_of_a_symbol_proposes_the_one_above(tmp_path):
    """Where the symbol that is missing lies."""
    put(tmp_path / "EX/A/2024.csv", rows(10.0))
    _, (problem,) = read_candles(data_of(tmp_path / "EX/A", ("A",)))
    assert problem.proposal == f"data:\n  path: {tmp_path}/EX  # A"


def test_a_folder_that_is_not_there_is_one_problem_whatever_the_symbols(tmp_path, monkeypatch):
    """With the folders that are."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "data/raw/EX/A.csv", rows(10.0))
    by_symbol, (problem,) = read_candles(data_of("data/raw/XE", ("A", "B")))
    assert by_symbol == {}
    assert problem.text == "data/raw/XE: data.path must be a folder of candles, and is not there"
    assert problem.proposal == "data:\n  path: data/raw/EX  # A"
