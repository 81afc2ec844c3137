"""Files of a symbol under `data.path`: found, read and joined into raw candles."""

from pathlib import Path

import pandas as pd

from tapeline.errors import DataError
from tapeline.market.data_params import DataParams
from tapeline.market.formats import FORMATS, extension_of, read_cells, stem_of
from tapeline.market.intervals import check_longer
from tapeline.market.names import natural_key
from tapeline.market.raw import RawCandles
from tapeline.market.settling import settle_layout
from tapeline.market.sheets import Sheet, read_sheet
from tapeline.market.spellings import is_another, names_another, names_derivative
from tapeline.market.times import check_interval, check_moments, is_open

N_LISTED = 20  # names in an error message


def read_symbol(data: DataParams, symbol: str, now: pd.Timestamp | None = None) -> RawCandles:
    """Read every file of `symbol` in natural order of names; DataError if one can't be read or trusted.

    Candles that are still open at `now`, by default the clock's, are left out and counted.
    """
    now = pd.Timestamp.now("UTC") if now is None else now
    paths = find_files(Path(data.path), symbol)
    for path in paths:
        _check_name(path, data, symbol)
    sheets = [_read_file(path, symbol, data) for path in paths]
    layout = settle_layout(sheets, data.layout)
    for sheet in sheets:
        check_moments(sheet.name, sheet.times, data.interval, now)
    times = [(sheet.name, sheet.times) for sheet in sheets]
    check_interval(times, data.interval)
    check_longer(times, data.interval)
    tables = [
        sheet.arrange(layout).assign(file=position, row=sheet.rows) for position, sheet in enumerate(sheets)
    ]
    rows = pd.concat(tables, ignore_index=True)
    is_left_out = is_open(rows["timestamp"], data.interval, now)
    if is_left_out.all():
        raise DataError(sheets[0].name, "holds no candle that has closed")
    rows = rows[~is_left_out].reset_index(drop=True)
    return RawCandles(rows, [sheet.name for sheet in sheets], layout, int(is_left_out.sum()))


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
        paths = sorted(folder.iterdir(), key=lambda path: (natural_key(path.name), path.name))
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


def _check_name(path: Path, data: DataParams, symbol: str) -> None:
    """Raise DataError if the name of `path` says another symbol, or a future or perpetual of it."""
    if path.parent.name == symbol and (other := names_another(stem_of(path), symbol)):
        raise DataError(
            path,
            f"its name says {other}, data.symbols {symbol}; move it, or rename it if it is that",
        )
    is_derivative = names_derivative(f"{Path(data.path).name}/{path.parent.parent.name}/{symbol}")
    if names_derivative(stem_of(path)) and not is_derivative:
        raise DataError(
            path,
            f"its name says a future or perpetual, {symbol} is spot; name folder and symbol {symbol}-PERP",
        )


def _read_file(path: Path, symbol: str, data: DataParams) -> Sheet:
    sheet = read_sheet(str(path), *read_cells(path), symbol, data.columns, data.timezone)
    if sheet.symbol and is_another(sheet.symbol, symbol):
        raise DataError(
            path,
            f"its symbol column says {sheet.symbol!r}, data.symbols {symbol}; move the file, or take the "
            "column out if that is another spelling",
        )
    return sheet
