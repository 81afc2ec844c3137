"""The candles that params.yaml names: whether they are there, can be read, and are enough for the splits."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from tapeline.checks.problems import Problem, problems_of
from tapeline.errors import DataError, TapelineError
from tapeline.features.params import FeatureParams, selected_features
from tapeline.market.data_params import DataParams
from tapeline.market.files import read_symbol
from tapeline.market.folders import find_files
from tapeline.market.formats import extension_of, stem_of
from tapeline.market.simulation import SimulationParams
from tapeline.schema import INTERVAL_MINUTES
from tapeline.splits.lengths import Span, least_lengths, part_lengths

RAW = Path("data/raw")
N_LISTED = 20  # names in a proposal


@dataclass(frozen=True)
class SymbolCandles:
    """First and last time of a symbol's candles, how many there are, the last close."""

    first: pd.Timestamp
    last: pd.Timestamp
    rows: int
    price: float | None

    def summary(self, symbol: str) -> str:
        """One line: how many candles, from when to when."""
        return f"{symbol}: {self.rows} candles from {self.first:%Y-%m-%d %H:%M} to {self.last:%Y-%m-%d %H:%M}"


CandlesBySymbol = dict[str, SymbolCandles]


def read_candles(data: DataParams) -> tuple[CandlesBySymbol, list[Problem]]:
    """Read every symbol as ingest does, and go on after one that can't be."""
    root = Path(data.path)
    if not root.is_dir():
        (problem,) = problems_of(find_files, root, data.symbols[0])
        return {}, [Problem(problem.text, propose_paths(RAW))]
    by_symbol, problems, absent = {}, [], []
    for symbol in data.symbols:
        try:
            rows = read_symbol(data, symbol).rows.dropna(subset=["timestamp"])
        except (TapelineError, OSError) as error:
            problems.append(Problem(" ".join(str(error).split())))
            absent += [symbol] if is_absent(root, symbol) else []
        else:
            last = rows["timestamp"].argmax()
            price = float(rows["close"].iloc[last])
            by_symbol[symbol] = SymbolCandles(
                rows["timestamp"].min(), rows["timestamp"].iloc[last], len(rows), price
            )
    if absent:
        is_above = set(absent) & set(symbols_in(root.parent))
        proposal = _path_lines([root.parent]) if is_above else propose_symbols(root)
        problems[-1] = replace(problems[-1], proposal=proposal)
    return by_symbol, problems


def simulated_candles(data: DataParams, simulation: SimulationParams | None) -> CandlesBySymbol:
    """The span of the simulated market; nothing where its section is wrong."""
    if simulation is None:
        return {}
    first = pd.Timestamp(simulation.start, tz="UTC")
    rows = simulation.days * 1440
    last = first + (rows - 1) * pd.Timedelta(minutes=1)
    return {symbol: SymbolCandles(first, last, rows, None) for symbol in data.symbols}


def history_problems(
    by_symbol: CandlesBySymbol, data: DataParams, sections: Mapping[str, Any]
) -> list[Problem]:
    """Whether each symbol outlasts the warm-up of its features, and all together suffice for the splits."""
    minutes, splits, horizon = INTERVAL_MINUTES[data.interval], sections["splits"], sections["labels"].horizon
    problems = problems_of(least_lengths, splits, 1440 // minutes, horizon)
    warm_up = warm_up_of(sections["features"], data)
    if problems or not by_symbol or warm_up is None:
        return problems
    for symbol, candles in by_symbol.items():
        n_bars = bars_between(candles.first, candles.last, minutes)
        if n_bars <= warm_up:
            rule = f"its {n_bars} candles are no more than the warm-up of the features, {warm_up}"
            problems.append(Problem(f"{data.path}: {symbol}: {rule}"))
    return problems + problems_of(part_lengths, splits, span_of(by_symbol, minutes, warm_up), horizon)


def split_days(by_symbol: CandlesBySymbol, data: DataParams, sections: Mapping[str, Any]) -> str:
    """How `splits` cuts the candles, in days; all of it must be in order."""
    minutes, splits = INTERVAL_MINUTES[data.interval], sections["splits"]
    warm_up = warm_up_of(sections["features"], data)
    if warm_up is None:
        raise AssertionError("sections in order leave a feature")
    span = span_of(by_symbol, minutes, warm_up)
    length = part_lengths(splits, span, sections["labels"].horizon)
    days = {name: n_bars / span.bars_per_day for name, n_bars in asdict(length).items()}
    parts = ", ".join(f"{name} {value:.1f}" for name, value in days.items())
    return f"splits of {span.total / span.bars_per_day:.1f} days: {parts}, {splits.folds} folds"


def warm_up_of(features: FeatureParams, data: DataParams) -> int | None:
    """Candles before the first with features; None where no feature is left, which has its own problem."""
    try:
        return max(feature.lookback for feature in selected_features(features, data.interval)) - 1
    except TapelineError:
        return None


def span_of(by_symbol: CandlesBySymbol, minutes: int, warm_up: int) -> Span:
    """The clock from the first candle of any symbol to the last."""
    first = min(candles.first for candles in by_symbol.values())
    last = max(candles.last for candles in by_symbol.values())
    return Span(bars_between(first, last, minutes) - warm_up, warm_up, 1440 // minutes)


def bars_between(first: pd.Timestamp, last: pd.Timestamp, minutes: int) -> int:
    """Candles of `minutes` from the one that opens at `first` to that at `last`, both counted."""
    return int((last - first) / pd.Timedelta(minutes=minutes)) + 1


def propose_paths(raw: Path) -> str:
    """Folders under `raw` that hold candles, with the symbols in each."""
    return _path_lines(_folders(raw)) or _how_to_fetch(raw)


def propose_symbols(root: Path) -> str:
    """The symbols that lie under `root`."""
    symbols = symbols_in(root) or sorted({name for folder in _folders(root) for name in symbols_in(folder)})
    if not symbols:
        return _how_to_fetch(root)
    return "\n".join(["data:", "  symbols:", *(f"  - {symbol}" for symbol in symbols[:N_LISTED])])


def symbols_in(folder: Path) -> list[str]:
    """Names that candles of a symbol go by in `folder`: of its folders that hold files, of its bare files."""
    folders = {path.name for path in _folders(folder) if any(_candle_files(path))}
    return sorted(folders | {stem_of(path) for path in _candle_files(folder)})


def is_absent(root: Path, symbol: str) -> bool:
    """Whether no file of `symbol` lies under `root`, as against one that can't be read."""
    try:
        return not find_files(root, symbol)
    except DataError as error:
        return f"no candles of {symbol}" in str(error)


def _path_lines(folders: list[Path]) -> str:
    """Those of `folders` that hold candles, as lines to paste; nothing where none does."""
    symbols_by_folder = {folder: ", ".join(symbols_in(folder)[:N_LISTED]) for folder in folders}
    lines = [
        f"  path: {folder.as_posix()}  # {symbols}"
        for folder, symbols in symbols_by_folder.items()
        if symbols
    ]
    return "\n".join(["data:", *lines]) if lines else ""


def _candle_files(folder: Path) -> Iterable[Path]:
    paths = sorted(folder.iterdir())
    return [path for path in paths if path.is_file() and path.name[0] != "." and extension_of(path)]


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def _how_to_fetch(folder: Path) -> str:
    return f"no candles lie in {folder}: put files there, or fetch some by `make download`"
