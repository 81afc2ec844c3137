"""Files of a symbol under `data.path`: found, read and joined into raw candles."""

from pathlib import Path

import pandas as pd

from tapeline.errors import DataError
from tapeline.market.data_params import DataParams
from tapeline.market.folders import check_sum, find_files
from tapeline.market.formats import read_cells, stem_of
from tapeline.market.intervals import check_longer
from tapeline.market.limits import bounded
from tapeline.market.raw import RawCandles
from tapeline.market.settling import settle_layout
from tapeline.market.sheets import Sheet, read_sheet
from tapeline.market.spellings import is_another, names_another, names_derivative
from tapeline.market.times import check_interval, check_moments, interval_of, is_open
from tapeline.market.volumes import find_quote_volume


def read_symbol(data: DataParams, symbol: str, now: pd.Timestamp | None = None) -> RawCandles:
    """Read every file of `symbol` in natural order of names; DataError if one can't be read or trusted.

    Candles that are still open at `now`, by default the clock's, are left out and counted.
    """
    now = pd.Timestamp.now("UTC") if now is None else now
    paths, n_passed_over = find_files(Path(data.path), symbol)
    n_checked = sum(map(check_sum, paths))
    for path in paths:
        _check_name(path, data, symbol)
    sheets = [_read_file(path, symbol, data) for path in paths]
    layout = settle_layout(sheets, data.layout)
    # By their rows in the file, from 0: candles that were still open are not among them.
    times = [(sheet.name, sheet.times.set_axis(sheet.rows - 1)) for sheet in sheets]
    interval = interval_of(times, data.interval)
    for name, moments in times:
        check_moments(name, moments, interval, now)
    is_asked = interval == data.interval
    reason = f"data.interval is {interval}" if is_asked else f"others of the symbol {interval}"
    check_interval(times, interval, reason)
    check_longer(times, interval, reason)
    tables = [
        sheet.arrange(layout).assign(file=position, row=sheet.rows) for position, sheet in enumerate(sheets)
    ]
    rows = pd.concat(tables, ignore_index=True)
    is_left_out = is_open(rows["timestamp"], interval, now)
    if is_left_out.all():
        raise DataError(sheets[0].name, "holds no candle that has closed")
    rows = rows[~is_left_out].reset_index(drop=True)
    n_open = int(is_left_out.sum()) + sum(sheet.unfinished for sheet in sheets)
    counts = {"passed_over": n_passed_over, "checked_sums": n_checked}
    quote_volume = find_quote_volume(sheets, layout)
    findings = (quote_volume,) if quote_volume else ()
    return RawCandles(rows, [sheet.name for sheet in sheets], layout, n_open, counts, interval, findings)


def _check_name(path: Path, data: DataParams, symbol: str) -> None:
    """Raise DataError if the name of `path` says another symbol, or a future or perpetual of it."""
    folders = path.relative_to(data.path).parts[:-1]
    homes = [folder for folder in folders if folder != symbol]
    if symbol in folders and (other := names_another(stem_of(path), symbol)):
        raise DataError(
            path,
            f"its name says {other}, data.symbols {symbol}; move it, or rename it if it is that",
        )
    is_derivative = names_derivative("/".join([Path(data.path).name, *homes, symbol]))
    if names_derivative(stem_of(path)) and not is_derivative:
        raise DataError(
            path,
            f"its name says a future or perpetual, {symbol} is spot; name folder and symbol {symbol}-PERP",
        )


def _read_file(path: Path, symbol: str, data: DataParams) -> Sheet:
    with bounded(path):
        cells = read_cells(path)
        sheet = read_sheet(str(path), cells.table, cells.has_header, symbol, data.columns, data.timezone)
    named = sheet.symbol or cells.symbol
    if named and is_another(named, symbol):
        raise DataError(
            path,
            f"its symbol column says {named!r}, data.symbols {symbol}; move the file, or take the "
            "column out if that is another spelling",
        )
    return sheet
