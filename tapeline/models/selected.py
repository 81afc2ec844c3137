"""What the networks of the run in the current folder were chosen on, by the searches on record."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tapeline.market.origin import is_of_simulation, read_origin
from tapeline.models.entry import EnsembleEntry, ModelEntry
from tapeline.models.network import NetworkEntry
from tapeline.models.table import NETWORKS
from tapeline.promotion.selection import SIMULATED, Selection, judge_selection, no_selection, read_records
from tapeline.splits.folds import read_folds

CANDLES, SPLITS = "data/candles", "data/splits.json"


def market_name(origin: Mapping[str, Any] | None) -> str:
    """Whose candles these are: simulated ones differ by what they were drawn by, real ones by their venue."""
    if origin is None:
        return "unknown"
    if not is_of_simulation(origin):
        return str(origin["name"])
    drawn = origin["simulation"]
    return f"{SIMULATED}, {drawn.get('market', 'trend')}, seed {drawn['seed']}, signal {drawn['signal']:g}"


def selection_of(model: ModelEntry, is_refit: bool) -> Selection:
    """What the candidate of `model` was chosen on; where it `is_refit`, it has no test of its own.

    An ensemble was chosen by the searches for the network in it.
    """
    records = read_records(Path(), _searched(model))
    if not records:
        return no_selection()
    tests = [fold.test[0] for fold in read_folds(SPLITS)]
    own = None if is_refit else tests[-1]
    return judge_selection(records, market_name(read_origin(CANDLES)), min(tests), own)


def late_trials() -> int:
    """Trials of all networks that have seen candles which the run reports."""
    return sum(selection_of(model, False).late for model in NETWORKS)


def _searched(model: ModelEntry) -> str:
    """Name of the network whose searches chose `model`."""
    members = model.members if isinstance(model, EnsembleEntry) else ()
    return next((each.name for each in members if isinstance(each, NetworkEntry)), model.name)
