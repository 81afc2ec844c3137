"""The single trades of a run: as a file, as the page's table, and what each symbol's exposure was."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from tapeline.errors import TapelineError
from tapeline.outputs import whole_file

FILE = Path("plots/trades.csv")
TIMES = ("decision_time", "entry_time", "exit_time")
CENT = 0.01  # of the sum of net PnL, by which the file's rounding may differ from the metric
COLUMNS = (
    "symbol", "side", "entry", "exit", "minutes", "quantity", "entry_price", "exit_price", "gross_pnl",
    "costs", "net_pnl", "reason",
)  # fmt: skip


def read_trades(made: Callable[[], pd.DataFrame], money: dict[str, Any]) -> tuple[pd.DataFrame | None, str]:
    """The run's trades and an empty string, or None and why there are none; plots/trades.csv is written.

    made : makes them again; not called where the file already comes to the run's figures, `money`
    """
    if not money.get("trades"):
        FILE.unlink(missing_ok=True)
        return None, "nothing was traded"
    if FILE.is_file() and comes_to(table := _read(), money):
        return table, ""
    try:
        table = made()
    except FileNotFoundError as error:
        return None, f"{error.filename} is not here (`dvc pull` brings what a run left)"
    except TapelineError as error:
        return None, str(error)
    if not comes_to(table, money):
        return (
            None,
            "made again they do not come to the run's net PnL: candles or predictions are of another run",
        )
    with whole_file(FILE) as aside:
        table.to_csv(aside, index=False, float_format="%.10g")
    return _read(), ""


def comes_to(table: pd.DataFrame, money: dict[str, Any]) -> bool:
    """Whether these are as many trades as the run's, of the same net PnL."""
    n_trades, net = int(money["trades"]), float(money["net_pnl"])
    return len(table) == n_trades and abs(float(table["net_pnl"].sum()) - net) < CENT


def _read() -> pd.DataFrame:
    return pd.read_csv(FILE, parse_dates=list(TIMES))


def by_symbol(trades: pd.DataFrame, span: pd.Timedelta, initial: float) -> dict[str, dict[str, Any]]:
    """Exposure of each symbol over the `span` of all tests; money at entry, and as a share of `initial`."""
    notional = trades["quantity"] * trades["entry_price"]
    held = (trades["exit_time"] - trades["entry_time"]).dt.total_seconds() / span.total_seconds()
    records = {}
    for symbol, own in trades.groupby("symbol", sort=True):
        time = held[own.index]
        records[str(symbol)] = {
            "trades": len(own),
            "long_trades": int((own["side"] > 0).sum()),
            "short_trades": int((own["side"] < 0).sum()),
            "share_of_time_held": float(time.sum()),
            "mean_notional": float(notional[own.index].mean()),
            "mean_exposure_share": float((notional[own.index] * time).sum() / initial),
            "net_pnl": float(own["net_pnl"].sum()),
        }
    return records


def rows_of(trades: pd.DataFrame) -> list[list[Any]]:
    """Lines of the page's table, by `COLUMNS`; times to the minute, figures as they sort."""
    minutes = (trades["exit_time"] - trades["entry_time"]).dt.total_seconds() / 60
    table = trades.assign(
        side=trades["side"].map({1: "long", -1: "short"}),
        entry=trades["entry_time"].dt.strftime("%Y-%m-%d %H:%M"),
        exit=trades["exit_time"].dt.strftime("%Y-%m-%d %H:%M"),
        minutes=minutes.round().astype(int),
        costs=(trades["gross_pnl"] - trades["net_pnl"]).round(2),
    ).round({"gross_pnl": 2, "net_pnl": 2, "quantity": 6, "entry_price": 6, "exit_price": 6})
    return [list(row) for row in table[list(COLUMNS)].astype(object).to_numpy()]


def as_script(rows: list[list[Any]]) -> Markup:
    """The lines as data in a page, which nothing in them can end."""
    return Markup(f'<script type="application/json" id="trade-rows">{_safe(rows)}</script>')


def _safe(rows: list[list[Any]]) -> str:
    return json.dumps(rows, separators=(",", ":")).replace("<", "\\u003c")
