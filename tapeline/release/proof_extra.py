"""Inputs beyond candles in copies of a run: files of them, and others in place of those known later."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.extra import KNOWN, SYMBOL, Extra, known_times
from tapeline.outputs import write_table
from tapeline.quality.extra_future import replaced_after
from tapeline.schema import TIMESTAMP_TYPE

FOLDER = Path("data/raw/EXTRA")
N_CARRIED = 2  # rows that a feature looks at: the last known, and the one before it

Array = NDArray[np.int64]


def write_extras(folder: Path, extras: Sequence[Extra]) -> None:
    """Write `extras` as files of the copy in `folder`, which `own_params` names."""
    for extra in extras:
        known = pd.DatetimeIndex(known_times(extra.rows).view("datetime64[us]"), tz="UTC")
        table = extra.rows.assign(**{KNOWN: known.astype(TIMESTAMP_TYPE)})
        write_table(folder / FOLDER / f"{extra.name}.parquet", table)


def own_params(extras: dict[str, Any]) -> dict[str, Any]:
    """Keys of section `data` for a copy whose files `write_extras` wrote; none where the run has no extras.

    extras : `data.extra` of the run
    """
    if not extras:
        return {}
    own = {
        name: {
            **values,
            "file": f"{name}.parquet",
            "known_at": KNOWN,
            "delay_s": 0,
            "symbol": None if values["symbol"] is None else SYMBOL,
        }
        for name, values in extras.items()
    }
    return {"extra": own, "extra_path": FOLDER.as_posix()}


def tiled(extra: Extra, begins: Array, moments: Array, rng: np.random.Generator) -> tuple[Extra, Extra]:
    """Rows for two runs cut into tiles: they differ in those known after each tile's moment alone.

    begins, moments : (k,) when tiles begin, and after when the rows of each are others, microseconds
    Right before a tile begins, the last rows known are told again in both, so that it begins alike.
    """
    known, end = known_times(extra.rows), np.append(begins[1:], np.iinfo(np.int64).max)
    first = extra.rows[known < (begins[0] if len(begins) else end[-1])]
    base, changed = [first], [first]
    for k, begin in enumerate(begins):
        before = extra.rows[known < begin].groupby(SYMBOL, sort=False)
        if k:
            carried = before.tail(N_CARRIED)
            place = carried.groupby(SYMBOL, sort=False).cumcount(ascending=False)
            carried = carried.assign(**{KNOWN: begin - 1 - place.to_numpy(np.int64)})
            base.append(carried)
            changed.append(carried)
        last = end[k] - N_CARRIED - 1
        is_own = (known >= begin) & (known <= last)
        base.append(extra.rows[is_own])
        # With fewer rows to carry, the next tile would still see one that was changed here.
        counts = extra.rows.loc[known < end[k], SYMBOL].value_counts()
        is_free = extra.rows[SYMBOL].map(counts).ge(N_CARRIED) | (k == len(begins) - 1)
        own = Extra(extra.name, extra.params, extra.rows[is_own & is_free].reset_index(drop=True))
        changed += [replaced_after(own, int(moments[k]), rng, int(last)).rows, extra.rows[is_own & ~is_free]]
    return _joined(extra, base), _joined(extra, changed)


def _joined(extra: Extra, parts: Sequence[pd.DataFrame]) -> Extra:
    rows = pd.concat(parts, ignore_index=True).astype(extra.rows.dtypes)
    rows = rows.sort_values([KNOWN, SYMBOL], kind="stable").reset_index(drop=True)
    return Extra(extra.name, extra.params, rows)
