"""Months of a stored table that were found to be what their candles give: they need not be built again."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from tapeline.cache import Cache, code_key, key_of
from tapeline.features.table import TableMonth
from tapeline.quality.files_opened import Opened, watched
from tapeline.quality.stored import Known

STAGE = Path("stages/expectations.py")
FEATURES = Path("data/features")


@dataclass
class KnownMonths:
    """Of one symbol: which months were compared in earlier runs, by their file's bytes and their candles.

    described : what is computed, beyond the code; folder : of the feature tables
    """

    symbol: str
    described: str
    folder: Path = FEATURES
    cache: Cache = field(default_factory=lambda: Cache("audits"))
    used: list[str] = field(default_factory=list)
    _built: list[str] = field(default_factory=list)

    def blocks(
        self, months: Iterable[tuple[TableMonth, str]], opened: list[Opened]
    ) -> Iterator[pd.DataFrame | Known]:
        """The rows of each month, built here and now unless they were compared before.

        months : with the hash of all that each is made from; opened : takes what is opened while one is built
        """
        for month, version in months:
            key = self._key(month.name, version)
            self.used.append(key)
            if self.cache.noted(key) is not None:
                times = month.candles["timestamp"].to_numpy("datetime64[us]").view(np.int64)
                yield Known(times[month.rows])
                continue
            yield from watched(_built(month), opened)
            self._built.append(key)

    def note(self) -> None:
        """Keep that the months that were built are as they should be; to be called once that is found."""
        for key in self._built:
            self.cache.note(key)

    def _key(self, name: str, version: str) -> str:
        path = self.folder / f"{self.symbol}.parquet" / f"{name}.parquet"
        content = path.read_bytes() if path.is_file() else b""
        return key_of(
            code_key(STAGE), self.described, self.symbol, name, version, hashlib.sha256(content).hexdigest()
        )


def _built(month: TableMonth) -> Iterator[pd.DataFrame]:
    yield month.build()
