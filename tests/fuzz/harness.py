"""Each surface under spoilt input: how many were tried, how many survived, and what went wrong.

A fault is any exception but the project's own, a message of more than one line, a limit of time exceeded, or
a changed value that neither is refused, nor counted, nor changes the result.
"""

import csv
import gzip
import io
import json
import math
import pickle
import random
import resource
import time
import zipfile
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from gto.tag import parse_name
from ruamel.yaml import YAML

from tapeline.checks.sections import check_combinations, check_sections
from tapeline.closure import ROOT
from tapeline.errors import TapelineError
from tapeline.market.cleaning import clean
from tapeline.market.data_params import DataParams
from tapeline.market.files import read_symbol
from tapeline.params import Params
from tapeline.promotion.release_record import AssignmentRecord, ReleaseRecord
from tapeline.promotion.versions import Version
from tapeline.schema import OHLCV
from tapeline.serving.lines import LONGEST_LINE, about_bundles, as_line, predict_lines
from tapeline.serving.stream import Stream
from tests.candles import random_candles
from tests.fuzz.mutations import ODD_NAMES, spoil_bytes, spoil_field, spoil_json, spoil_value

LONGEST_REASON = 400  # characters
SLOWEST = 5.0  # seconds that one input may take
TEXTS = ("csv", "json")
READERS = (*TEXTS, "jsonl", "parquet", "feather", "h5", "csv.gz", "zip")
SETTINGS = {
    "source": "files", "layout": "auto", "columns": {}, "timezone": None, "symbols": ["A"], "interval": "1m",
    "max_fill": 15, "max_filled_share": 0.2, "max_rejected_share": 0.05, "workers": 1,
    "extra": {}, "extra_path": "", "memory_gb": None,
}  # fmt: skip


@dataclass
class Tally:
    """Inputs tried on one surface, those refused in one line, and faults with their number."""

    surface: str
    tried: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)

    def attempt(self, number: int, work: Callable[[], str | None]) -> None:
        """Do `work`, which returns what is wrong with its result, if anything."""
        self.tried, started = self.tried + 1, time.process_time()
        try:
            wrong = work()
        except TapelineError as error:
            self.refused += 1
            wrong = "more than one line" if "\n" in " ".join(str(error).split()) or not str(error) else None
        except Exception as error:
            wrong = f"{type(error).__name__}: {str(error)[:200]}"
        if (taken := time.process_time() - started) > SLOWEST:
            wrong = f"took {taken:.1f} s"
        if wrong:
            self.faults.append(f"{self.surface} {number}: {wrong}")

    def __str__(self) -> str:
        survived = self.tried - len(self.faults)
        return f"{self.surface:18} {self.tried:9,} {survived:9,} {self.refused:9,} {len(self.faults):7,}"


def rows_of(n: int = 120) -> list[list[str]]:
    """Names and candles as text, the time in seconds."""
    candles = random_candles(n)[["timestamp", *OHLCV]].round(dict.fromkeys(OHLCV, 6))
    seconds = candles["timestamp"].astype("int64") // 10**6
    table = candles.assign(timestamp=seconds).astype({"timestamp": "int64"})
    return [list(table.columns), *([str(cell) for cell in row] for row in table.to_numpy(object))]


def write(rows: list[list[str]], extension: str) -> bytes:
    """Bytes of a file of the `rows`; numbers where a format has them and the cells are such."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    if extension == "csv":
        return text.getvalue().encode()
    names, *cells = rows
    values = [[_number(cell) for cell in row] for row in cells]
    if extension == "json":
        return json.dumps([dict(zip(names, row, strict=False)) for row in values]).encode()
    if extension == "jsonl":
        return "\n".join(json.dumps(row) for row in values).encode()
    if extension == "h5":
        return write_hdf(names, values)
    table, sink = pd.DataFrame(values, columns=_unique(names)), io.BytesIO()
    table = table.map(lambda cell: str(cell) if isinstance(cell, int) and abs(cell) >= 2**63 else cell)
    table = table.apply(lambda column: column if len(set(column.map(type))) == 1 else column.astype(str))
    if extension in ("parquet", "feather"):
        getattr(table, f"to_{extension}")(sink)
    elif extension == "csv.gz":
        sink.write(gzip.compress(table.to_csv(index=False).encode(), mtime=0))
    else:
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("A.csv"), table.to_csv(index=False))
    return sink.getvalue()


def _unique(names: list[str]) -> list[str]:
    return [name if names.index(name) == at else f"{name}{at}" for at, name in enumerate(names)]


def _number(cell: str) -> object:
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def _value(cell: str) -> object:
    """The number that `cell` says however it is written, else itself."""
    try:
        return float(cell)
    except ValueError:
        return cell


def write_hdf(names: list[str], values: list[list[object]]) -> bytes:
    """A table as pandas' HDFStore writes one: two blocks, their columns' names in pickles."""
    numbers = [[cell if isinstance(cell, int | float) else math.nan for cell in row] for row in values]
    kind = np.dtype([("index", "i8"), ("values_block_0", "f8", (len(names),))])
    records, sink = np.zeros(len(numbers), kind), io.BytesIO()
    records["index"], records["values_block_0"] = range(len(numbers)), np.array(numbers, "f8")
    with h5py.File(sink, "w") as file:
        table = file.create_dataset("a/table", data=records, chunks=(64,), compression="gzip")
        table.attrs["values_block_0_kind"] = np.bytes_(pickle.dumps(names, 0))
    return sink.getvalue()


def read(folder: Path, extension: str, content: bytes) -> tuple[pd.DataFrame, dict]:
    """Candles and card of a file of one symbol."""
    for old in folder.iterdir():
        old.unlink()
    (folder / f"A.{extension}").write_bytes(content)
    data = DataParams(path=str(folder), **SETTINGS)
    cleaned = clean(read_symbol(data, "A"), data)
    return cleaned.candles, cleaned.card


def fuzz_reader(extension: str, n: int, folder: Path, seed: int = 1) -> Tally:
    """Files of one format: fields changed before they are written, or bytes after it."""
    tally, rows = Tally(f"reader {extension}"), rows_of()
    whole = write(rows, extension)
    candles, card = read(folder, extension, whole)

    def spoilt(number: int) -> str | None:
        draw = random.Random(f"{seed} {extension} {number}")
        if draw.random() < 0.5:
            read(folder, extension, spoil_bytes(whole, draw))
            return None
        changed = deepcopy(rows)
        row, column, before, after = spoil_field(changed, draw)
        found, counted = read(folder, extension, write(changed, extension))
        is_same = (
            _value(before) == _value(after) or row == 0 or (extension == "h5" and _number(after) == after)
        )
        if not is_same and found.equals(candles) and counted == card:
            return f"row {row}, column {column}: {before!r} became {after!r}, and nothing shows it"
        return None

    for number in range(n):
        tally.attempt(number, lambda number=number: spoilt(number))
    return tally


def fuzz_lines(stream: Stream, good: list[bytes], n: int, seed: int = 1) -> Tally:
    """Lines of serving: each has one answer, of JSON, and a good line is never the stream's last."""
    tally, about = Tally("serving lines"), about_bundles(stream, {})

    def spoilt(number: int) -> str | None:
        draw = random.Random(f"{seed} line {number}")
        line = spoil_json(draw.choice(good).decode(), draw)
        answers = list(predict_lines(stream, [line]))
        if len(answers) != bool(line.strip()):
            return f"{len(answers)} answers to {line[:100]!r}"
        for answer in answers:
            written = json.dumps(as_line(answer, about), allow_nan=False)
            tally.refused += answer.status == "refused"
            is_short = 0 < len(answer.reason) < LONGEST_REASON or answer.status != "refused"
            if len(written) > 2 * LONGEST_LINE or not is_short:
                return f"{line[:100]!r} is refused without a short reason"
        return None

    for number in range(n):
        tally.attempt(number, lambda number=number: spoilt(number))
    return tally


def fuzz_tags(n: int, seed: int = 1) -> Tally:
    """Messages of tags, and their names: read, or refused in one line."""
    record = ReleaseRecord(
        bundle_id="a", fingerprints={"data": "x"}, gates=(), lock_sha256="0", metrics={}, why="x"
    )
    texts = {
        ReleaseRecord: json.dumps(record.plain() | {"gates": [VERDICT], "metrics": {"lstm": {"ece": 0.1}}}),
        AssignmentRecord: json.dumps({"version": "v1.0.0", "why": "promoted"}),
    }
    tally = Tally("tag messages")

    def spoilt(number: int) -> None:
        draw = random.Random(f"{seed} tag {number}")
        name = draw.choice(("lstm-direction@v1.2.3", "lstm-direction#prod#4", "a@b", "@", "#"))
        if draw.random() < 0.5:
            name = spoil_bytes(name.encode(), draw).decode(errors="replace")
        parsed = parse_name(name, raise_on_fail=False)
        if parsed.get("version"):
            Version.parse(parsed["version"])
        kind = draw.choice(list(texts))
        document = kind.read(spoil_json(texts[kind], draw), "its message")
        json.dumps(document.plain())
        if isinstance(document, AssignmentRecord):
            Version.parse(document.version)

    for number in range(n):
        tally.attempt(number, lambda number=number: spoilt(number))
    return tally


VERDICT = {
    "artifact": "lstm-direction", "gate": "lstm.ece", "value": 0.1, "limit": "<= 1", "margin": 0.9,
    "status": "passed", "reason": "x",
}  # fmt: skip


def fuzz_params(n: int, seed: int = 1) -> Tally:
    """params.yaml as `make check` reads it: what is wrong is one short line."""
    shipped = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    texts = {name: json.dumps({name: values}) for name, values in shipped.items()}
    tally = Tally("params")

    def spoilt(number: int) -> str | None:
        draw = random.Random(f"{seed} params {number}")
        if draw.random() < 0.1:
            name = draw.choice(list(texts))
            params = Params.parse(spoil_bytes(texts[name].encode(), draw).decode(errors="replace"))
        else:
            values = deepcopy(shipped)
            for _ in range(draw.randint(1, 2)):
                spoil_value(values if draw.random() < 0.02 else values[draw.choice(list(values))], draw)
            if draw.random() < 0.02:
                values[draw.choice(ODD_NAMES)] = {}
            params = Params(values)
        problems, sections = check_sections(params)
        problems += check_combinations(sections)
        tally.refused += bool(problems)
        texts_of = [problem.text for problem in problems]
        long = [text for text in texts_of if len(text) > 6000 or "\n" in " ".join(text.split())]
        return f"says {long[0][:200]!r}" if long else None

    for number in range(n):
        tally.attempt(number, lambda number=number: spoilt(number))
    return tally


def soak(stream: Stream, n: int) -> Iterator[tuple[int, int, float]]:
    """Feed `n` candles of the stream's symbols in step; yield how many, the resident KiB, the seconds."""
    started = time.perf_counter()
    symbols, draw = stream.symbols, random.Random(1)
    price, first = dict.fromkeys(symbols, 100.0), 1_600_000_020
    for k in range(n):
        symbol = symbols[k % len(symbols)]
        opened, minute = price[symbol], first + 60 * (k // len(symbols))
        close = price[symbol] = opened * (1 + draw.gauss(0, 1e-3))
        high, low = max(opened, close) * 1.0005, min(opened, close) * 0.9995
        candle = dict(zip(OHLCV, (opened, high, low, close, draw.uniform(1, 10)), strict=True))
        answer = stream.feed(symbol, candle | {"timestamp": minute})
        if answer.status == "refused":
            raise AssertionError(answer.reason)
        if k % (n // 10) == n // 10 - 1:
            yield k + 1, resident(), time.perf_counter() - started


def resident() -> int:
    """KiB that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


HEADER = f"{'surface':18} {'tried':>9} {'survived':>9} {'refused':>9} {'faults':>7}"
