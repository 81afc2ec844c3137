"""Candles as exchanges, vendors and people write them: each kind is read, to the bit, as what it is."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import pickle
import zipfile

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numcodecs import blosc

from tapeline.errors import DataError
from tapeline.market.cleaning import clean
from tapeline.market.files import read_symbol
from tapeline.schema import OHLCV
from tests.candles import random_candles
from tests.market.test_files import data, put

CANDLES = random_candles(200)[["timestamp", *OHLCV]].round(dict.fromkeys(OHLCV, 6))
SECONDS = (CANDLES["timestamp"].astype("int64") // 10**6).tolist()
MILLIS = [1000 * second for second in SECONDS]
ISO = CANDLES["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ").tolist()
NAIVE = CANDLES["timestamp"].dt.strftime("%Y-%m-%d %H:%M:%S").tolist()
OP, HI, LO, CL, VO = (CANDLES[column].tolist() for column in OHLCV)
MEAN = ((CANDLES["high"] + CANDLES["low"]) / 2).tolist()
TURNOVER = [mean * volume for mean, volume in zip(MEAN, VO, strict=True)]
TRADES = list(range(1, 201))
ROWS = list(zip(MILLIS, OP, HI, LO, CL, VO, strict=True))


def columns(*parts):
    """Rows of `parts`, which are columns or one value for all rows."""
    full = [part if isinstance(part, list) else [part] * len(CANDLES) for part in parts]
    return [list(row) for row in zip(*full, strict=True)]


def texts(rows):
    """The rows, every cell as text, as APIs send them."""
    return [[str(cell) for cell in row] for row in rows]


def text(rows, header="", separator=",", end="\n"):
    """A text of `rows` behind `header`."""
    lines = [separator.join(map(str, row)) for row in rows]
    return end.join([*([header] if header else []), *lines, ""])


def named(rows, *names):
    """JSON objects of `rows`."""
    return [dict(zip(names, row, strict=True)) for row in rows]


def arrow(write, table):
    """The bytes that `write`, a method of pandas, makes of `table`."""
    buffer = io.BytesIO()
    getattr(table, write)(buffer)
    return buffer.getvalue()


def zipped(**members):
    """A zip archive; the last `_` in a member's name stands for the point."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            stem, _, ending = name.replace("x__MACOSX__", "__MACOSX/").rpartition("_")
            archive.writestr(zipfile.ZipInfo(f"{stem}.{ending}"), content)
    return buffer.getvalue()


def zstd(content):
    """`content` packed by Zstandard."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


def hdf(packing, chunk=64, group="BTC/USDT/ohlcv/tf_1m", info=b"(dp0\nVtz\np1\nVUTC\np2\ns."):
    """What freqtrade wrote with pandas: a table whose block's columns are named in a pickle."""
    block = ["close", "high", "low", "open", "volume"]
    records = np.zeros(
        len(CANDLES), dtype=[("index", "<i8"), ("values_block_0", "<f8", (5,)), ("date", "<i8")]
    )
    records["index"], records["date"] = np.arange(len(CANDLES)), np.array(SECONDS) * 10**9
    records["values_block_0"] = CANDLES[block]
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((chunk,))
        if packing == "zlib":
            plist.set_deflate(5)
        elif packing != "none":
            code = {"blosc": 32001, "lzo": 305}[packing]
            plist.set_filter(code, h5py.h5z.FLAG_OPTIONAL, (2, 2, records.itemsize, 0, 9, 1, 0))
        home = file.create_group(group)
        kind = h5py.h5t.py_create(records.dtype, logical=True)
        space = h5py.h5s.create_simple(records.shape)
        table = h5py.Dataset(h5py.h5d.create(home.id, b"table", kind, space, plist))
        if packing == "blosc":
            for begin in range(0, len(records), chunk):
                part = np.zeros(chunk, dtype=records.dtype)
                part[: len(records) - begin] = records[begin : begin + chunk]
                packed = blosc.compress(part.tobytes(), b"blosclz", 9, 1)
                table.id.write_direct_chunk((begin,), packed, 0)
        else:
            table[:] = records
        home.attrs["info"] = np.bytes_(info)
        table.attrs["values_block_0_kind"] = np.bytes_(pickle.dumps(block, 0))
        table.attrs["date_dtype"] = "datetime64[ns]"
        table.attrs["date_kind"] = np.bytes_(pickle.dumps(["date"], 0))
        table.attrs["index_kind"] = "integer"
    return buffer.getvalue()


SEVEN = columns(SECONDS, OP, HI, LO, CL, VO, TRADES)
KUCOIN = columns(SECONDS, OP, CL, HI, LO, VO, TURNOVER)
CANONICAL = text(zip(ISO, OP, HI, LO, CL, VO, strict=True), "timestamp,open,high,low,close,volume")
OKX = texts(columns(MILLIS, OP, HI, LO, CL, VO, TURNOVER, TURNOVER, "1"))
OHLC = "open,high,low,close"
DYDX = ("startedAt", "low", "high", "open", "close", "baseTokenVolume", "usdVolume")
UPBIT = (
    "candle_date_time_utc", "opening_price", "high_price", "low_price", "trade_price", "timestamp",
    "candle_acc_trade_price", "candle_acc_trade_volume",
)  # fmt: skip
JSON = {
    "coinbase": columns(SECONDS, LO, HI, OP, CL, VO)[::-1],
    "okx": {"code": "0", "msg": "", "data": OKX[::-1]},
    "bybit": {
        "retCode": 0,
        "result": {
            "category": "spot",
            "symbol": "BTCUSDT",
            "list": texts(columns(*map(list, zip(*ROWS, strict=True)), TURNOVER))[::-1],
        },
        "retExtInfo": {},
    },
    "alpaca": {
        "bars": named(columns(ISO, OP, HI, LO, CL, VO, TRADES, MEAN), *"tohlcvn", "vw"),
        "symbol": "BTC/USD",
        "next_page_token": None,
    },
    "alpaca of a symbol": {
        "bars": {"BTC/USD": named(columns(ISO, OP, HI, LO, CL, VO, TRADES, MEAN), *"tohlcvn", "vw")}
    },
    "polygon": {
        "ticker": "X:BTCUSD",
        "status": "OK",
        "results": named(columns(VO, MEAN, OP, CL, HI, LO, MILLIS, TRADES), "v", "vw", *"ochltn"),
    },
    "kraken": {
        "error": [],
        "result": {
            "XXBTZUSD": columns(SECONDS, *(list(map(str, p)) for p in (OP, HI, LO, CL, MEAN, VO)), TRADES),
            "last": SECONDS[-1],
        },
    },
    "kucoin": {"code": "200000", "data": texts(KUCOIN)[::-1]},
    "gate": texts(columns(SECONDS, TURNOVER, CL, HI, LO, OP, VO, "true")),
    "mexc": columns(MILLIS, OP, HI, LO, CL, VO, [m + 60_000 for m in MILLIS], TURNOVER),
    "bitget": {"code": "00000", "data": texts(columns(MILLIS, OP, HI, LO, CL, VO, TURNOVER, TURNOVER))},
    "binance": columns(
        MILLIS,
        *(list(map(str, p)) for p in (OP, HI, LO, CL, VO)),
        [m + 59_999 for m in MILLIS],
        *(list(map(str, TURNOVER)), 9, "1", "1", "0"),
    ),
    "huobi": {
        "status": "ok",
        "ch": "market.btcusdt.kline.1min",
        "data": named(
            columns(SECONDS, OP, CL, LO, HI, VO, TURNOVER, TRADES),
            "id",
            "open",
            "close",
            "low",
            "high",
            "amount",
            "vol",
            "count",
        ),
    },
    "cryptocompare": {
        "Response": "Success",
        "Data": {
            "Aggregated": False,
            "Data": named(
                columns(SECONDS, HI, LO, OP, VO, TURNOVER, CL),
                "time",
                "high",
                "low",
                "open",
                "volumefrom",
                "volumeto",
                "close",
            ),
        },
    },
    "bitstamp": {
        "data": {
            "ohlc": named(
                texts(columns(CL, HI, LO, OP, SECONDS, VO)),
                "close",
                "high",
                "low",
                "open",
                "timestamp",
                "volume",
            ),
            "pair": "BTC/USD",
        }
    },
    "coinapi": named(
        columns(ISO, ISO, ISO, OP, HI, LO, CL, VO, TRADES),
        "time_period_start",
        "time_open",
        "time_close_x",
        "price_open",
        "price_high",
        "price_low",
        "price_close",
        "volume_traded",
        "trades_count",
    ),
    "hyperliquid": named(
        columns(MILLIS, [m + 59_999 for m in MILLIS], "BTC", "1m", OP, CL, HI, LO, VO, TRADES), *"tTsiochlvn"
    ),
    "binance stream": named(columns(MILLIS, OP, HI, LO, CL, VO, TURNOVER, TRADES), *"tohlcvVn"),
    "hitbtc": named(
        columns(ISO, OP, CL, LO, HI, VO, TURNOVER),
        *("timestamp", "open", "close", "min", "max", "volume", "volume_quote"),
    ),
    "coinex": named(columns(MILLIS, OP, HI, LO, CL, VO, TURNOVER), "created_at", *OHLCV, "value"),
    "dydx": {"candles": named(columns(ISO, LO, HI, OP, CL, VO, TURNOVER), *DYDX)},
    "upbit": named(
        columns([i[:-1] for i in ISO], OP, HI, LO, CL, [m + 59_000 for m in MILLIS], TURNOVER, VO), *UPBIT
    ),
    "poloniex": columns(LO, HI, OP, CL, TURNOVER, VO, "1", "1", 5, MILLIS, MEAN, "MINUTE_1", MILLIS, MILLIS),
    "databento": named(
        columns([m * 10**6 for m in MILLIS], 33, OP, HI, LO, CL, VO), "ts_event", "rtype", *OHLCV
    ),
    "tradingview": {"s": "ok", "t": SECONDS, "o": OP, "h": HI, "l": LO, "c": CL, "v": VO},
    "pandas split": {"columns": list(OHLCV), "index": MILLIS, "data": columns(OP, HI, LO, CL, VO)},
    "pandas columns": {
        name: dict(zip(map(str, MILLIS), CANDLES[name].tolist(), strict=True)) for name in OHLCV
    },
    "pandas index": dict(zip(map(str, MILLIS), named(columns(OP, HI, LO, CL, VO), *OHLCV), strict=True)),
}
TEXTS = {
    "kraken": text(SEVEN),
    "cryptodatadownload": "https://www.CryptoDataDownload.com\n"
    + text(
        columns(SECONDS, NAIVE, "BTC/USD", OP, HI, LO, CL, VO, TURNOVER)[::-1],
        f"unix,date,symbol,{OHLC},Volume BTC,Volume USD",
    ),
    "cryptodatadownload of Binance": text(
        columns([str(m) for m in MILLIS], NAIVE, "BTCUSDT", OP, HI, LO, CL, VO, TURNOVER, TRADES),
        "Unix,Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USDT,tradecount",
    ),
    "kaggle": text(
        columns(SECONDS, OP, HI, LO, CL, VO, TURNOVER, MEAN),
        "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price",
    ),
    "okx file": text(
        columns("BTC-USDT", OP, HI, LO, CL, VO, VO, TURNOVER, MILLIS, 1),
        f"instrument_name,{OHLC},vol,vol_ccy,vol_quote,open_time,confirm",
    ),
    "polygon file": text(
        columns("X:BTC-USD", VO, OP, CL, HI, LO, [s * 10**9 for s in SECONDS], TRADES),
        "ticker,volume,open,close,high,low,window_start,transactions",
    ),
    "alpaca frame": text(
        columns("BTC/USD", [n + "+00:00" for n in NAIVE], OP, HI, LO, CL, VO, TRADES, MEAN),
        f"symbol,timestamp,{OHLC},volume,trade_count,vwap",
    ),
    "gate file": text(columns(SECONDS, VO, CL, HI, LO, OP)),
    "unnamed index": text(columns([n + "+00:00" for n in NAIVE], OP, HI, LO, CL, VO), f",{OHLC},volume"),
    "counted columns": text(columns(list(range(200)), MILLIS, OP, HI, LO, CL, VO), ",0,1,2,3,4,5"),
    "two equal times": text(columns(SECONDS, ISO, OP, HI, LO, CL, VO), f"timestamp,datetime,{OHLC},volume"),
    "an epoch beside a local time": text(
        columns(["2025-03-28 13:00:00"] * 200, SECONDS, OP, HI, LO, CL, VO), f"date,timestamp,{OHLC},volume"
    ),
    "quoted, with blanks and capitals": text(
        texts(columns([f'"{i}"' for i in ISO], OP, HI, LO, CL, VO)),
        '"Date", "Open" ,"High","Low","Close","Volume"',
    ),
    "Windows": "\ufeff" + text(columns(MILLIS, OP, HI, LO, CL, VO), f"timestamp,{OHLC},volume", end="\r\n"),
    "an index nobody needs": text(
        columns(list(range(200)), ISO, OP, HI, LO, CL, VO), f",timestamp,{OHLC},volume"
    ),
    "yfinance": f"Price,Close,High,Low,Open,Volume\nTicker{',BTC-USD' * 5}\nDatetime,,,,,\n"
    + text(columns([n + "+00:00" for n in NAIVE], CL, HI, LO, OP, VO)),
    "microseconds, no header": text(columns([s * 10**6 for s in SECONDS], OP, HI, LO, CL, VO)),
}
KNOWN = {f"{name}.json": json.dumps(rows) for name, rows in JSON.items()}
KNOWN |= {f"{name}.csv": rows for name, rows in TEXTS.items()}
PLAIN = CANONICAL.encode()
INDEXED = CANDLES.set_index("timestamp")
KNOWN |= {
    "a.tsv": CANONICAL.replace(",", "\t"),
    "a.txt": CANONICAL.replace(",", "\t"),
    "a.csv.zst": zstd(PLAIN),
    "a.csv.bz2": bz2.compress(PLAIN),
    "a.csv.xz": lzma.compress(PLAIN),
    "a.json.zst": zstd(json.dumps(ROWS).encode()),
    "a.jsonl": "\n".join(json.dumps(row) for row in named(ROWS, "timestamp", *OHLCV)),
    "a.ndjson.gz": gzip.compress("\n".join(json.dumps(row) for row in ROWS).encode()),
    "notes beside.zip": zipped(a_csv=PLAIN, README_txt="how to read it, by hand", x__MACOSX__a_csv=b"?"),
    "gz in zip.zip": zipped(**{"2024/a.csv_gz": gzip.compress(PLAIN)}),
    "json in zip.zip": zipped(a_json=json.dumps(ROWS)),
    "blosc.h5": hdf("blosc"),
    "zlib.hdf5": hdf("zlib"),
    "unpacked.hdf": hdf("none", group="candles"),
    "unnamed index.parquet": arrow("to_parquet", INDEXED.rename_axis(None)),
    "named index.parquet": arrow("to_parquet", INDEXED.rename_axis("Local moment")),
    "nanoseconds.parquet": arrow(
        "to_parquet", CANDLES.astype({"timestamp": "datetime64[ns, Europe/Prague]"})
    ),
    "dates.feather": arrow("to_feather", CANDLES.rename(columns={"timestamp": "date"})),
}


def read(tmp_path, name, content, **changes):
    """The candles of BTC-USD in one file."""
    put(tmp_path / "BTC-USD" / name, content)
    asked = data(tmp_path, **{"symbols": ["BTC-USD"], "max_rejected_share": 0.0} | changes)
    return clean(read_symbol(asked, "BTC-USD"), asked)


@pytest.mark.parametrize("name", KNOWN)
def test_every_kind_is_read_to_the_bit(tmp_path, name):
    """Whoever wrote them, in whatever order and under whatever names, they are the same candles."""
    cleaned = read(tmp_path, name, KNOWN[name])
    pd.testing.assert_frame_equal(cleaned.candles[["timestamp", *OHLCV]], CANDLES, check_exact=True)
    assert cleaned.card["rejected"] == cleaned.card["duplicates"] == 0


LOCAL = CANDLES["timestamp"].dt.tz_convert("America/New_York")
METATRADER = text(
    columns(
        LOCAL.dt.strftime("%Y.%m.%d").tolist(),
        LOCAL.dt.strftime("%H:%M:%S").tolist(),
        OP,
        HI,
        LO,
        CL,
        1,
        VO,
        3,
    ),
    "\t".join(
        f"<{name}>" for name in ("DATE", "TIME", "OPEN", "HIGH", "LOW", "CLOSE", "TICKVOL", "VOL", "SPREAD")
    ),
    "\t",
)
HISTDATA = text(columns(LOCAL.dt.strftime("%Y%m%d %H%M%S").tolist(), OP, HI, LO, CL, VO), separator=";")
OLD_METATRADER = text(
    columns(LOCAL.dt.strftime("%Y.%m.%d").tolist(), LOCAL.dt.strftime("%H:%M").tolist(), OP, HI, LO, CL, VO)
)
SPLIT = text(
    columns(LOCAL.dt.strftime("%Y-%m-%d").tolist(), LOCAL.dt.strftime("%H:%M").tolist(), OP, HI, LO, CL, VO),
    "Date,Time,Open,High,Low,Close,Volume",
)
SLASHES = text(
    columns(LOCAL.dt.strftime("%Y/%m/%d %H:%M").tolist(), OP, HI, LO, CL, VO), f"date,{OHLC},volume"
)
DAY_FIRST = LOCAL.dt.strftime("%d.%m.%Y %H:%M:%S.000").tolist()
MONTH_FIRST = LOCAL.dt.strftime("%m/%d/%Y %H:%M").tolist()
ZONELESS = {
    "day first.csv": text(columns(DAY_FIRST, OP, HI, LO, CL, VO), f"Local time,{OHLC},Volume"),
    "month first.csv": text(columns(MONTH_FIRST, OP, HI, LO, CL, VO), f"Time,{OHLC},Volume"),
    "metatrader.csv": METATRADER,
    "old metatrader.csv": OLD_METATRADER,
    "histdata.csv": HISTDATA,
    "split.csv": SPLIT,
    "slashes.csv": SLASHES,
    "index.parquet": arrow("to_parquet", INDEXED.set_axis(LOCAL.dt.tz_localize(None))),
}


@pytest.mark.parametrize("name", ZONELESS)
def test_times_without_zone_are_those_of_the_zone_that_is_named(tmp_path, name):
    """Refused, with the way out, until data.timezone says whose clock it was."""
    with pytest.raises(DataError, match=r"row 1: .* a time without zone; .* or set data.timezone$"):
        read(tmp_path, name, ZONELESS[name])
    cleaned = read(tmp_path, name, ZONELESS[name], timezone="America/New_York")
    pd.testing.assert_frame_equal(cleaned.candles[["timestamp", *OHLCV]], CANDLES, check_exact=True)


def test_a_naive_time_in_hdf5_is_told_from_one_of_utc(tmp_path):
    """pandas stores both as the same number; what it says beside them decides."""
    with pytest.raises(DataError, match=r"row 1: date is '2025-03-28 20:00:00', a time without zone"):
        read(tmp_path, "a.h5", hdf("blosc", info=b"(dp0\n."))
    cleaned = read(tmp_path, "a.h5", hdf("blosc", info=b"(dp0\n."), timezone="UTC")
    pd.testing.assert_frame_equal(cleaned.candles[["timestamp", *OHLCV]], CANDLES, check_exact=True)


def test_a_named_zone_changes_no_time_that_has_one(tmp_path):
    """Epochs and times with an offset say which moments they are."""
    for name in ("kraken.csv", "unnamed index.csv", "blosc.h5", "cryptodatadownload.csv"):
        cleaned = read(tmp_path / name, name, KNOWN[name], timezone="Asia/Tokyo")
        pd.testing.assert_frame_equal(cleaned.candles[["timestamp", *OHLCV]], CANDLES, check_exact=True)


def test_day_and_month_are_never_guessed(tmp_path):
    """The third of April, or the fourth of March: refused where no row tells."""
    rows = text([["03/04/2025 00:00", 1, 2, 0.5, 1.5, 1]], f"date,{OHLC},volume")
    with pytest.raises(DataError, match=r"row 1: date is '03/04/2025 00:00', no ISO 8601 time"):
        read(tmp_path / "a", "a.csv", rows, timezone="UTC")
    gmt = CANDLES["timestamp"].dt.strftime("%d.%m.%Y %H:%M:%S.000").tolist()
    told = text(columns(gmt, OP, HI, LO, CL, VO), f"Gmt time,{OHLC},Volume")
    cleaned = read(tmp_path / "b", "b.csv", told)
    pd.testing.assert_frame_equal(cleaned.candles[["timestamp", *OHLCV]], CANDLES, check_exact=True)


@pytest.mark.parametrize("moment", ["2025-11-02 01:30:00", "2025-03-09 02:30:00"])
def test_an_hour_that_summer_time_repeats_or_skips_is_refused(tmp_path, moment):
    """New York's clocks showed 01:30 twice, and 02:30 never."""
    rows = columns([moment], [1.0], [2.0], [0.5], [1.5], [1.0]) if False else [[moment, 1, 2, 0.5, 1.5, 1]]
    with pytest.raises(
        DataError, match=r"row 1: date is .* in America/New_York is there twice or not at all"
    ):
        read(tmp_path, "a.csv", text(rows, f"date,{OHLC},volume"), timezone="America/New_York")


FOREIGN = text(columns("x", NAIVE, OP, HI, LO, CL, VO, VO), "id,wann,auf,hoch,tief,zu,menge,volume")


def test_names_that_no_layout_knows_are_told_by_data_columns(tmp_path):
    """Refused with that advice, then read as told, also where a known name means something else."""
    names = {
        "timestamp": "wann",
        "open": "auf",
        "high": "hoch",
        "low": "Tief",
        "close": "zu",
        "volume": "menge",
    }
    with pytest.raises(DataError, match=r"lacks a time .*; say in data.columns which is which"):
        read(tmp_path, "a.csv", FOREIGN)
    with pytest.raises(DataError, match=r"lacks 'wie viel', which data.columns has as volume; its columns"):
        read(tmp_path, "a.csv", FOREIGN, columns={**names, "volume": "wie viel"}, timezone="UTC")
    cleaned = read(tmp_path, "a.csv", FOREIGN, columns=names, timezone="UTC")
    pd.testing.assert_frame_equal(cleaned.candles[["timestamp", *OHLCV]], CANDLES, check_exact=True)


def test_columns_without_header_are_counted(tmp_path):
    """Positions from 1; a name is refused, and what the file lacks."""
    rows = text(columns("BTC", VO, OP, HI, LO, CL, MILLIS, 7, 7, 7))
    places = {"timestamp": 7, "open": 3, "high": 4, "low": 5, "close": 6, "volume": 2}
    with pytest.raises(DataError, match=r"has no header and 10 columns; known are .*; say in data.columns"):
        read(tmp_path, "a.csv", rows)
    with pytest.raises(DataError, match=r"has no header: for open data.columns must count the column from 1"):
        read(tmp_path, "a.csv", rows, columns={**places, "open": "open"})
    cleaned = read(tmp_path, "a.csv", rows, columns=places)
    pd.testing.assert_frame_equal(cleaned.candles[["timestamp", *OHLCV]], CANDLES, check_exact=True)


def test_the_volume_of_the_quote_is_never_taken(tmp_path):
    """A column that counts dollars, alone, is no volume of BTC-USD."""
    rows = text(columns(SECONDS, OP, HI, LO, CL, TURNOVER), f"unix,{OHLC},Volume USD")
    with pytest.raises(DataError, match=r"a.csv: lacks volume; its columns are .*, Volume USD; say in data"):
        read(tmp_path, "a.csv", rows)


@pytest.mark.parametrize("has_header", [True, False])
def test_a_volume_that_is_the_quotes_is_told_by_the_base_beside_it(tmp_path, has_header):
    """Whatever the column is called; the advice works, and nothing is told of what it leaves."""
    rows = columns(SECONDS, OP, HI, LO, CL, TURNOVER, VO)
    content = text(rows, f"unix,{OHLC},volume,amount" if has_header else "")
    (finding,) = read(tmp_path, "a.csv", content).findings
    name = "amount" if has_header else "column 7"
    told = (
        f"a.csv, row 1: volume is {TURNOVER[0]:.10g} and {name} {VO[0]:.10g}, less by the price as in nearly"
    )
    assert (finding.rule, finding.count) == ("quote_volumes", 1)
    assert told in finding.message
    parts = zip(("timestamp", *OHLCV), (1, 2, 3, 4, 5, 7), strict=True)
    asked = {"volume": "amount"} if has_header else dict(parts)
    cleaned = read(tmp_path, "a.csv", content, columns=asked)
    assert cleaned.findings == []
    assert cleaned.candles["volume"].tolist() == VO


@pytest.mark.filterwarnings("error")
def test_amounts_without_end_are_no_base(tmp_path):
    """Rows of infinite ones, rejected, say nothing of the others, and no library warns of them."""
    amounts = [np.inf if k % 50 == 0 else amount for k, amount in enumerate(VO)]
    volumes = [np.inf if k % 25 == 0 else volume for k, volume in enumerate(TURNOVER)]
    content = text(columns(SECONDS, OP, HI, LO, CL, volumes, amounts), f"unix,{OHLC},volume,amount")
    findings = read(tmp_path, "a.csv", content, max_rejected_share=0.1).findings
    assert "quote_volumes" in [finding.rule for finding in findings]


def test_candles_still_open_are_left_out_and_counted(tmp_path):
    """OKX says by 0 in the last column that a candle was not yet what it would be."""
    rows = [[*row[:8], "0" if number == 199 else "1"] for number, row in enumerate(OKX)]
    cleaned = read(tmp_path, "a.json", json.dumps({"code": "0", "data": rows[::-1]}))
    pd.testing.assert_frame_equal(cleaned.candles[["timestamp", *OHLCV]], CANDLES[:-1], check_exact=True)
    assert cleaned.card["not_closed"] == 1
    rows[-1][8], rows[0][8], rows[5][0] = "1", "0", "3502828800000"
    with pytest.raises(DataError, match=r"a.json, row 6: time is 2080-12-31T00:00:00Z, in the future"):
        read(tmp_path, "a.json", json.dumps(rows))
    rows[3][8] = "maybe"
    with pytest.raises(DataError, match=r"a.json, row 4: column 9 is 'maybe', and must say by 1 or 0"):
        read(tmp_path, "a.json", json.dumps(rows))


@pytest.mark.parametrize("volume", ["NaN", "", "0"])
def test_rows_of_a_time_alone_are_missing_candles(tmp_path, volume):
    """However many: filled or left open as gaps are, counted apart, no reject."""
    empty = range(50, 130)
    price = "NaN" if volume == "NaN" else ""
    rows = [[row[0], *([price] * 4), volume] if n in empty else row for n, row in enumerate(ROWS)]
    cleaned = read(tmp_path, "a.csv", text(rows, f"timestamp,{OHLC},volume"))
    expected = CANDLES.drop(index=empty).reset_index(drop=True)
    pd.testing.assert_frame_equal(cleaned.candles[["timestamp", *OHLCV]], expected, check_exact=True)
    assert (cleaned.card["empty"], cleaned.card["rejected"], cleaned.card["missing"]) == (80, 0, 80)


def test_what_lies_beside_candles_is_passed_over_and_counted(tmp_path):
    """Notes, hidden files and sums of files that are not there; folders in folders are looked into."""
    for name in ("README.txt", ".DS_Store", "notes.md", "note.txt", "b.zip.CHECKSUM", "1m/LICENSE"):
        put(tmp_path / "BTC-USD" / name, "words, and words")
    put(tmp_path / "BTC-USD/.ipynb_checkpoints/a-checkpoint.csv", "timestamp,open")
    put(tmp_path / "BTC-USD/__MACOSX/._a.csv", "?")
    put(tmp_path / "BTC-USD/1m/2025/b.csv", text(ROWS[100:]))
    cleaned = read(tmp_path, "1m/a.csv", text(ROWS[:100]))
    pd.testing.assert_frame_equal(cleaned.candles[["timestamp", *OHLCV]], CANDLES, check_exact=True)
    assert (cleaned.card["files"], cleaned.card["passed_over"]) == (2, 8)


def test_a_sum_beside_a_file_is_checked(tmp_path):
    """A file cut short, or changed by a byte, is refused before anybody parses it."""
    content = zipped(a_csv=PLAIN)
    put(tmp_path / "BTC-USD/a.zip.CHECKSUM", hashlib.sha256(content).hexdigest() + "  a.zip\n")
    assert read(tmp_path, "a.zip", content).card["checked_sums"] == 1
    with pytest.raises(
        DataError, match=r"a.zip: its sha256 is \w{64}, and a.zip.CHECKSUM says \w{64}; fetch"
    ):
        read(tmp_path, "a.zip", content[:-1])


def test_times_that_contradict_each_other_are_refused(tmp_path):
    """Two epochs a minute apart in one row: one is not the OPEN."""
    rows = text(
        columns(SECONDS, [s + 60 for s in SECONDS], OP, HI, LO, CL, VO), f"time,timestamp,{OHLC},volume"
    )
    with pytest.raises(
        DataError, match=r"row 1: timestamp is .*20:01:00.*, time .*20:00:00.*; name the OPEN as"
    ):
        read(tmp_path, "a.csv", rows)
    cleaned = read(tmp_path, "a.csv", rows, columns={"timestamp": "time"})
    pd.testing.assert_frame_equal(cleaned.candles[["timestamp", *OHLCV]], CANDLES, check_exact=True)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.h5", hdf("lzo"), "not readable as h5: is packed by filter 305; write it with blosc"),
        ("a.h5", b"\x89HDF\r\n\x1a\n" + b"?" * 99, "not readable as h5: "),
        ("a.h5", hdf("none").replace(b"Vvolume", b"Vvo\nuvm"), "not readable as h5: "),
        ("a.csv.zst", zstd(PLAIN)[:-20], "not readable as csv.zst: "),
        ("a.csv.zst", PLAIN, "not readable as csv.zst: "),
        ("a.csv.bz2", bz2.compress(PLAIN)[:-20], "not readable as csv.bz2: "),
        ("a.csv.xz", PLAIN, "not readable as csv.xz: "),
        ("a.csv.zst", zstd(bytes(17 * 2**20)), "not readable as csv.zst: unpacks to more than 200 times"),
        ("a.csv", bz2.compress(PLAIN), "not readable as csv: is bz2 by its first bytes; end its name so"),
        ("a.csv", zipped(a_csv=PLAIN), "not readable as csv: is zip by its first bytes; end its name so"),
        ("a.csv", json.dumps(ROWS), "not readable as csv: is json by its first bytes; end its name so"),
        (
            "a.csv",
            PLAIN.replace(b"\n", b"\r"),
            "not readable as csv: ends lines by CR alone; save it with LF",
        ),
        ("a.jsonl", '{"open": 1}\n{"open":', "not readable as jsonl: "),
        (
            "a.json",
            json.dumps({"bars": {"BTC/USD": [[1]], "ETH/USD": [[1]]}}),
            "not readable as json: holds several arrays of rows, bars.BTC/USD, bars.ETH/USD; write one",
        ),
        ("a.json", json.dumps({"bars": [], "symbol": "BTC/USD"}), "holds no row"),
        (
            "a.json",
            json.dumps({"bars": JSON["alpaca"]["bars"], "symbol": "ETH/USD"}),
            "its symbol column says 'ETH/USD', data.symbols BTC-USD",
        ),
    ],
)
def test_what_cant_be_read_says_so_in_one_line(tmp_path, name, content, message):
    """File, what is wrong with it and, where there is one, the way out."""
    with pytest.raises(DataError) as caught:
        read(tmp_path, name, content)
    assert str(caught.value).startswith(f"{tmp_path}/BTC-USD/{name}: {message}")
    assert "\n" not in str(caught.value)


def test_nothing_in_a_file_is_ever_run(tmp_path):
    """A pickle among an HDF5 file's attributes that would write a file is read as text, if at all."""

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    with pytest.raises(DataError, match="a time without zone"):
        read(tmp_path, "a.h5", hdf("blosc", info=pickle.dumps(Trap(), 0)))
    assert not (tmp_path / "sprung").exists()
