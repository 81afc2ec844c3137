"""The months of a table into a store: those that were computed before come out of a cache, byte by byte."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pandas as pd

from tapeline.cache import CACHE, Cache, Entry, code_key, damaged_lines, key_of
from tapeline.store.feature_store import FeatureStore
from tapeline.store.table_files import SUFFIX

KIND = "features"
STAGE = Path("stages/features.py")


class Month(Protocol):
    """One month of a table, not yet made."""

    @property
    def name(self) -> str:
        """`YYYY-MM`."""

    def build(self) -> pd.DataFrame:
        """Its rows."""


AnyMonth = TypeVar("AnyMonth", bound=Month)


@dataclass(frozen=True)
class Written:
    """What became of a symbol's months: entries by file, how many were there already, which were damaged."""

    entries: dict[str, Entry]
    taken: int
    damaged: tuple[str, ...]

    @property
    def totals(self) -> Counter[str]:
        """Sums of what was noted of all months."""
        return sum((Counter(entry.facts) for entry in self.entries.values()), Counter())


def write_kept(
    folder: Path,
    symbol: str,
    months: Iterable[AnyMonth],
    version: Callable[[AnyMonth], str],
    schema: Mapping[str, Any],
    facts: Callable[[pd.DataFrame], Mapping[str, int]],
) -> Written:
    """Write the `months` of `symbol` into the feature store in `folder`, one after the other.

    version : hash of what a month is made from, which with `schema` and code decides its bytes; facts : what
    to note of it
    """
    store, cache, taken, code = FeatureStore(folder), Cache(KIND), 0, code_key(STAGE)
    entries: dict[str, Entry] = {}
    features = [(each.name, each.group, each.lookback, each.meaning) for each in schema["features"]]
    described = [f"{name}={value}" for name, value in sorted(schema.items()) if name != "features"]
    for month in months:
        name, own = f"{symbol}{SUFFIX}/{month.name}{SUFFIX}", version(month)
        key = key_of(code, features, described, symbol, month.name, own)
        entry = cache.take(key, folder / name)
        if entry is None:
            table = month.build()
            path = store.write_month(symbol, table, dict(schema) | {"input_version": own[:16]})
            entry = cache.keep(key, Path(path), facts(table))
        else:
            taken += 1
        entries[name] = entry
    return Written(entries, taken, tuple(cache.damaged))


def settle(store: FeatureStore, written: Sequence[Written]) -> list[str]:
    """Write the manifest of all tables, forget what is long unused, and return what there is to tell."""
    entries = {name: entry for each in written for name, entry in each.entries.items()}
    store.write_manifest({name: entry.sha256 for name, entry in entries.items()})
    Cache(KIND).prune(entry.key for entry in entries.values())
    taken, damaged = sum(each.taken for each in written), sum(len(each.damaged) for each in written)
    computed = f"{len(entries) - taken} months were computed"
    return [f"{computed}, {taken} were as earlier runs left them in {CACHE}", *damaged_lines(damaged)]
