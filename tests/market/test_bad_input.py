"""Bad input: every kind of it ends in the one line that tells a person what, where and what is allowed."""

import gzip
import io
import json
import re
import struct
import zipfile
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.errors import DataError
from tapeline.market.cleaning import clean
from tapeline.market.data_params import DataParams
from tapeline.market.files import read_symbol
from tapeline.schema import OHLCV
from tests.candles import random_candles

CANDLES = random_candles(200)[["timestamp", *OHLCV]].round(dict.fromkeys(OHLCV, 6))
SECONDS = CANDLES["timestamp"].astype("int64") // 10**6
HEADER = "timestamp,open,high,low,close,volume\n"
ROWS = [f"{second},1,2,0.5,1.5,1" for second in range(1_514_764_800, 1_514_776_800, 60)]
NO_EPOCH = "no epoch in s, ms, us or ns between 1990 and 2100"
CLOSES = (
    "before a candle ends, as in 200 of 200 rows: these are times of the CLOSE; write the OPEN, 1m earlier"
)
ADVICE = "; say in data.columns which is which (docs/candles.md has the known)"
KNOWN = (
    "parquet, pq, feather, csv, tsv, txt, json, jsonl, ndjson, h5, hdf5, hdf, "
    "each also in gz, bz2, xz, zst, zip"
)
ISO_TEXTS = CANDLES["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
WHAT_TO_WRITE = "; write a point before decimals and nothing between thousands"


def table(**columns):
    """The random candles as CSV, their times in seconds, columns replaced."""
    changed = CANDLES.assign(**{"timestamp": SECONDS, **columns})
    return changed.to_csv(index=False).encode()


def with_rows(*rows, at=5):
    """Plain candles as CSV, the rows from data row `at` (from 1) on replaced by `rows`."""
    return HEADER + "\n".join([*ROWS[: at - 1], *rows, *ROWS[at - 1 + len(rows) :]])


def scaled(factor, rows, candles=CANDLES):
    """The candles as CSV, prices of `rows` multiplied."""
    changed = candles.assign(timestamp=candles["timestamp"].astype("int64") // 10**6)
    changed.loc[rows, ["open", "high", "low", "close"]] *= factor
    return changed.to_csv(index=False).encode()


def with_gap(minutes):
    """The candles with `minutes` missing between row 100 and row 101."""
    return CANDLES.assign(timestamp=CANDLES["timestamp"].where(CANDLES.index < 100, late(minutes)))


def late(minutes):
    """The candles' times, later."""
    return CANDLES["timestamp"] + pd.Timedelta(minutes=minutes)


def headless(*columns):
    """Rows of `columns` of the candles without header."""
    return CANDLES.assign(timestamp=SECONDS)[list(columns)].to_csv(index=False, header=False)


def zipped(**members):
    """A zip archive; `__` in a member's name stands for `/`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            # The time is fixed, so that tests are named alike in every worker.
            info = zipfile.ZipInfo(name.replace("__", "/") + ".csv")
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def declared(size):
    """A zip archive whose directory declares its member to unpack to `size` bytes."""
    content = bytearray(zipped(a=HEADER))
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = struct.pack("<I", size)
    return bytes(content)


def encrypted():
    """A zip archive whose member is marked as encrypted."""
    content = bytearray(zipped(a=HEADER))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def parquet(**columns):
    """The candles as Parquet, columns replaced."""
    buffer = io.BytesIO()
    CANDLES.assign(**columns).to_parquet(buffer)
    return buffer.getvalue()


def objects(**columns):
    """The candles as JSON objects, columns replaced."""
    return json.dumps(CANDLES.assign(**{"timestamp": SECONDS, **columns}).to_dict("records"))


class Case(NamedTuple):
    """Files to write under ROOT, the message that must come, and params that differ."""

    files: dict
    message: str
    params: dict = {}  # noqa: RUF012 - never changed


def one(content, message, name="A.csv", **params):
    """A case of one file; the message begins with its path, and a row if it begins with a number."""
    where = f"ROOT/{name}, row " if message[0].isdigit() else f"ROOT/{name}: "
    return Case({name: content}, where + message, params)


GZIP_BOMB = gzip.compress(bytes(17 * 2**20))
PACKED = zipfile.ZipFile(io.BytesIO(zipped(a=bytes(17 * 2**20)))).infolist()[0].compress_size

PLACES = {
    "missing folder": Case(
        {}, "ROOT/raw: data.path must be a folder of candles, and is not there", {"path": "raw"}
    ),
    "file for a folder": Case(
        {"raw": "x"}, "ROOT/raw: data.path must be a folder of candles, and is a file", {"path": "raw"}
    ),
    "empty folder": Case({}, "ROOT: no candles of A; there is nothing"),
    "other symbols": Case({"B.csv": "x", "X/C/1.csv": "x"}, "ROOT: no candles of A; there is B.csv, X/C"),
    "empty symbol folder": Case({"A/README.md": "x"}, "ROOT/A: holds no candle file"),
    "symbol twice": Case(
        {"X/A.csv": "x", "Y/A.csv": "x"},
        "ROOT: A is there more than once: ROOT/X/A.csv, ROOT/Y/A.csv; set data.path to one",
    ),
    "file of another kind": Case(
        {"A/1.csv": "x", "A/note.xlsx": "x"},
        "ROOT/A/note.xlsx: is no candle file; known are " + KNOWN,
    ),
    "empty folders in a symbol": Case({"A/2018/README.md": "x"}, "ROOT/A: holds no candle file"),
    "wrong sum": Case(
        {"A/1.csv": "x", "A/1.csv.CHECKSUM": "0" * 64 + "  1.csv"},
        "ROOT/A/1.csv: its sha256 is 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881, and "
        f"1.csv.CHECKSUM says {'0' * 64}; fetch both again",
    ),
}

BYTES = {
    "empty file": one("", "holds no row"),
    "header without newline": one(HEADER.strip(), "holds no row"),
    "empty lines": one("\n\n", "holds no row"),
    "header only": one(HEADER, "holds no row"),
    "UTF-16": one(HEADER.encode("utf-16"), "not readable as csv: is UTF-16 or no text; save it as UTF-8"),
    "UTF-16 unmarked": one(
        HEADER.encode("utf-16-le"), "not readable as csv: is UTF-16 or no text; save it as UTF-8"
    ),
    "Latin-1 header": one(
        "Öffnung,open\n".encode("latin-1"),
        "not readable as csv: 'utf-8' codec can't decode byte 0xd6 in position 0: invalid continuation byte",
    ),
    "thousands among decimal commas": one(
        with_rows().replace(",", ";").replace(".", ",").replace(";1,5;1\n", ";1,5;1.234\n", 1),
        "not readable as csv: row 1: volume is '1.234' among decimal commas; write nothing between thousands",
    ),
    "short row": one(
        with_rows("1514765040,1,2"),
        "not readable as csv: CSV parse error: line 6: Expected 6 columns, got 3: 1514765040,1,2",
    ),
    "gzip cut short": one(
        gzip.compress(with_rows().encode())[:-9],
        "not readable as csv.gz: Compressed file ended before the end-of-stream marker was reached",
        "A.csv.gz",
    ),
    "no gzip": one(HEADER, "not readable as csv.gz: Not a gzipped file (b'ti')", "A.csv.gz"),
    "gzip bomb": one(
        GZIP_BOMB,
        f"not readable as csv.gz: unpacks to more than 200 times its {len(GZIP_BOMB):,}, which no candles "
        "do; get it anew, or write it as CSV",
        "A.csv.gz",
    ),
    "zip bomb": one(
        zipped(a=bytes(17 * 2**20)),
        f"not readable as zip: unpacks to 17,825,792 bytes, more than 200 times its {PACKED:,}, which no "
        "candles do; get it anew, or write it as CSV",
        "A.zip",
    ),
    "zip of gigabytes": one(
        declared(2**32 - 2),
        "not readable as zip: unpacks to 4,294,967,294 bytes, more than the 1,073,741,824 that are read; "
        "split it by time",
        "A.zip",
    ),
    "zip that lies of its size": one(
        declared(9), "not readable as zip: Bad CRC-32 for file 'a.csv'", "A.zip"
    ),
    "zip above its folder": one(
        zipped(**{"..__x": HEADER}),
        "not readable as zip: holds '../x.csv', which lies outside the archive",
        "A.zip",
    ),
    "zip of an absolute path": one(
        zipped(__etc__x=HEADER),
        "not readable as zip: holds '/etc/x.csv', which lies outside the archive",
        "A.zip",
    ),
    "zip of a drive": one(
        zipped(**{"C:\\x": HEADER}),
        r"not readable as zip: holds 'C:\\x.csv', which lies outside the archive",
        "A.zip",
    ),
    "encrypted zip": one(
        encrypted(), "not readable as zip: holds a.csv, which is encrypted; unpack it first", "A.zip"
    ),
    "zip of two": one(
        zipped(a=HEADER, b=HEADER),
        "not readable as zip: must hold one candle file, and holds a.csv, b.csv; unpack it",
        "A.zip",
    ),
    "no zip": one(HEADER, "not readable as zip: File is not a zip file", "A.zip"),
    "broken parquet": one(
        parquet()[:-8],
        "not readable as parquet: Parquet magic bytes not found in footer. Either the file is corrupted or "
        "this is not a parquet file",
        "A.parquet",
    ),
    "JSON error object": one(
        '{"code": -1121, "msg": "Invalid symbol."}',
        "not readable as json: must be an array of rows, and is {'code': -1121, 'msg': 'Invalid symbol.'}",
        "A.json",
    ),
    "JSON error array": one(
        '["error", 10020, "symbol: invalid"]',
        "not readable as json: row 1 must be an array as long as the first, and is error",
        "A.json",
    ),
    "JSON cut short": one(
        "[[1514764800, 1",
        "not readable as json: Expecting ',' delimiter: line 1 column 16 (char 15)",
        "A.json",
    ),
    "JSON of unequal rows": one(
        "[[1,2,3,4,5,6],[1,2]]",
        "not readable as json: row 2 must be an array as long as the first, and is [1, 2]",
        "A.json",
    ),
    "JSON without a value": one(
        '[{"timestamp": 1514764800, "open": 1}]',
        "lacks high, low, close, volume; its columns are timestamp, open" + ADVICE,
        "A.json",
    ),
}

COLUMNS = {
    "missing column": one(
        HEADER.replace("close,", "") + "1514764800,1,2,0.5,1",
        "lacks close; its columns are timestamp, open, high, low, volume" + ADVICE,
    ),
    "non-ASCII header": one(
        "zeit,öffnung,hoch,tief,schluss,umsatz\n" + ROWS[0],
        "lacks a time (timestamp, date, time, datetime, open_time or unix), open, high, low, close, volume; "
        "its columns are zeit, öffnung, hoch, tief, schluss, umsatz" + ADVICE,
    ),
    "duplicate column": one(
        HEADER.strip() + ",Open\n" + ROWS[0] + ",1", "must hold each column once, and holds open together"
    ),
    "two times": one(
        "date," + HEADER + "1514764800," + ROWS[0] + "\n1514764920," + ROWS[1],
        "2: timestamp is 2018-01-01T00:01:00+00:00, date 2018-01-01T00:02:00+00:00; name the OPEN as "
        "timestamp in data.columns",
    ),
    "five columns": one(
        headless("timestamp", "open", "high", "low", "close"),
        "has no header and 5 columns; known are 6 (freqtrade, bitfinex, coinbase, gate), 7 (kraken, bybit, "
        "kucoin), 8 (kraken, gate, mexc, bitget), 9 (okx), 12 (binance), 14 (poloniex); "
        "say in data.columns which is which",
    ),
    "ambiguous layout": one(
        "1514764800,1,2,2,1,1\n1514764860,2,3,3,2,1\n",
        "every row fits bitfinex and coinbase alike, set data.layout to one",
    ),
    "layout of neither": one(
        "1514764800,1,2,0.5,1.5,1\n1514764860,1,1.5,2,0.5,1\n",
        "row 2 is not freqtrade, row 1 is not bitfinex, row 1 is not coinbase, row 1 is not gate; set "
        "data.layout to freqtrade to have such rows rejected",
    ),
    "contradictory layouts": Case(
        {
            "A/1.csv": headless(*CANDLES),
            "A/2.csv": headless("timestamp", "open", "close", "high", "low", "volume"),
        },
        "ROOT/A/2.csv: has layout bitfinex, but ROOT/A/1.csv has freqtrade; the files of a symbol must share "
        "one",
    ),
    "wrong layout named": one(
        headless(*CANDLES),
        "1: open or close outside low..high here and in 200 of 200 rows that can tell, data.layout bitfinex "
        "is wrong",
        layout="bitfinex",
    ),
    "two symbols in a file": one(
        table(symbol=["A"] * 120 + ["ETHUSD"] * 80),
        "121: symbol is 'ETHUSD' after 'A'; a file holds one symbol",
    ),
    "file of another symbol": one(
        table(symbol="ETHUSD"),
        "its symbol column says 'ETHUSD', data.symbols BTC-USD; move the file, or take the column out if "
        "that is another spelling",
        "BTC-USD.csv",
        symbols=["BTC-USD"],
    ),
}

CELLS = {
    "text for a number": one(with_rows("1514765040,1,2,low,1.5,1"), "5: low is 'low', no number"),
    "thousands": one(
        with_rows('1514765040,"1,234.5",2,0.5,1,1'), f"5: open is '1,234.5', no number{WHAT_TO_WRITE}"
    ),
    "quoted decimal comma": one(
        with_rows('1514765040,"1,5",2,0.5,1,1'), f"5: open is '1,5', no number{WHAT_TO_WRITE}"
    ),
    "bytes for a number": one(
        with_rows("1514765040,1,2,0.5,1.5,1").encode().replace(b"1514765040,1,", b"1514765040,1\xe9,"),
        "5: open is '1�', no number",
    ),
    "true for a number": one(objects(volume=True), "1: volume is 'True', no number", "A.json"),
    "dates for prices": one(
        parquet(close=CANDLES["timestamp"]), "1: close is '2025-03-28 20:00:00+00:00', no number", "A.parquet"
    ),
    "naive time": one(
        table(timestamp=CANDLES["timestamp"].dt.tz_localize(None)),
        "1: timestamp is '2025-03-28 20:00:00', a time without zone; write UTC with Z or the offset, or set "
        "data.timezone",
    ),
    "one naive time": one(
        table(timestamp=ISO_TEXTS.where(CANDLES.index != 6, "2025-03-28 20:06")),
        "7: timestamp is '2025-03-28 20:06', a time without zone; write UTC with Z or the offset, or set "
        "data.timezone",
    ),
    "unparsable time": one(
        table(timestamp=CANDLES["timestamp"].dt.strftime("%d %b %Y %H:%M")),
        "1: timestamp is '28 Mar 2025 20:00', no ISO 8601 time",
    ),
    "one unparsable time": one(
        with_rows("soon,1,2,0.5,1,1"), "5: timestamp is 'soon', no epoch, as the other times are"
    ),
    "epoch in days": one(
        table(timestamp=SECONDS // 86_400),
        "1: timestamp is '20175', days perhaps; write an epoch in s or ms, or ISO 8601",
    ),
    "spreadsheet days": one(
        table(timestamp=SECONDS / 86_400 + 25_569),
        "1: timestamp is '45744.83333333333', days perhaps; write an epoch in s or ms, or ISO 8601",
    ),
    "epoch in minutes": one(table(timestamp=SECONDS // 60), f"1: timestamp is '29053200', {NO_EPOCH}"),
    "lost digit": one(with_rows("151476504,1,2,0.5,1,1"), f"5: timestamp is '151476504', {NO_EPOCH}"),
    "units to and fro": one(
        table(timestamp=SECONDS.where(CANDLES.index % 3 > 0, SECONDS * 1000)),
        "4: timestamp is '1743192180000', of another unit, for the second time",
    ),
    "tenths of ms as s": one(
        table(timestamp=4_000_000_000 + 60 * CANDLES.index),
        "1: time is 2096-10-02T07:06:40Z, in the future, now is NOW: its unit, zone or a clock is wrong",
    ),
    "future": one(
        with_rows("3502828800,1,2,0.5,1,1", at=200),
        "200: time is 2080-12-31T00:00:00Z, in the future, now is NOW: its unit, zone or a clock is wrong",
    ),
    "ns taken for us": one(
        parquet(timestamp=pd.Series((SECONDS * 10**9).to_numpy("datetime64[us]")).dt.tz_localize("UTC")),
        "1: time is 57209-07-22T08:00:00Z, in the future, now is NOW: its unit, zone or a clock is wrong",
        "A.parquet",
    ),
    "ms taken for us": one(
        parquet(timestamp=pd.to_datetime(SECONDS * 1000, unit="us", utc=True)),
        "1: time is 1970-01-21T04:13:12Z, before 1990: its unit is wrong",
        "A.parquet",
    ),
}

STAMPS = {
    "close times by name": one(
        table().replace(b"timestamp", b"close_time"),
        "has close_time, a candle's end, and no time of its OPEN; write that, one interval earlier, as "
        "timestamp",
    ),
    "close times of BitMEX": one(
        table(homeNotional=1.0, foreignNotional=1.0),
        "is BitMEX's, whose timestamp is the candle's CLOSE; write the OPEN as time",
    ),
    "close times beside": one(
        table(close_time=SECONDS), "1: timestamp is not before close_time: it must be the candle's OPEN"
    ),
    "ends in :59": one(table(timestamp=SECONDS + 59), f"1: time is 2025-03-28T20:00:59Z, 1 s {CLOSES}"),
    "ends in :59.999": one(
        table(timestamp=SECONDS * 1000 + 59_999), f"1: time is 2025-03-28T20:00:59.999000Z, 1 ms {CLOSES}"
    ),
    "ends in :59.999999": one(
        table(timestamp=SECONDS * 10**9 + 59_999_999_999),
        f"1: time is 2025-03-28T20:00:59.999999Z, 1 us {CLOSES}",
    ),
    "off the grid": one(
        table(timestamp=SECONDS + 30),
        "1: time off the grid; 200 of 200 rows are rejected, data.max_rejected_share allows a share of 0.01",
    ),
    "wrong interval": one(
        table(timestamp=SECONDS[0] // 300 * 300 + 300 * CANDLES.index),
        "candles are mostly 5 minutes apart, data.interval is 1m",
    ),
}

VALUES = {
    "negative price": one(
        with_rows("1514765040,1,2,-0.5,1,1", "1514765100,1,2,0,1,1", "1514765160,-1,2,0,1,1"),
        "5: non-positive price; 3 of 200 rows are rejected, data.max_rejected_share allows a share of 0.01",
    ),
    "not finite": one(
        with_rows("1514765040,inf,2,0.5,1,1"),
        "5: not finite; 1 of 200 rows are rejected, data.max_rejected_share allows a share of 0.0",
        max_rejected_share=0.0,
    ),
    "empty cell": one(
        with_rows("1514765040,1,2,0.5,,1"),
        "5: not finite; 1 of 200 rows are rejected, data.max_rejected_share allows a share of 0.0",
        max_rejected_share=0.0,
    ),
    "no time": one(
        with_rows(",1,2,0.5,1,1"),
        "5: no time; 1 of 200 rows are rejected, data.max_rejected_share allows a share of 0.0",
        max_rejected_share=0.0,
    ),
    "high below low": one(
        table(high=CANDLES["low"], low=CANDLES["high"]),
        "1: high below low; 200 of 200 rows are rejected, data.max_rejected_share allows a share of 0.01",
    ),
    "close above high": one(
        with_rows("1514765040,1,2,0.5,2.5,1"),
        "5: open or close outside low..high; 1 of 200 rows are rejected, data.max_rejected_share allows a "
        "share of 0.001",
        max_rejected_share=0.001,
    ),
    "negative volume": one(
        table(volume=-1.0),
        "1: negative volume; 200 of 200 rows are rejected, no candle is left",
        max_rejected_share=1.0,
    ),
    "conflicting rows": Case(
        {"A/1.csv": scaled(1.0, []), "A/2.csv": scaled(1.001, slice(50, 60))},
        "ROOT/A/1.csv, row 51: ROOT/A/2.csv, row 51 is another candle of the same time, close 100.683043 and "
        "100.783726; 11 of 400 rows are in conflict, data.max_rejected_share allows a share of 0.01",
    ),
}

LEVELS = {
    "cents inside a file": one(
        scaled(100, slice(50, 69)),
        "51: price is 100 times that of ROOT/A.csv, row 50, just before: another unit, cents perhaps",
    ),
    "cents at a seam": Case(
        {"A/1.csv": scaled(100, slice(None), CANDLES[:90]), "A/2.csv": scaled(1, [], CANDLES[90:])},
        "ROOT/A/2.csv, row 1: price is 1/100 of that of ROOT/A/1.csv, row 90, just before: another unit, "
        "cents perhaps",
    ),
    "a thousandth": one(
        scaled(1e-3, slice(120, None)),
        "121: price is 1/1e+03 of that of ROOT/A.csv, row 120, just before: another unit, cents perhaps",
    ),
    "one broken candle": one(
        scaled(17.5, [33]),
        "34: price is 17.5 times that of ROOT/A.csv, row 33, just before: another symbol, or a broken price",
    ),
    "another symbol from a row on": one(
        scaled(1.4, slice(100, None)),
        "101: price is 1.4 times that of ROOT/A.csv, row 100, just before: another symbol, or a broken price",
    ),
    "cents after hours": one(
        scaled(0.1, slice(100, None), with_gap(300)),
        "101: price is 1/10 of that of ROOT/A.csv, row 100, just before: another unit, cents perhaps",
    ),
    "cents after weeks": one(
        scaled(100, slice(100, None), with_gap(20 * 1440)),
        "101: price is 100 times that of ROOT/A.csv, row 100, just before: another unit, cents perhaps",
    ),
}

CASES = PLACES | BYTES | COLUMNS | CELLS | STAMPS | VALUES | LEVELS


def ingest(root, files, path="", **params):
    """Write `files` under `root`, read its first symbol and clean it."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
    data = section(root / path, **params)
    return clean(read_symbol(data, data.symbols[0]), data)


def section(path, **params):
    """The section `data` for files under `path`."""
    values = {
        "source": "files",
        "path": str(path),
        "layout": "auto",
        "columns": {},
        "timezone": None,
        "symbols": ["A"],
        "interval": "1m",
        "max_fill": 15,
        "max_filled_share": 0.2,
        "max_rejected_share": 0.01,
        "extra": {},
        "extra_path": "",
        "memory_gb": None,
        "workers": 1,
    }
    return DataParams(**{**values, **params})


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_bad_input_ends_with_its_message(tmp_path, case):
    """Nothing is guessed, dropped or mended in silence: the whole line, word by word."""
    with pytest.raises(DataError) as caught:
        ingest(tmp_path, case.files, **case.params)
    told = str(caught.value).replace(str(tmp_path), "ROOT")
    assert re.sub("now is [-0-9T:]*Z", "now is NOW", told) == case.message


GOOD = {
    "a path with spaces": {"my candles/A/part 1.csv": table()},
    "a byte order mark": {"A.csv": b"\xef\xbb\xbf" + table()},
    "a byte order mark in JSON": {"A.json": b"\xef\xbb\xbf" + objects().encode()},
    "open and close times": {"A.csv": table(close_time=SECONDS + 60)},
    "the symbol's own name": {"A.csv": table(symbol="A/USDT")},
    "other columns in other letters": {"A.csv": table(größe="é")},
    "a unit that changes once": {"A.csv": table(timestamp=SECONDS.where(CANDLES.index < 90, SECONDS * 1000))},
    "semicolons": {"A.csv": table().replace(b",", b";")},
    "tabs": {"A.tsv": table().replace(b",", b"\t")},
    "bars": {"A.txt": table().replace(b",", b"|")},
    "decimal commas": {"A.csv": table().replace(b",", b";").replace(b".", b",")},
    "files that overlap": {"A/1.csv": scaled(1, [], CANDLES[:90]), "A/2.csv": scaled(1, [], CANDLES[70:])},
}


@pytest.mark.parametrize("files", GOOD.values(), ids=GOOD)
def test_what_only_looks_odd_is_read(tmp_path, files):
    """Everything that leaves no doubt is taken, and gives the candles it holds."""
    path = "my candles" if "my candles/A/part 1.csv" in files else ""
    candles = ingest(tmp_path, files, path=path).candles
    pd.testing.assert_frame_equal(candles[["timestamp", *OHLCV]], CANDLES)


WHOLE = {
    "csv": table(),
    "csv.gz": gzip.compress(table(), mtime=0),
    "zip": zipped(a=table()),
    "json": objects().encode(),
    "parquet": parquet(),
}


@settings(max_examples=settings.default.max_examples * 3 // 2, deadline=None)
@given(
    extension=st.sampled_from(sorted(WHOLE)),
    spoils=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=3)), min_size=1, max_size=4),
    kept=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_spoilt_bytes_are_refused_in_one_line_or_read(tmp_path_factory, extension, spoils, kept):
    """Whatever happens to a file on its way, nobody sees a traceback, and no candle is impossible."""
    content = bytearray(WHOLE[extension])
    for place, spoil in spoils:
        begin = int(place * len(content))
        content[begin : begin + len(spoil)] = spoil
    folder = tmp_path_factory.mktemp("spoilt")
    try:
        candles = ingest(folder, {f"A.{extension}": bytes(content[: int(kept * len(content))])}).candles
    except DataError as error:
        told, candles = str(error), CANDLES
    else:
        told = ""
    assert "\n" not in told
    assert (candles[["open", "close"]].min(axis=1) >= candles["low"]).all()
    assert (candles[["open", "close"]].max(axis=1) <= candles["high"]).all()
    assert candles["timestamp"].is_monotonic_increasing


def test_links_that_lead_nowhere_are_told(tmp_path):
    """A link to itself is neither followed for ever nor passed over."""
    (tmp_path / "A.csv").symlink_to(tmp_path / "A.csv")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(DataError) as caught:
        ingest(tmp_path, {})
    assert str(caught.value) == f"{tmp_path}/A.csv: is a link that leads nowhere or to itself"
    (tmp_path / "A.csv").unlink()
    (tmp_path / "X").symlink_to(tmp_path)
    with pytest.raises(DataError) as caught:
        ingest(tmp_path, {"A.csv": table()})
    twice = f"A is there more than once: {tmp_path}/A.csv, {tmp_path}/X/A.csv; set data.path to one"
    assert str(caught.value) == f"{tmp_path}: {twice}"


def test_what_may_not_be_read_is_told(tmp_path, monkeypatch):
    """The system's own word, file and folder alike."""

    def deny(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.read_bytes", deny)
    with pytest.raises(DataError) as caught:
        ingest(tmp_path, {"A.csv": table()})
    assert str(caught.value) == f"{tmp_path}/A.csv: not readable as csv: Permission denied"
    monkeypatch.setattr("pathlib.Path.iterdir", deny)
    with pytest.raises(DataError) as caught:
        ingest(tmp_path, {})
    assert str(caught.value) == f"{tmp_path}: can't be read: Permission denied"


@pytest.mark.parametrize(
    ("seconds", "n_left"), [(0, 199), (59, 199), (60, 200), (-1, None), (-60, None), (-86_000, None)]
)
def test_an_open_candle_is_left_out_and_one_of_the_future_refused(tmp_path, seconds, n_left):
    """The last candle opened `seconds` ago: read once it has closed, counted while open, refused before."""
    (tmp_path / "A.csv").write_bytes(table())
    data = section(tmp_path)
    last = CANDLES["timestamp"].iloc[-1]
    now = last + pd.Timedelta(seconds=seconds)
    if n_left is None:
        told = (
            rf"A.csv, row \d+: time is .*Z, in the future, now is {now:%Y-%m-%dT%H:%M:%S}Z: its unit, zone or"
        )
        with pytest.raises(DataError, match=told):
            read_symbol(data, "A", now)
    else:
        cleaned = clean(read_symbol(data, "A", now), data)
        assert (cleaned.card["rows"], cleaned.card.get("not_closed", 0)) == (n_left, 200 - n_left)


def test_real_moves_are_no_leaps(tmp_path):
    """A crash to a third inside one candle, tenfold over a day's gap, a short spike: all are read."""
    crash = CANDLES.copy()
    crash.loc[60, "low"] = crash.loc[60, "close"] = 30.0
    crash.loc[61:, ["open", "high", "low", "close"]] *= 0.3
    crash.loc[61, "open"], crash.loc[61, "high"], crash.loc[61, "low"] = 30.0, 40.0, 20.0
    assert ingest(tmp_path, {"A.csv": crash.to_csv(index=False)}).card["rows"] == 200
    assert ingest(tmp_path, {"A.csv": scaled(10, slice(100, None), with_gap(1440))}).card["rows"] == 200
    assert ingest(tmp_path, {"A.csv": scaled(1.4, slice(100, 130))}).card["rows"] == 200
    assert np.array_equal(ingest(tmp_path, {"A.csv": table()}).candles["close"], CANDLES["close"])
