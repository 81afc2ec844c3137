"""Months of which earlier runs found that the audits have nothing to say: they are not asked again.

Which month that is, is told by a hash of its own: of the raw candles, the leader's and the rows of other
inputs within reach of it, and of the bytes of its stored table. What the features stage takes a month's
inputs for plays no part in it, so a month that was kept though its candles have changed is looked at.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tapeline.cache import Cache, code_key, key_of
from tapeline.extra import Extra, known_times
from tapeline.quality.ledger import History
from tapeline.quality.params import LeakParams

STAGE = Path("stages/expectations.py")
FEATURES = Path("data/features")
KIND = "audits"
Facts = dict[str, Any]


@dataclass
class KnownMonths:
    """Of one symbol: what was noted of months, by all that their audits are made from.

    described : what is computed, beyond the code; folder : of the feature tables
    """

    symbol: str
    described: str
    folder: Path = FEATURES
    cache: Cache = field(default_factory=lambda: Cache(KIND))

    def key(self, name: str, inputs: bytes, params: LeakParams) -> str | None:
        """Where month `name` is noted, made from `inputs` and audited by `params`; None: it has no file."""
        path = self.folder / f"{self.symbol}.parquet" / f"{name}.parquet"
        if not path.is_file():
            return None
        stored = hashlib.sha256(path.read_bytes()).hexdigest()
        asked = f"{params.leak_cuts} {params.seed}"
        return key_of(code_key(STAGE), self.described, self.symbol, name, asked, inputs.hex(), stored)

    def facts(self, key: str | None) -> Facts | None:
        """What was noted under `key`; None where nothing was."""
        return None if key is None else self.cache.noted(key)

    def note(self, key: str | None, facts: Facts) -> None:
        """Keep that nothing was found in a month, and `facts` of it."""
        if key is not None:
            self.cache.note(key, facts)


def inputs_of(window: History, extras: Sequence[Extra]) -> bytes:
    """Hash of raw candles, the leader's, and the rows of `extras` that are the last known at any of them."""
    digest = hashlib.sha256(window.digest)
    for extra in extras:
        rows = extra.of(window.symbol)
        known = known_times(rows)
        first = int(np.count_nonzero(known <= window.times[0])) - 2  # changes are from the one before
        own = slice(max(first, 0), int(np.count_nonzero(known <= window.times[-1] + window.step)))
        digest.update(f"{extra.name} {extra.params.model_dump_json()} {own.stop - own.start}".encode())
        digest.update(np.ascontiguousarray(known[own]).data)
        for column in extra.params.columns:
            digest.update(np.ascontiguousarray(rows[column].to_numpy(np.float64)[own]).data)
    return digest.digest()
