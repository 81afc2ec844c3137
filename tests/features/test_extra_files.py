"""Files of inputs beyond candles: what is bad in one is a line with its count, and nothing is dropped."""

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import DataError, ParamsError
from tapeline.extra import EVERY, ExtraParams
from tapeline.features.catalog import GROUPS
from tapeline.features.extra import extra_features
from tapeline.features.extra_files import known_us, left_out, read_extra, read_extras
from tapeline.params import Params

SYMBOLS = ("BTC-USD", "ETH-USD")
START = pd.Timestamp("2024-01-01", tz="UTC")


def params_of(**changes):
    """A table of rates by symbol."""
    own = {
        "file": "rates.parquet", "known_at": "known", "delay_s": 0, "symbol": "pair",
        "columns": {"rate": "value"}, "max_age": 480,
    }  # fmt: skip
    return ExtraParams.model_validate(own | changes)


def table_of(**changes):
    """Three rows of each symbol, the second's below the first's."""
    own = {
        "known": [START + pd.Timedelta(hours=8 * k) for k in range(3)] * 2,
        "pair": np.repeat(SYMBOLS, 3),
        "rate": np.arange(6.0),
    }
    return pd.DataFrame(own | changes)


def test_rows_come_sorted_by_when_they_are_known_delay_included(tmp_path):
    """Of both symbols, microseconds, as float64; without a column of symbols they are the same for all."""
    table_of().to_parquet(tmp_path / "rates.parquet")
    rows = read_extra(tmp_path, "funding", params_of(delay_s=1.5), SYMBOLS).rows
    first = START.value // 1000 + 1_500_000
    assert list(rows["known_at"] - first) == [
        0,
        0,
        28_800_000_000,
        28_800_000_000,
        57_600_000_000,
        57_600_000_000,
    ]
    assert list(rows["symbol"]) == [*SYMBOLS] * 3
    assert list(rows["rate"]) == [0, 3, 1, 4, 2, 5]
    table_of().head(3).to_parquet(tmp_path / "rates.parquet")
    assert set(read_extra(tmp_path, "funding", params_of(symbol=None), SYMBOLS).rows["symbol"]) == {EVERY}


def test_a_part_of_a_microsecond_is_never_known_earlier():
    """A nanosecond after the second counts as a whole microsecond; times before 1970 likewise."""
    for base in (0, -5_000):
        times = pd.Series(pd.to_datetime([base, base + 1, base + 999, base + 1000], utc=True))
        assert list(known_us(times, 0.0) - base // 1000) == [0, 1, 1, 1]


def hours(*numbers):
    """Times so many hours after the start."""
    return [START + pd.Timedelta(hours=number) for number in numbers]


NAIVE = pd.date_range("2024", periods=6).as_unit("us")
BAD = {
    "has no rows": {"known": pd.DatetimeIndex([], tz="UTC"), "pair": [], "rate": []},
    "known is of type datetime64[us], must be times with a zone": {"known": NAIVE},
    "known is of type int64, must be times": {"known": range(6)},
    "2 rows have no known": {"known": [pd.NaT, *hours(1, 2, 0), pd.NaT, START]},
    "1 rows have no pair": {"pair": [*SYMBOLS, None, *SYMBOLS, "BTC-USD"]},
    "no rows of ETH-USD; there are BTC-USD": {"pair": "BTC-USD", "known": hours(*range(6))},
    "1 rows are of the same symbol and time as one before": {"known": hours(0, 0, 1, 0, 1, 2)},
    "2 rows are earlier than the one before": {"known": hours(1, 0, 2, 1, 0, 2)},
    "3 rows have no finite rate of 32 bits, the first is row 2": {"rate": [0, np.nan, np.inf, 1e39, 1, 2]},
    "rate is of type bool, must be numbers": {"rate": [True] * 6},
    "no column rate; there are known, pair": {"rate": None},
}


@pytest.mark.parametrize("line", BAD)
def test_what_is_bad_is_one_line_with_its_count(line, tmp_path):
    """The file, the table's name in params.yaml, the rule."""
    columns = {**table_of(), **BAD[line]}
    path = tmp_path / "rates.parquet"
    pd.DataFrame({name: values for name, values in columns.items() if values is not None}).to_parquet(path)
    with pytest.raises(DataError) as error:
        read_extra(tmp_path, "funding", params_of(), SYMBOLS)
    assert str(error.value).startswith(f"{path}: data.extra.funding: {line}")
    assert "\n" not in str(error.value)


def test_a_file_that_is_absent_or_no_parquet_is_one_line(tmp_path):
    """With what to do."""
    with pytest.raises(DataError, match="data.extra.funding: no such file; data.extra_path is the folder"):
        read_extra(tmp_path, "funding", params_of(), SYMBOLS)
    (tmp_path / "rates.parquet").write_text("known,rate\n")
    with pytest.raises(DataError, match="data.extra.funding: can't be read: "):
        read_extra(tmp_path, "funding", params_of(), SYMBOLS)


def test_a_price_of_nothing_is_refused_and_a_value_of_nothing_is_not(tmp_path):
    """Logs are taken of prices."""
    table_of().to_parquet(tmp_path / "rates.parquet")
    read_extra(tmp_path, "funding", params_of(), SYMBOLS)
    with pytest.raises(DataError, match="1 rows have a rate that is no price above 0"):
        read_extra(tmp_path, "funding", params_of(columns={"rate": "price"}), SYMBOLS)


def test_candles_joined_by_open_time_are_refused(tmp_path):
    """Nobody knows a candle when it opens: the delay says how long it is."""
    prices = {name: np.full(6, 2.0) for name in ("open", "high", "low", "close")}
    table_of(**prices).rename(columns={"known": "timestamp"}).to_parquet(tmp_path / "rates.parquet")
    with pytest.raises(DataError, match="timestamp is when they open: nobody knows them then; set delay_s"):
        read_extra(tmp_path, "venue", params_of(known_at="timestamp"), SYMBOLS)
    read_extra(tmp_path, "venue", params_of(known_at="timestamp", delay_s=60), SYMBOLS)


def test_rows_of_symbols_that_the_run_does_not_have_are_counted(tmp_path):
    """Never silently left out."""
    more = table_of(pair=["XRP-USD", "SOL-USD", "SOL-USD", *["ETH-USD"] * 3])
    pd.concat([table_of(), more.iloc[:3]]).to_parquet(tmp_path / "rates.parquet")
    data = {"extra": {"funding": params_of().model_dump()}, "extra_path": str(tmp_path), "symbols": SYMBOLS}
    params = with_features(data)
    (extra,) = extras = read_extras(params)
    assert len(extra.rows) == 6
    assert left_out(params, extras) == [
        "data.extra.funding: 3 of 9 rows are not used, of none of data.symbols: SOL-USD, XRP-USD"
    ]
    assert read_extras(with_features(data | {"extra": {}})) == []


def with_features(data, *exclude):
    """Params of `data`, and features of which some are excluded."""
    return Params({"data": data, "features": {"groups": dict.fromkeys(GROUPS, True), "exclude": [*exclude]}})


def test_single_features_can_be_excluded_and_one_that_is_not_there_is_refused(tmp_path):
    """By `features.exclude`, as those of candles; a table that never waits has an age that never changes."""
    table_of().to_parquet(tmp_path / "rates.parquet")
    data = {"extra": {"funding": params_of().model_dump()}, "extra_path": str(tmp_path), "symbols": SYMBOLS}
    extras = read_extras(with_features(data, "extra_funding_age", "rsi_14"))
    names = [feature.name for feature in extra_features(extras, SYMBOLS[0], 1)]
    assert names == ["extra_funding_rate", "extra_funding_rate_change"]
    every = [feature.name for feature in extra_features(read_extras(with_features(data)), SYMBOLS[0], 1)]
    assert every == params_of().features("funding") == [*names, "extra_funding_age"]
    for of, there in (
        (data, "there are extra_funding_rate, "),
        (data | {"extra": {}}, "data.extra is empty"),
    ):
        with pytest.raises(ParamsError, match=f"features.exclude .*extra_funding_x is no feature; {there}"):
            read_extras(with_features(of, "extra_funding_x"))


@pytest.mark.parametrize("column", ["rate_change", "rate_age", "age", "symbol", "known_at"])
def test_a_column_that_would_be_taken_for_another_feature_is_refused(column):
    """`extra_NAME_COLUMN_change` and `extra_NAME_age` are taken."""
    with pytest.raises(ValueError, match="must not be"):
        params_of(columns={column: "value"})
