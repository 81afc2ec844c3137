"""`make live`, `make watch`: a replay ends in an account and a page, a kill at any moment loses nothing."""

import json
import os
import signal
import subprocess
import time

import numpy as np
import pandas as pd
import pytest

from tapeline.closure import ROOT
from tapeline.live.records import Records
from tests.browser import faults_of
from tests.live.promoted import WARM_UP, market, promote, since, write_market
from tests.warm import warm_python

N = WARM_UP + 700
pytestmark = pytest.mark.xdist_group("live command")  # one replay that all of them look at


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with params, bundles in production and candles."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    tables = market(N)
    promote(folder / "models/promoted")
    write_market(folder / "candles", tables)
    return folder, f"{since(tables):%Y-%m-%dT%H:%M}"


def command(project, name, *options, folder="live", **more):
    """Start a command in the project."""
    return subprocess.Popen(
        [warm_python(), "-m", f"commands.{name}", f"--folder={folder}", *options],
        cwd=project[0], env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more,
    )  # fmt: skip


def ended(process):
    """Its exit status and what it wrote."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def records(project, folder="live"):
    """All that is recorded."""
    return pd.DataFrame(list(Records(project[0] / folder).read()))


@pytest.fixture(scope="module")
def whole(project):
    """A replay that nothing interrupted: its records and the account it told."""
    status, out, err = ended(
        command(project, "live", "--replay=candles", f"--since={project[1]}", folder="whole")
    )
    assert status == 0, err
    rows = records(project, "whole")
    answers = [json.loads(line) for line in out.splitlines()]
    assert len(answers) == len(rows)
    assert not list((project[0] / "whole").glob("*.jsonl")), "every day is packed"
    (account,) = [line for line in err.splitlines() if line.startswith("account: ")]
    return rows, account, answers


def test_a_replay_ends_in_an_account_and_a_page(project, whole):
    """Answers on standard output hold what consumers need; the page says the state first."""
    rows, account, answers = whole
    assert len(rows) > 1000
    assert "trades, net " in account
    predicted = next(answer for answer in answers if answer["status"] == "predicted")
    assert {"symbol", "timestamp", "probability", "trend_strength", "predictions", "bundles"} <= set(
        predicted
    )
    page = (project[0] / "reports/live.html").read_text()
    assert "Live: <span" in page
    assert (
        page.index("Live: <span") < page.index("Account on paper") < page.index("Against what was promised")
    )


@pytest.mark.slow
def test_the_page_reads_on_a_screen_and_a_phone(project, whole, tmp_path):
    """No clipped column, no sideways scroll, contrast, keyboard: as every page."""
    assert faults_of(project[0] / "reports/live.html", tmp_path) == []


def test_watch_says_the_state_and_the_figures(project, whole):
    """By the records alone; nothing is written."""
    before = sorted((project[0] / "whole").iterdir())
    status, out, _ = ended(command(project, "watch", folder="whole"))
    assert status == 0
    lines = out.splitlines()
    assert lines[0].startswith(("ok: ", "warning: "))
    assert any(line.startswith("lstm-direction accuracy: ") for line in lines)
    assert any(line.startswith("account since ") for line in lines)
    assert sorted((project[0] / "whole").iterdir()) == before


def test_watch_ends_quietly_when_its_reader_leaves(project, whole):
    """As in `make watch | head -1`: the first line, no complaint, no error."""
    process = subprocess.Popen(
        [warm_python(), "-m", "commands.watch", "--folder=whole"], cwd=project[0], text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=120) == 0


def kills(project, whole, folder, moments):
    """Kill the replay at each of the moments, in seconds after its first answer; then let it end."""
    for wait in moments:
        process = command(project, "live", "--replay=candles", f"--since={project[1]}", folder=folder)
        process.stdout.readline()
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    status, _, err = ended(
        command(project, "live", "--replay=candles", f"--since={project[1]}", folder=folder)
    )
    assert status == 0, err
    rows, account, _ = whole
    pd.testing.assert_frame_equal(records(project, folder), rows)
    assert account in err


@pytest.mark.slow
def test_a_kill_at_any_moment_loses_nothing(project, whole):
    """Killed twice, it ends with the records and the account of the run that nothing interrupted."""
    kills(project, whole, "killed", (0.05, 0.4))


@pytest.mark.torture
def test_fifty_kills_lose_nothing(project, whole):
    """Fifty random moments, ten of each replay."""
    rng = np.random.default_rng(0)
    for k in range(5):
        kills(project, whole, f"killed-{k}", rng.uniform(0, 0.4, 10).tolist())


def test_two_at_once_on_one_folder(project, whole):
    """The second refuses in a line; the first goes on."""
    first = command(project, "live", "--replay=candles", "--speed=60", folder="two")
    first.stdout.readline()
    status, _, err = ended(command(project, "live", "--replay=candles", folder="two"))
    first.send_signal(signal.SIGINT)
    first.communicate()
    assert status != 0
    assert "another `make live` records there" in err
    assert first.returncode == 130


MISTAKES = {
    "no candles": ([], "which candles? make live EXCHANGE=binance, or REPLAY="),
    "no folder": (["--replay=nowhere"], "REPLAY: nowhere is no folder of candles"),
    "no bundle": (["--replay=candles", "--models=nowhere"], "nowhere: holds no bundle"),
    "speed": (["--replay=candles", "--speed=fast"], "SPEED is 'fast'"),
    "since": (["--replay=candles", "--since=soon"], "SINCE: is 'soon'"),
    "after the end": (["--replay=candles", "--since=2030-01-01"], "SINCE: no candle lies from 2030-01-01"),
    "exchange": (["--exchange=binanse"], "is not known; close are binance"),
    "symbol": (["--exchange=binance", "--symbols=ZZZ-USD"], "no symbol that was trained on"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_line(project, case):
    """What, where and what to do; not zero, no traceback."""
    options, expected = MISTAKES[case]
    status, out, err = ended(command(project, "live", *options, folder="mistake"))
    assert status not in (0, 130)
    assert expected in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""


def test_watch_of_nothing_is_one_line(project, tmp_path):
    """Nothing is recorded; records of another version; a damaged day."""
    status, _, err = ended(command(project, "watch", folder=str(tmp_path)))
    assert status == 1
    assert "nothing is recorded; `make live` answers and records" in err
    (tmp_path / "format.json").write_text('{"version": 0}')
    status, _, err = ended(command(project, "watch", folder=str(tmp_path)))
    assert "holds records of version 0" in err
    assert len(err.strip().splitlines()) == 1
    (tmp_path / "format.json").unlink()
    (tmp_path / "2026-02-01.parquet").write_bytes(b"no table")
    status, _, err = ended(command(project, "watch", folder=str(tmp_path)))
    assert "2026-02-01.parquet: can't be read" in err
    assert len(err.strip().splitlines()) == 1


def test_credentials_are_neither_needed_nor_shown(project, whole):
    """Whatever keys the environment holds, no line and no file has them."""
    secret = "s3cr3t-of-an-exchange"
    process = subprocess.Popen(
        [warm_python(), "-m", "commands.live", "--folder=keys", "--replay=candles",
         "--until=2025-03-29T02:00"],
        cwd=project[0], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT), "BINANCE_APIKEY": secret, "BINANCE_SECRET": secret},
    )  # fmt: skip
    status, out, err = ended(process)
    assert status == 0, err
    written = b"".join(path.read_bytes() for path in (project[0] / "keys").iterdir())
    assert secret not in out + err
    assert secret.encode() not in written
