"""Where candles come from: what ingest writes beside them, and everything made of them carries on."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tapeline.errors import DataError

Origin = dict[str, Any]
ORIGIN = "origin.json"  # beside the candle tables
WRITTEN = ("name", "source", "interval", "max_fill", "symbols", "description")
SIMULATED = "simulated"  # source, and name, of the simulated market


def exchange_of(symbol: str, path: str, file: str) -> str:
    """Name of the exchange whose candles of `symbol` lie in `file` under `path`: the symbol's folder's."""
    root = Path(path)
    try:
        folders = Path(file).relative_to(root).parts[:-1]
    except ValueError:
        folders = ()
    named = folders[0] if folders and folders[0] != symbol else root.name
    return named or "files"


def describe_origin(
    data: Mapping[str, Any], simulation: Mapping[str, Any], cards: Mapping[str, Mapping[str, Any]]
) -> Origin:
    """Origin of the candles of all symbols, from their `cards`: plain values, the same on any machine.

    data, simulation : those sections of params.yaml. Candles from a folder of simulated ones stay simulated.
    """
    copied = read_origin(data["path"]) if data["source"] == "files" else None
    is_simulated = data["source"] == SIMULATED or is_of_simulation(copied)
    names = dict.fromkeys(str(card["market"]) for card in cards.values())
    keys = ("market", "files", "first", "last")
    origin = {
        "name": SIMULATED if is_simulated else ", ".join(names),
        "source": SIMULATED if is_simulated else data["source"],
        "interval": data["interval"],
        "max_fill": data["max_fill"],
        "symbols": {symbol: {key: card[key] for key in keys} for symbol, card in cards.items()},
    }
    if is_simulated:
        origin["simulation"] = copied["simulation"] if copied else dict(simulation)
    return origin | {"description": _describe(origin)}


def read_origin(folder: Path | str) -> Origin | None:
    """The origin written beside the candles in `folder`; None where there is none, DataError if broken."""
    path = Path(folder) / ORIGIN
    if not path.is_file():
        return None
    try:
        origin: Origin = json.loads(path.read_text(encoding="utf-8"))
        if not all(key in origin for key in WRITTEN):
            raise ValueError("it lacks what ingest writes")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DataError(path, f"is no origin of candles: {error}; `make repro` writes it anew") from error
    return origin


def is_of_simulation(origin: Mapping[str, Any] | None) -> bool:
    """Whether candles of this origin are the simulated market's."""
    return bool(origin and origin["source"] == SIMULATED)


def _describe(origin: Origin) -> str:
    """An origin in a sentence."""
    spans = "; ".join(
        f"{symbol} {_minute(entry['first'])} to {_minute(entry['last'])}"
        + ("" if is_of_simulation(origin) else f", {_count(entry['files'])} of {entry['market']}")
        for symbol, entry in origin["symbols"].items()
    )
    if not is_of_simulation(origin):
        return f"Candles of {origin['name']}, {origin['interval']}: {spans}."
    drawn = origin["simulation"]
    return (
        f"Candles of the simulated market ({drawn.get('market', 'trend')}, seed {drawn['seed']}, signal "
        f"{drawn['signal']:g}, {drawn['days']} days from {drawn['start']}), of no exchange, "
        f"{origin['interval']}: {spans}."
    )


def _minute(time: str) -> str:
    """A time of UTC as it is read: `2024-01-02 23:59`."""
    return time.replace("T", " ").removesuffix("Z").removesuffix(":00")


def _count(files: int) -> str:
    return "1 file" if files == 1 else f"{files} files"
