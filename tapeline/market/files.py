"""Files of a symbol under `data.path`: found, read and joined into raw candles."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from tapeline.errors import DataError
from tapeline.market.data_params import DataParams
from tapeline.market.formats import FORMATS, extension_of, read_cells, stem_of
from tapeline.market.layouts import Sheet, read_sheet, settle_layout
from tapeline.market.raw import RawCandles
from tapeline.market.times import check_interval, check_moments

N_LISTED = 20  # names in an error message


def read_symbol(data: DataParams, symbol: str) -> RawCandles:
    """Read every file of `symbol` in name order; DataError if one can't be read or trusted."""
    sheets = [_read_file(path, symbol) for path in find_files(Path(data.path), symbol)]
    layout = settle_layout(sheets, data.layout)
    for sheet in sheets:
        check_moments(sheet.name, sheet.times, data.interval)
    check_interval([(sheet.name, sheet.times) for sheet in sheets], data.interval)
    tables = [
        sheet.arrange(layout).assign(file=position, row=np.arange(1, len(sheet.times) + 1))
        for position, sheet in enumerate(sheets)
    ]
    return RawCandles(pd.concat(tables, ignore_index=True), [sheet.name for sheet in sheets], layout)


def find_files(root: Path, symbol: str) -> list[Path]:
    """List the files of `symbol`, which lie in one place: its folder or bare, under root or an exchange."""
    if not root.is_dir():
        is_what = "a file" if root.exists() else "not there"
        raise DataError(root, f"data.path must be a folder of candles, and is {is_what}")
    exchanges = [folder for folder in _visible(root) if folder.is_dir() and folder.name != symbol]
    places = {}
    for folder in [root, *exchanges]:
        if (folder / symbol).is_dir():
            places[folder / symbol] = _visible(folder / symbol)
        if bare := [path for path in _visible(folder) if not path.is_dir() and stem_of(path) == symbol]:
            places[bare[0]] = bare
    if not places:
        raise DataError(root, f"no candles of {symbol}; there {_list_names(root, exchanges)}")
    if len(places) > 1:
        raise DataError(
            root, f"{symbol} is there more than once: {', '.join(map(str, places))}; set data.path to one"
        )
    place, files = places.popitem()
    if not files:
        raise DataError(place, "holds no candle file")
    for path in files:
        if path.is_symlink() and not path.exists():
            raise DataError(path, "is a link that leads nowhere or to itself")
        if not path.is_file() or extension_of(path) is None:
            raise DataError(path, f"is no candle file; known are {', '.join(FORMATS)}")
    return files


def _visible(folder: Path) -> list[Path]:
    try:
        paths = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise DataError(folder, f"can't be read: {error.strerror}") from error
    return [p for p in paths if not p.name.startswith((".", "README")) and p.suffix != ".dvc"]


def _list_names(root: Path, exchanges: list[Path]) -> str:
    """Say what lies under `root` and one level below, for the person who mistyped a symbol."""
    below = [path for folder in exchanges for path in _visible(folder)]
    paths = [path for path in _visible(root) if path not in exchanges] + (below or exchanges)
    names = [str(path.relative_to(root)) for path in paths]
    more = f" and {len(names) - N_LISTED} more" if len(names) > N_LISTED else ""
    return "is " + (", ".join(names[:N_LISTED]) + more if names else "nothing")


def _read_file(path: Path, symbol: str) -> Sheet:
    sheet = read_sheet(str(path), *read_cells(path))
    # Spellings differ (BTC-USD, BTCUSDT, BINANCE:BTCUSD), so one within the other will do.
    said, asked = _letters(sheet.symbol or symbol), _letters(symbol)
    if said not in asked and asked not in said:
        raise DataError(
            path,
            f"its symbol column says {sheet.symbol!r}, data.symbols {symbol}; move the file, or take the "
            "column out if that is another spelling",
        )
    return sheet


def _letters(symbol: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", symbol.upper())
