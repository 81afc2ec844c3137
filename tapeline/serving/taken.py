"""What a stream holds on to while it takes candles."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tapeline.serving.buffer import Buffer


class Before(NamedTuple):
    """What was kept of a symbol before a candle that jumped ahead: buffer, rows, first late leader's open."""

    buffer: Buffer
    rows: np.ndarray | None
    late: int | None


class Waiting(NamedTuple):
    """A candle that was taken, before the rows of features that it brings are made.

    missing : candles right before it that were filled; n_late : rows before those to be made anew
    """

    key: Mapping[str, Any]
    symbol: str
    missing: int
    n_late: int
