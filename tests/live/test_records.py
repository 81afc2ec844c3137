"""Answers on disk: nothing lost, nothing twice, whenever the process ends."""

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from tapeline.closure import ROOT
from tapeline.errors import ArtifactError
from tapeline.live.records import COLUMNS, Records, open_to_write
from tests.warm import warm_python

DAY_US = 86_400_000_000
START = 1_769_904_000_000_000  # a midnight


def record(minute, symbol="BTC-USD"):
    """A record of the candle that opened `minute` minutes after START."""
    time_us = START + minute * 60_000_000
    numbers = dict.fromkeys(("open", "high", "low", "close"), 100.0) | {"volume": 1.0}
    texts = dict.fromkeys(("reason", "predictions", "row", "bundles"), "")
    return {
        "symbol": symbol, "timestamp": time_us, "arrived": time_us + 60_500_000,
        "answered": time_us + 60_500_400, **numbers, "status": "predicted", "is_late": False,
        "is_stopped": False, "probability": 0.6, "tier": None, "trend_strength": None, **texts,
    }  # fmt: skip


def all_of(folder):
    """All records in one table."""
    records = Records(folder)
    return pd.concat([records.read_day(day) for day in records.days()], ignore_index=True)


def test_what_was_added_is_read_in_its_order(tmp_path):
    """Over four days, all but the last of which are packed; types are those of the columns."""
    with open_to_write(tmp_path) as writer:
        for k in range(0, 4 * 1440, 7):
            writer.add([record(k), record(k, "ETH-USD")])
            writer.keep()
    table = all_of(tmp_path)
    assert len(table) == 2 * len(range(0, 4 * 1440, 7))
    assert table["timestamp"].is_monotonic_increasing
    again = [
        {name: row[name] for name in ("symbol", "timestamp", "answered")} for row in Records(tmp_path).read()
    ]
    assert again[3] == {name: record(7, "ETH-USD")[name] for name in ("symbol", "timestamp", "answered")}
    assert {name: str(kind) for name, kind in table.dtypes.items()} == COLUMNS
    assert sorted(path.name for path in tmp_path.glob("????-*")) == [
        "2026-02-01.parquet", "2026-02-02.parquet", "2026-02-03.parquet", "2026-02-04.jsonl",
    ]  # fmt: skip
    assert table["trend_strength"].isna().all()
    assert (table["tier"] == "").all()


def test_a_late_candle_of_yesterday_stands_where_it_came(tmp_path):
    """Among those of today, so that the order of answers is that of the files; after a new start as well."""
    with open_to_write(tmp_path) as writer:
        writer.add([record(1439), record(1440)])
        writer.add([record(1439, "ETH-USD"), record(1441)])
    with open_to_write(tmp_path) as writer:
        writer.add([record(1438, "LTC-USD"), record(1442)])
        writer.pack()
    assert len(Records(tmp_path).read_day("2026-02-01")) == 1
    order = [(row["timestamp"] - START) // 60_000_000 for row in Records(tmp_path).read()]
    assert order == [1439, 1440, 1439, 1441, 1438, 1442]
    assert not list(tmp_path.glob("*.jsonl"))


def test_a_day_that_is_over_is_packed_between_answers(tmp_path):
    """Not while one is written; once, and it is said."""
    with open_to_write(tmp_path) as writer:
        writer.add([record(1439)])
        assert not writer.keep()
        writer.add([record(1440)])
        assert sorted(path.suffix for path in tmp_path.glob("????-*")) == [".jsonl", ".jsonl"]
        assert writer.keep()
        assert not writer.keep()
    assert sorted(path.suffix for path in tmp_path.glob("????-*")) == [".jsonl", ".parquet"]
    assert len(all_of(tmp_path)) == 2


def test_a_torn_last_line_is_taken_off(tmp_path):
    """As a kill leaves it; the record of the next run begins on a line of its own."""
    with open_to_write(tmp_path) as writer:
        writer.add([record(0), record(1)])
    path = tmp_path / "2026-02-01.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    assert len(all_of(tmp_path)) == 1
    with open_to_write(tmp_path) as writer:
        writer.add([record(1), record(2)])
    assert len(all_of(tmp_path)) == 3


def test_a_day_that_was_packed_and_not_cleared_is_read_once(tmp_path):
    """A kill between the table's renaming and the lines' removal."""
    with open_to_write(tmp_path) as writer:
        writer.add([record(0), record(1)])
        writer.close()
        lines = (tmp_path / "2026-02-01.jsonl").read_bytes()
        writer.pack()
    (tmp_path / "2026-02-01.jsonl").write_bytes(lines)
    assert len(all_of(tmp_path)) == 2


def test_two_at_once_are_refused(tmp_path):
    """The second ends in a line."""
    with open_to_write(tmp_path), pytest.raises(ArtifactError, match="another `make live` records there"):
        with open_to_write(tmp_path):
            pass
    with open_to_write(tmp_path):
        pass


def test_records_of_another_version_are_refused(tmp_path):
    """Nothing is written among them."""
    (tmp_path / "format.json").write_text(json.dumps({"version": 0}))
    with pytest.raises(ArtifactError, match="holds records of version 0"):
        Records(tmp_path)
    (tmp_path / "format.json").write_text("{")
    with pytest.raises(ArtifactError, match="can't be read"):
        Records(tmp_path)


def test_a_folder_that_can_not_be_written_to_is_named(tmp_path):
    """A file lies where the folder should."""
    (tmp_path / "live").write_text("")
    with pytest.raises(ArtifactError, match="can't be written to"), open_to_write(tmp_path / "live"):
        pass


FILLS = """
import resource, sys
from pathlib import Path
from tapeline.ending import run_command
from tapeline.live.records import open_to_write
from tests.warm import warm_python
from tests.live.test_records import record
def main():
    with open_to_write(Path(sys.argv[1])) as writer:
        for k in range(400):
            resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
            writer.add([record(k)])
            print(k, flush=True)
run_command(main)
"""


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path):
    """What, where and what to do; what was answered is read, and the next run goes on behind it."""
    ended = subprocess.run(
        [sys.executable, "-c", FILLS, str(tmp_path)], capture_output=True, text=True, cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    said = len(ended.stdout.splitlines())
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith(f"{tmp_path}: can't be written to: ")
    assert 10 < said < 400
    with open_to_write(tmp_path) as writer:
        writer.add([record(said)])
    assert len(all_of(tmp_path)) == said + 1


WRITES = """
import sys
from pathlib import Path
from tapeline.live.records import open_to_write
from tests.live.test_records import record
with open_to_write(Path(sys.argv[1])) as writer:
    for k in range(int(sys.argv[2]), 10**9):
        writer.add([record(k)])
        print(k, flush=True)
"""


@pytest.mark.parametrize("seed", range(3))
def test_a_kill_loses_nothing_that_was_answered(tmp_path, seed):
    """Killed three times: whatever was said on standard output is there, once, and all before it."""
    after = 0
    for again in range(3):
        process = subprocess.Popen(
            [warm_python(), "-c", WRITES, str(tmp_path), str(after)],
            stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        said = process.stdout.readline()
        time.sleep(0.05 + 0.07 * ((seed * 3 + again) % 4))
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split("\n")[:-1]
        process.wait()
        said = int(rest[-1] if rest else said)
        found = (all_of(tmp_path)["timestamp"].astype("int64") - START) // 60_000_000
        assert found.tolist() == list(range(len(found)))
        assert len(found) > said
        after = len(found)
