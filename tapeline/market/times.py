"""Times of a file's candles: plausible, of the OPEN, and as far apart as the interval."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import DataError
from tapeline.schema import INTERVAL_MINUTES

MINUTE = 60_000_000  # microseconds
HOUR, DAY = 60 * MINUTE, 1440 * MINUTE
OLDEST = pd.Timestamp("1990-01-01T00:00:00Z")  # older than any candle; what a wrong unit looks like
CLOSE_MARKS = {"1 s": 1_000_000, "1 ms": 1_000, "1 us": 1}  # before the next open, in microseconds
CLOSE_SHARE = 0.5  # of a file's times that end so: fewer are single bad rows, for cleaning to reject
MIN_STEPS = 100  # steps from which one file's own interval can be judged
MIN_SHARE = 0.1  # of the steps that must be of the interval where another step is more common


def microseconds(times: pd.Series) -> NDArray[np.int64]:
    """Return (rows,) microseconds since 1970, the least int64 where the time is missing."""
    return times.to_numpy("datetime64[us]").view("int64")


def check_moments(name: str, times: pd.Series, interval: str, now: pd.Timestamp) -> None:
    """Raise DataError if `times` (rows,) of file `name` hold the future, the far past or candles' CLOSE."""
    is_early = (times < OLDEST).to_numpy()
    is_late = (times > now).to_numpy()
    _refuse_first(name, times, is_early, f"before {OLDEST.year}: its unit is wrong")
    _refuse_first(
        name,
        times,
        is_late,
        f"in the future, now is {_show(now.floor('s'))}: its unit, zone or a clock is wrong",
    )
    step = INTERVAL_MINUTES[interval] * MINUTE
    lead = step - microseconds(times) % step
    for mark, length in CLOSE_MARKS.items():
        is_close = times.notna().to_numpy() & (lead == length)
        if is_close.sum() > CLOSE_SHARE * len(times):
            message = f"{mark} before a candle ends, as in {is_close.sum()} of {len(times)} rows: these are "
            _refuse_first(
                name, times, is_close, message + f"times of the CLOSE; write the OPEN, {interval} earlier"
            )


def is_open(times: pd.Series, interval: str, now: pd.Timestamp) -> NDArray[np.bool_]:
    """Mark the candles (rows,) not closed by `now`: they are not yet what they will be."""
    return (times + pd.Timedelta(minutes=INTERVAL_MINUTES[interval]) > now).to_numpy()


def interval_of(files: Sequence[tuple[str, pd.Series]], interval: str) -> str:
    """Return the interval of the candles in `files`: a shorter one that `interval` is made of, or that."""
    steps, counts = _count_steps(pd.concat([times for _, times in files]))
    shorter = [name for name, minutes in INTERVAL_MINUTES.items() if minutes < INTERVAL_MINUTES[interval]]
    return next((name for name in shorter if _is_of(steps, counts, name)), interval)


def check_interval(files: Sequence[tuple[str, pd.Series]], interval: str, reason: str) -> None:
    """Compare the steps between times, of each file long enough to judge and of all files, with `interval`.

    `reason` says in an error why it must be that.
    """
    whole = (files[0][0], pd.concat([times for _, times in files]))
    for name, times in [*(file for file in files if len(files) > 1 and len(file[1]) > MIN_STEPS), whole]:
        steps, counts = _count_steps(times)
        if len(steps) and not _is_of(steps, counts, interval):
            common = steps[np.argmax(counts)] / MINUTE
            raise DataError(name, f"candles are mostly {common:g} minutes apart, {reason}")


def _count_steps(times: pd.Series) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    gaps = np.diff(np.sort(microseconds(times.dropna())))
    return np.unique(gaps[gaps > 0], return_counts=True)


def _is_of(steps: NDArray[np.int64], counts: NDArray[np.int64], interval: str) -> bool:
    """Whether most `steps` are of `interval`; quiet markets lack candles, so that it may be the smallest."""
    expected = INTERVAL_MINUTES[interval] * MINUTE
    return len(steps) > 0 and bool(
        steps[np.argmax(counts)] == expected
        or (steps[0] == expected and counts[0] >= MIN_SHARE * counts.sum())
    )


def _refuse_first(name: str, times: pd.Series, is_wrong: NDArray[np.bool_], why: str) -> None:
    if is_wrong.any():
        first = int(np.argmax(is_wrong))
        raise DataError(
            f"{name}, row {times.index[first] + 1}", f"time is {_show(times.iloc[first : first + 1])}, {why}"
        )


def _show(time: pd.Series | pd.Timestamp) -> str:
    # NumPy can write any year; a time of a wrong unit may lie where datetime ends.
    moment = pd.Series(time).to_numpy("datetime64[us]")[0]
    text: str = np.datetime_as_string(moment)
    return text.removesuffix(".000000") + "Z"
