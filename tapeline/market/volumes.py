"""Volumes whose unit changes: coins to lots, or to the money of the quote, from a row on.

Volumes swing over the day, and a night's may be a thousandth of a crash's. So blocks of traded candles are
compared with the block after the next one, first days, then hours; then windows of hours and less with the
window after them, where all but a tenth of one lie over all but a tenth of the other. Thresholds lie at least
at twice the largest ratio of 2.9 million real candles: 205 for blocks of 1,440, 224 for 240; for windows of
240, 120 and 60 candles 62, 115 and 193.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.market.findings import Finding
from tapeline.market.raw import RawCandles
from tapeline.market.sheets import Sheet


class Scale(NamedTuple):
    """Blocks of `length` traded candles, medians apart by `ratio`, or by the price if over `quote`."""

    length: int
    ratio: float
    quote: float


SCALES = (Scale(1440, 500.0, 25.0), Scale(240, 1000.0, 80.0))
WINDOWS = {240: 150.0, 120: 250.0, 60: 400.0}  # length: ratio of medians; they begin STEPS times a length
STEPS = 6
FEW = 240  # traded candles at either end, where windows begin at every row, a fourth as long, at most MOST
FEWEST, MOST = 4, 24
FEW_RATIO = 1000.0
FEWEST_QUOTED = 5  # rows, of which MOST_QUOTED have another column's amount times their price as volume
MOST_QUOTED = 0.9
PRICE_SLACK = 1.001  # of a mean price beyond low..high, by rounding
QUOTE_WITHIN = 2.0  # times the price, that medians may be apart where the volume becomes the quote's


def find_quote_volume(sheets: Sequence[Sheet], layout: str) -> Finding | None:
    """Report files whose volume, divided by a column beside it, is the price: that column is the base's."""
    messages = [message for sheet in sheets if (message := _find_base(sheet, layout)) is not None]
    if not messages:
        return None
    more = f"; {len(messages)} files so" if len(messages) > 1 else ""
    return Finding("quote_volumes", len(messages), messages[0] + more)


def _find_base(sheet: Sheet, layout: str) -> str | None:
    rows = sheet.beside.index.to_numpy()
    _, high, low, _, volume = sheet.values(layout)[rows].T
    for label, amounts in sheet.beside.items():
        amount = amounts.to_numpy()
        is_traded = (volume > 0) & (amount > 0) & np.isfinite(volume) & np.isfinite(amount)
        if is_traded.sum() < FEWEST_QUOTED:
            continue
        price, inverse = (volume[is_traded] / amount[is_traded], amount[is_traded] / volume[is_traded])
        low_, high_ = low[is_traded] / PRICE_SLACK, high[is_traded] * PRICE_SLACK
        is_price, is_base = ((each >= low_) & (each <= high_) for each in (price, inverse))
        if is_price.mean() >= MOST_QUOTED and is_base.mean() < MOST_QUOTED:
            row = int(np.argmax(is_traded))
            column = label if sheet.has_header else f"column {int(str(label)) + 1}"
            return (
                f"{sheet.name}, row {sheet.rows[rows[row]]}: volume is {volume[row]:.10g} and {column} "
                f"{amount[row]:.10g}, less by the price as in nearly all rows: volume is the quote's; name "
                f"the base's in data.columns"
            )
    return None


def find_volume_shift(kept: pd.DataFrame, raw: RawCandles) -> Finding | None:
    """Return the largest change of the volume's unit within `kept`, sorted rows of `raw`, if there is one."""
    is_traded = kept["volume"].to_numpy() > 0
    logs = np.log(kept["volume"].to_numpy()[is_traded])
    prices = kept["close"].to_numpy()[is_traded]
    for scale in SCALES:
        if (begin := _find_block(logs, prices, scale)) is not None:
            return _shift_finding(kept[is_traded], raw, logs, prices, begin, 3 * scale.length)
    for length, ratio in WINDOWS.items():
        if (begin := _find_parted(logs, length, length // STEPS, ratio)) is not None:
            return _shift_finding(kept[is_traded], raw, logs, prices, begin, 2 * length)
    for start in {0, max(0, len(logs) - FEW)}:  # near the ends these are too long
        few = logs[start : start + FEW]
        length = min(len(few) // 4, MOST)
        if length >= FEWEST and (begin := _find_parted(few, length, 1, FEW_RATIO)) is not None:
            return _shift_finding(kept[is_traded], raw, logs, prices, start + begin, 2 * length)
    return None


def _find_block(logs: NDArray[np.float64], prices: NDArray[np.float64], scale: Scale) -> int | None:
    """Row where the three blocks begin whose first and last lie furthest apart, if that is too far."""
    n_blocks = len(logs) // scale.length
    if n_blocks < 3:
        return None
    medians = np.median(logs[: n_blocks * scale.length].reshape(n_blocks, -1), axis=1)
    apart = np.abs(medians[2:] - medians[:-2])
    price = np.log(prices[scale.length :: scale.length][: len(apart)])  # of the block between
    is_quote = (apart >= np.log(scale.quote)) & (np.abs(apart - np.abs(price)) <= np.log(QUOTE_WITHIN))
    is_out = (apart >= np.log(scale.ratio)) | is_quote
    return int(np.argmax(np.where(is_out, apart, 0.0))) * scale.length if is_out.any() else None


def _find_parted(logs: NDArray[np.float64], length: int, step: int, ratio: float) -> int | None:
    """Row where the two windows begin whose medians lie furthest apart, parted, if that is too far."""
    if len(logs) < 2 * length:
        return None
    ranks = [length // 10, length // 2, length - 1 - length // 10]
    windows = np.lib.stride_tricks.sliding_window_view(logs, length)
    n_apart = -(-length // step)
    low, median, high = np.partition(windows[::step], ranks, axis=1)[:, ranks].T
    before, after = slice(None, -n_apart), slice(n_apart, None)
    is_parted = np.maximum(low[after] - high[before], low[before] - high[after]) > 0
    apart = np.where(is_parted, np.abs(median[after] - median[before]), 0.0)
    return int(np.argmax(apart)) * step if len(apart) and apart.max() >= np.log(ratio) else None


def _shift_finding(
    traded: pd.DataFrame, raw: RawCandles, logs: NDArray[np.float64], prices: NDArray[np.float64],
    begin: int, length: int,
) -> Finding:  # fmt: skip
    """Name the row of `traded` that best parts the `length` rows from `begin` on."""
    part = logs[begin : begin + length]
    n_before = np.arange(1, len(part))
    sums = np.cumsum(part)
    apart = (sums[-1] - sums[:-1]) / (len(part) - n_before) - sums[:-1] / n_before
    row = begin + 1 + int(np.argmax(np.abs(apart) * np.sqrt(n_before * (len(part) - n_before))))
    before, after = (float(np.median(logs[rows])) for rows in (slice(begin, row), slice(row, begin + length)))
    factor = float(np.exp(abs(after - before)))
    is_quote = abs(np.log(factor) - abs(np.log(prices[row]))) <= np.log(QUOTE_WITHIN)
    what = (
        f"as many as the price, {prices[row]:.6g}: that of the quote perhaps" if is_quote else "another unit"
    )
    return Finding(
        "volume_shifts",
        1,
        f"{raw.place_of(traded.iloc[row])}: volume is {traded['volume'].iloc[row]:.6g} after "
        f"{traded['volume'].iloc[row - 1]:.6g} and stays, in the median {factor:.3g} times "
        f"{'more' if after > before else 'less'}, {what}",
    )
