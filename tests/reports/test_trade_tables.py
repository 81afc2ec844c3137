"""Single trades are shown only if they are the run's, in a file and in a table that sorts."""

import json
import re

import pandas as pd
import pytest

from tapeline.errors import DataError
from tapeline.reports.trade_tables import COLUMNS, FILE, as_script, by_symbol, comes_to, read_trades, rows_of

TIMES = pd.to_datetime(["2024-01-01 00:00", "2024-01-01 00:00", "2024-01-01 12:00"], utc=True)
TRADES = pd.DataFrame(
    {
        "symbol": ["A", "B", "A"], "side": [1, -1, -1], "quantity": [2.0, 1.0, 4.0],
        "entry_price": [100.0, 42135.27, 100.0], "exit_price": [101.0, 42100.0, 99.0],
        "gross_pnl": [2.0, 35.27, 4.0], "net_pnl": [1.5, 30.123456, 3.0], "reason": ["time", "stop", "end"],
        "decision_time": TIMES, "entry_time": TIMES, "exit_time": TIMES + pd.Timedelta(hours=6),
    }
)  # fmt: skip
MONEY = {"trades": 3, "net_pnl": 34.623456}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plots").mkdir()


def never():
    """Not to be called."""
    raise AssertionError


def test_trades_that_come_to_the_run_are_written_and_not_made_again():
    """Prices to the cent; the same bytes again."""
    table, why = read_trades(lambda: TRADES, MONEY)
    assert why == ""
    assert table["entry_price"].tolist() == TRADES["entry_price"].tolist()
    first = FILE.read_bytes()
    again, _ = read_trades(never, MONEY)
    pd.testing.assert_frame_equal(again, table)
    assert FILE.read_bytes() == first


@pytest.mark.parametrize("changes", [{"trades": 4}, {"net_pnl": 34.65}])
def test_trades_of_another_run_are_not_shown(changes):
    """A file of another run is no answer, and trades that do not come to the figures are not written."""
    read_trades(lambda: TRADES, MONEY)
    table, why = read_trades(lambda: TRADES, MONEY | changes)
    assert table is None
    assert "another run" in why
    assert not comes_to(TRADES, MONEY | changes)


def test_what_is_missing_is_said():
    """A file, a fault of the data, no trades at all: then a former file goes."""

    def missing():
        raise FileNotFoundError(2, "none", "data/candles/A.parquet")

    def broken():
        raise DataError("data/candles", "is broken")

    assert "data/candles/A.parquet is not here" in read_trades(missing, MONEY)[1]
    assert "is broken" in read_trades(broken, MONEY)[1]
    FILE.write_text("former")
    assert read_trades(never, {"trades": 0}) == (None, "nothing was traded")
    assert not FILE.exists()


def test_exposure_is_counted_by_symbol():
    """Time held of all, money at entry, and both together as a share of the balance."""
    found = by_symbol(TRADES, pd.Timedelta(days=1), 1000.0)
    assert found["A"] == {
        "trades": 2, "long_trades": 1, "short_trades": 1, "share_of_time_held": 0.5, "mean_notional": 300.0,
        "mean_exposure_share": pytest.approx(0.15), "net_pnl": 4.5,
    }  # fmt: skip
    assert list(found) == ["A", "B"]


def test_lines_hold_what_the_columns_name():
    """Words for sides, minutes held, costs as gross less net."""
    line = dict(zip(COLUMNS, rows_of(TRADES)[1], strict=True))
    assert (line["side"], line["minutes"], line["costs"], line["entry"]) == (
        "short",
        360,
        5.15,
        "2024-01-01 00:00",
    )


def test_nothing_in_the_lines_ends_their_script():
    """A symbol with a tag in it is read back as it was."""
    script = as_script([["</script><b>", 1.5]])
    assert script.count("</script>") == 1
    assert json.loads(re.sub(r"</?script[^>]*>", "", script)) == [["</script><b>", 1.5]]
