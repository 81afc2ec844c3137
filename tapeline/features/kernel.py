"""The compiled half of the features: a program of operations over candles, run for one row or for many.

All of it is in this one file, its constants too: Numba keeps compiled code by the file of the function that
was called, and would not see that another one has changed. From the top: how a program is written, its run,
one line of it, and each operation.

A value is an array that ends with the newest candle, as long as whoever asks for it needs: for one row of a
mean of 60 candles, 60 candles. Where there are fewer candles than that, what can't be known is NaN.

Windows are cut at places of the clock, whatever the first candle: `at` counts candles since 1970, and blocks
of one window's length begin where it is a multiple of that. A window then is the end of one block and
the beginning of the next, a suffix plus a prefix: only values within the window are ever added, so nothing is
carried from the first candle on as a running sum carries its rounding, a window of zeros sums to zero, and
the bits of a value depend neither on the first candle nor on how many rows are asked for. Means and squares
merge likewise (Chan, Golub, LeVeque 1979). TA-Lib's functions alone remember where they began.
"""

import ctypes
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar

import llvmlite.binding  # type: ignore[import-untyped]
import numpy as np
import talib._ta_lib
from numba import njit, types
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Function = TypeVar("Function", bound=Callable[..., Any])

# Operations by name; a line of a program holds the position here.
OPERATIONS = (
    "column", "carried", "constant",
    "add", "subtract", "multiply", "divide", "floor_divide", "remainder", "minimum", "maximum",
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "ratio", "where",
    "negative", "absolute", "sign", "square", "sqrt", "log", "log1p", "isnan",
    "lag", "sum", "squares", "correlation", "lowest", "highest", "run",
    "lookup", "hour", "closed_last", "closed_min", "closed_max", "last_closed",
    "EMA", "RSI", "TRIX", "LINEARREG_SLOPE", "CCI", "NATR", "ADX", "PLUS_DI", "MINUS_DI",
    "AROONOSC", "MFI", "ULTOSC", "MACD", "STOCH",
)  # fmt: skip
(
    COLUMN, CARRIED, CONSTANT,
    ADD, SUBTRACT, MULTIPLY, DIVIDE, FLOOR_DIVIDE, REMAINDER, MINIMUM, MAXIMUM,
    LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NOT_EQUAL, RATIO, WHERE,
    NEGATIVE, ABSOLUTE, SIGN, SQUARE, SQRT, LOG, LOG1P, ISNAN,
    LAG, SUM, SQUARES, CORRELATION, LOWEST, HIGHEST, RUN,
    LOOKUP, HOUR, CLOSED_LAST, CLOSED_MIN, CLOSED_MAX, LAST_CLOSED,
    EMA, RSI, TRIX, LINEARREG_SLOPE, CCI, NATR, ADX, PLUS_DI, MINUS_DI,
    AROONOSC, MFI, ULTOSC, MACD, STOCH,
) = range(len(OPERATIONS))  # fmt: skip
FIRST_BINARY, FIRST_UNARY, FIRST_WINDOW, FIRST_OTHER, FIRST_INDICATOR = ADD, NEGATIVE, LAG, LOOKUP, EMA

MINUTE = 0  # column of the open time, in minutes since 1970
# Columns of a line.
OPERATION, SLOT, LENGTH, FIRST, SECOND, THIRD, FOURTH, OPTION, CLOCK, RESULT = range(10)
N_LINE = 10


class Lines(NamedTuple):
    """A program, or a part of it, in the order of its run.

    code : (L, 10), per line its operation, the slot and the most candles that it fills, the slots that it
        takes, an option (window, column, table), the minutes of a candle of its clock, and the row of the
        result that it is, -1 for none
    number : (L,), per line a number (a constant)
    """

    code: IntArray
    number: FloatArray


class Tables(NamedTuple):
    """What is looked up: values one after the other; per hour since `first_hour`, (K, H); 1 / i at i."""

    constants: FloatArray
    hours: FloatArray
    first_hour: int
    reciprocals: FloatArray


class Space(NamedTuple):
    """Where values are kept: (slots, candles) of either part, how long each is, and room for suffixes."""

    whole: FloatArray
    whole_lengths: IntArray
    block: FloatArray
    block_lengths: IntArray
    suffix: FloatArray  # (6, longest window + 1)
    counts: NDArray[np.int32]  # (2,), where TA-Lib says how much it has made


def _extern(name: str, n_inputs: int, n_params: int, n_outputs: int = 1) -> Any:
    """TA-Lib's function as compiled code calls it: by name, so that the code can be kept."""
    library = ctypes.CDLL(talib._ta_lib.__file__)
    address = ctypes.cast(getattr(library, f"TA_{name}"), ctypes.c_void_p).value
    llvmlite.binding.add_symbol(f"TA_{name}", address)
    number, pointer = types.int32, types.intp
    arguments = [number] * 2 + [pointer] * n_inputs + [number] * n_params + [pointer] * (2 + n_outputs)
    return types.ExternalFunction(f"TA_{name}", number(*arguments))


TA_EMA, TA_RSI, TA_TRIX, TA_SLOPE = (
    _extern(name, 1, 1) for name in ("EMA", "RSI", "TRIX", "LINEARREG_SLOPE")
)
TA_CCI, TA_NATR, TA_ADX, TA_PLUS_DI, TA_MINUS_DI = (
    _extern(name, 3, 1) for name in ("CCI", "NATR", "ADX", "PLUS_DI", "MINUS_DI")
)
TA_AROONOSC, TA_MFI, TA_ULTOSC = _extern("AROONOSC", 2, 1), _extern("MFI", 4, 1), _extern("ULTOSC", 3, 3)
TA_MACD, TA_STOCH = _extern("MACD", 1, 3, 3), _extern("STOCH", 3, 5, 2)


def compiled(function: Function, cache: bool = False) -> Function:
    """Compile a part of `run` into it, without reference counts: its caller holds every array.

    Counting who holds them would take a third of a row's time. Only `run` is kept compiled, with its parts.
    """
    options: dict[str, Any] = {"_nrt": False}
    made: Function = njit(cache=cache, error_model="numpy", **options)(function)
    return made


@partial(compiled, cache=True)
def run(
    columns: FloatArray,
    at: int,
    whole: Lines,
    blocks: Lines,
    tables: Tables,
    space: Space,
    block: int,
    out: FloatArray,
) -> None:
    """Fill `out`, (F, rows), with a program's results at the last `rows` candles of `columns`, (k, n).

    at : candles since 1970 of the newest candle
    whole : lines that are run once over all candles that they ask for, as they remember where they began
    blocks : the others, run for `block` rows at a time, whose values then stay in the processor's cache
    """
    n, rows = columns.shape[1], out.shape[1]
    lines, slots, lengths, left, first, count = whole, space.whole, space.whole_lengths, 0, 0, 0
    for number in range(-1, (rows + block - 1) // block):
        if number >= 0:
            first, count = number * block, min(block, rows - number * block)
            left = rows - first - count  # rows and candles that come later
            lines, slots, lengths = blocks, space.block, space.block_lengths
        code, minute, n_most = lines.code, at - left, n - left
        for line in range(code.shape[0]):
            operation, slot, clock = code[line, OPERATION], code[line, SLOT], code[line, CLOCK]
            # The newest candle of this line's clock, counted since 1970.
            place = minute if clock == 1 else (minute + 1) // clock - 1
            size = min(code[line, LENGTH], n_most if clock == 1 else _n_closed(n_most, minute, clock))
            lengths[slot], values, option = size, slots[slot, :size], code[line, OPTION]
            a = slots[code[line, FIRST], : lengths[code[line, FIRST]]]
            b = slots[code[line, SECOND], : lengths[code[line, SECOND]]]
            if operation == COLUMN:
                _copy(columns[option], n_most, values)
            elif operation == CARRIED:
                _copy(space.whole[option], space.whole_lengths[option] - left, values)
            elif operation == CONSTANT:
                values[:] = lines.number[line]
            elif operation < FIRST_UNARY:
                c = slots[code[line, THIRD], : lengths[code[line, THIRD]]]
                _binary(operation, a[-size:], b[-size:], c[-size:], lines.number[line], values)
            elif operation < FIRST_WINDOW:
                _unary(operation, a[-size:], values)
            elif operation == SUM:
                _sum(a, option, place, space.suffix, values)
            elif operation == LAG:
                _copy(a, a.shape[0] - option, values)
            elif operation == SQUARES:
                _squares(a, option, place, tables.reciprocals, space.suffix, values)
            elif operation == CORRELATION:
                shared = min(a.shape[0], b.shape[0])  # others may need more candles of one of them
                _correlation(a[-shared:], b[-shared:], lines.number[line], option, place, tables.reciprocals,
                             space.suffix, values)  # fmt: skip
            elif operation in (LOWEST, HIGHEST):
                _extreme(a, 1.0 if operation == LOWEST else -1.0, option, place, space.suffix, values)
            elif operation == RUN:
                _run_length(a, option, values)
            elif operation < FIRST_INDICATOR:
                _other(operation, a, option, clock, minute, tables, values)
            else:
                c = slots[code[line, THIRD], : lengths[code[line, THIRD]]]
                d = slots[code[line, FOURTH], : lengths[code[line, FOURTH]]]
                _indicator(operation, a[-size:], b[-size:], c[-size:], d[-size:], option, slots[-2:],
                           space.counts, values)  # fmt: skip
            if code[line, RESULT] >= 0:
                _copy(values, size, out[code[line, RESULT], first : first + count])


@cache
def compiled_run() -> Callable[..., None]:
    """Compile `run` for the one kind of arrays that it takes, at the first call of it."""
    named: Any = types.NamedTuple
    floats, whole = types.Array(types.float64, 2, "C"), types.Array(types.int64, 1, "C")
    row, number = types.Array(types.float64, 1, "C"), types.int64
    lines = named([types.Array(types.int64, 2, "C"), row], Lines)
    tables = named([row, floats, number, row], Tables)
    space = named([floats, whole, floats, whole, floats, types.Array(types.int32, 1, "C")], Space)
    columns = types.Array(types.float64, 2, "A", readonly=True)
    out = types.Array(types.float64, 2, "A")
    made: Any = run
    made.compile(types.void(columns, number, lines, lines, tables, space, number, out))
    made.disable_compile()
    return run


@compiled
def _n_closed(n: int, at: int, minutes: int) -> int:
    """How many candles of `minutes` lie wholly in the last `n` minutes up to `at`."""
    first = -((n - 1 - at) // minutes)
    return max((at + 1) // minutes - first, 0)


@compiled
def _copy(source: FloatArray, end: int, target: FloatArray) -> None:
    """Fill `target` with what comes before `end`; NaN before the first."""
    start = end - target.shape[0]
    for i in range(target.shape[0]):
        target[i] = source[start + i] if start + i >= 0 else np.nan


@compiled
def _binary(
    operation: int, a: FloatArray, b: FloatArray, c: FloatArray, number: float, out: FloatArray
) -> None:
    n = out.shape[0]
    if operation == ADD:
        for i in range(n):
            out[i] = a[i] + b[i]
    elif operation == SUBTRACT:
        for i in range(n):
            out[i] = a[i] - b[i]
    elif operation == MULTIPLY:
        for i in range(n):
            out[i] = a[i] * b[i]
    elif operation == DIVIDE:
        for i in range(n):
            out[i] = a[i] / b[i]
    elif operation == FLOOR_DIVIDE:
        for i in range(n):
            out[i] = np.floor(a[i] / b[i])
    elif operation == REMAINDER:
        for i in range(n):
            out[i] = a[i] - np.floor(a[i] / b[i]) * b[i]
    elif operation == MINIMUM:
        for i in range(n):
            out[i] = a[i] if a[i] < b[i] or a[i] != a[i] else b[i]
    elif operation == MAXIMUM:
        for i in range(n):
            out[i] = a[i] if a[i] > b[i] or a[i] != a[i] else b[i]
    elif operation == LESS:
        for i in range(n):
            out[i] = 1.0 if a[i] < b[i] else 0.0
    elif operation == LESS_EQUAL:
        for i in range(n):
            out[i] = 1.0 if a[i] <= b[i] else 0.0
    elif operation == GREATER:
        for i in range(n):
            out[i] = 1.0 if a[i] > b[i] else 0.0
    elif operation == GREATER_EQUAL:
        for i in range(n):
            out[i] = 1.0 if a[i] >= b[i] else 0.0
    elif operation == EQUAL:
        for i in range(n):
            out[i] = 1.0 if a[i] == b[i] else 0.0
    elif operation == NOT_EQUAL:
        for i in range(n):
            out[i] = 1.0 if a[i] != b[i] else 0.0
    elif operation == RATIO:
        for i in range(n):
            out[i] = number if b[i] == 0 else a[i] / b[i]
    else:  # WHERE
        for i in range(n):
            out[i] = b[i] if a[i] != 0 else c[i]


@compiled
def _unary(operation: int, a: FloatArray, out: FloatArray) -> None:
    n = out.shape[0]
    if operation == NEGATIVE:
        for i in range(n):
            out[i] = -a[i]
    elif operation == ABSOLUTE:
        for i in range(n):
            out[i] = abs(a[i])
    elif operation == SIGN:
        for i in range(n):
            out[i] = 1.0 if a[i] > 0 else -1.0 if a[i] < 0 else a[i]  # of NaN NaN
    elif operation == SQUARE:
        for i in range(n):
            out[i] = a[i] * a[i]
    elif operation == SQRT:
        for i in range(n):
            out[i] = np.sqrt(a[i])
    elif operation == LOG:
        for i in range(n):
            out[i] = np.log(a[i])
    elif operation == LOG1P:
        for i in range(n):
            out[i] = np.log1p(a[i])
    else:  # ISNAN
        for i in range(n):
            out[i] = 1.0 if a[i] != a[i] else 0.0


@compiled
def _n_missing(n: int, n_values: int, window: int, out: FloatArray) -> int:
    """How many of `n` rows have no whole window in `n_values`; those become NaN."""
    missing = min(max(n + window - 1 - n_values, 0), n)
    out[:missing] = np.nan
    return missing


@compiled
def _sum(a: FloatArray, window: int, at: int, suffix: FloatArray, out: FloatArray) -> None:
    """Sums. Below, j is a place in `a` and `border` that of a block's beginning."""
    ahead = a.shape[0] - out.shape[0]
    i = _n_missing(out.shape[0], a.shape[0], window, out)
    while i < out.shape[0]:
        # The block that row i ends in, and how far its windows reach into the one before.
        border = ahead + i - (at - (out.shape[0] - 1 - i)) % window
        start = ahead + i - window + 1
        total = 0.0
        suffix[0, 0] = 0.0
        for j in range(border - 1, start - 1, -1):
            total += a[j]
            suffix[0, border - j] = total
        prefix = 0.0
        for j in range(border, ahead + i):
            prefix += a[j]
        after = min(border + window - ahead, out.shape[0])
        while i < after:
            prefix += a[ahead + i]
            out[i] = suffix[0, border - start] + prefix
            start += 1
            i += 1


@compiled
def _squares(
    a: FloatArray, window: int, at: int, reciprocals: FloatArray, suffix: FloatArray, out: FloatArray
) -> None:
    """Sums of squared deviations from the window's mean."""
    ahead = a.shape[0] - out.shape[0]
    means, sums = suffix[0], suffix[1]
    means[0] = sums[0] = 0.0
    i = _n_missing(out.shape[0], a.shape[0], window, out)
    while i < out.shape[0]:
        border = ahead + i - (at - (out.shape[0] - 1 - i)) % window
        start = ahead + i - window + 1
        mean = square = 0.0
        for j in range(border - 1, start - 1, -1):
            off = a[j] - mean
            mean += off * reciprocals[border - j]
            square += off * (a[j] - mean)
            means[border - j], sums[border - j] = mean, square
        mean = square = 0.0
        for j in range(border, ahead + i):
            off = a[j] - mean
            mean += off * reciprocals[j - border + 1]
            square += off * (a[j] - mean)
        after = min(border + window - ahead, out.shape[0])
        while i < after:
            j = ahead + i
            count = j - border + 1
            off = a[j] - mean
            mean += off * reciprocals[count]
            square += off * (a[j] - mean)
            gap = mean - means[window - count]
            out[i] = sums[window - count] + square + gap * gap * (count * (window - count) / window)
            i += 1


@compiled
def _correlation(
    a: FloatArray,
    b: FloatArray,
    slope: float,
    window: int,
    at: int,
    reciprocals: FloatArray,
    suffix: FloatArray,
    out: FloatArray,
) -> None:
    """Pearson's correlation of `a` with `b`, which rises by `slope` a candle; 0 where either is constant.

    What rises counts from the border, so that it has no digits to lose.
    """
    ahead = a.shape[0] - out.shape[0]
    suffix[:5, 0] = 0.0
    i = _n_missing(out.shape[0], a.shape[0], window, out)
    while i < out.shape[0]:
        border = ahead + i - (at - (out.shape[0] - 1 - i)) % window
        start = ahead + i - window + 1
        mean_a = mean_b = square_a = square_b = product = 0.0
        for j in range(border - 1, start - 1, -1):
            at_a, at_b = a[j], b[j] + (j - border) * slope
            off_a, off_b = at_a - mean_a, at_b - mean_b
            mean_a += off_a * reciprocals[border - j]
            mean_b += off_b * reciprocals[border - j]
            square_a += off_a * (at_a - mean_a)
            square_b += off_b * (at_b - mean_b)
            product += off_a * (at_b - mean_b)
            k = border - j
            suffix[0, k], suffix[1, k], suffix[2, k] = mean_a, mean_b, square_a
            suffix[3, k], suffix[4, k] = square_b, product
        mean_a = mean_b = square_a = square_b = product = 0.0
        after = min(border + window - ahead, out.shape[0])
        for j in range(border, ahead + after):
            at_a, at_b = a[j], b[j] + (j - border) * slope
            count = j - border + 1
            off_a, off_b = at_a - mean_a, at_b - mean_b
            mean_a += off_a * reciprocals[count]
            mean_b += off_b * reciprocals[count]
            square_a += off_a * (at_a - mean_a)
            square_b += off_b * (at_b - mean_b)
            product += off_a * (at_b - mean_b)
            if j >= ahead + i:
                k = window - count
                gap_a, gap_b = mean_a - suffix[0, k], mean_b - suffix[1, k]
                weight = count * k / window
                of_a = suffix[2, k] + square_a + gap_a * gap_a * weight
                of_b = suffix[3, k] + square_b + gap_b * gap_b * weight
                both = suffix[4, k] + product + gap_a * gap_b * weight
                scale = np.sqrt(of_a * of_b)
                value = 0.0 if scale == 0 else both / scale
                out[j - ahead] = min(max(value, -1.0), 1.0) if value == value else value
        i = after


@compiled
def _extreme(a: FloatArray, sign: float, window: int, at: int, suffix: FloatArray, out: FloatArray) -> None:
    """Lowest of `sign` times each value, times `sign`; no value is NaN."""
    ahead = a.shape[0] - out.shape[0]
    lowest = suffix[0]
    lowest[0] = np.inf
    i = _n_missing(out.shape[0], a.shape[0], window, out)
    while i < out.shape[0]:
        border = ahead + i - (at - (out.shape[0] - 1 - i)) % window
        start = ahead + i - window + 1
        least = np.inf
        for j in range(border - 1, start - 1, -1):
            least = min(least, sign * a[j])
            lowest[border - j] = least
        least = np.inf
        for j in range(border, ahead + i):
            least = min(least, sign * a[j])
        after = min(border + window - ahead, out.shape[0])
        while i < after:
            least = min(least, sign * a[ahead + i])
            out[i] = sign * min(least, lowest[border - start])
            start += 1
            i += 1


@compiled
def _run_length(a: FloatArray, most: int, out: FloatArray) -> None:
    """How many values in a row, up to each, are equal to it; `most` at most."""
    ahead = a.shape[0] - out.shape[0]
    first = _n_missing(out.shape[0], a.shape[0], most, out)
    count, last = 0, np.nan
    for j in range(ahead + first - most + 1, a.shape[0]):
        count = count + 1 if a[j] == last else 1
        last = a[j]
        if j >= ahead + first:
            out[j - ahead] = min(count, most)


@compiled
def _other(
    operation: int, a: FloatArray, option: int, clock: int, at: int, tables: Tables, out: FloatArray
) -> None:
    """Tables, and candles of longer clocks: `at` is the newest minute's, `clock` minutes is one of `out`."""
    n, n_a = out.shape[0], a.shape[0]
    if operation == LOOKUP:
        for i in range(n):
            k = option + int(a[n_a - n + i])
            out[i] = tables.constants[k] if option <= k < tables.constants.shape[0] else np.nan
    elif operation == HOUR:
        for i in range(n):
            k = int(a[n_a - n + i]) // 60 - tables.first_hour
            out[i] = tables.hours[option, k] if 0 <= k < tables.hours.shape[1] else np.nan
    elif operation == LAST_CLOSED:
        newest = (at + 1) // option - 1  # longer candle, counted since 1970
        for i in range(n):
            k = n_a - 1 - newest + (at - (n - 1 - i) + 1) // option - 1
            out[i] = a[k] if k >= 0 else np.nan
    else:
        last = n_a - 1 - (at - ((at + 1) // clock * clock - 1))  # minute of the last close
        for i in range(n):
            end = last - (n - 1 - i) * clock
            value = a[end]
            if operation == CLOSED_MIN:
                for j in range(end - clock + 1, end):
                    value = min(value, a[j])
            elif operation == CLOSED_MAX:
                for j in range(end - clock + 1, end):
                    value = max(value, a[j])
            out[i] = value


@compiled
def _indicator(
    operation: int,
    a: FloatArray,
    b: FloatArray,
    c: FloatArray,
    d: FloatArray,
    window: int,
    spare: FloatArray,
    counts: NDArray[np.int32],
    out: FloatArray,
) -> None:
    """TA-Lib's, from the first candle at which nothing that it takes is NaN; NaN until it has warmed up."""
    n, skipped = out.shape[0], 0
    while skipped < n and not a[skipped] + b[skipped] + c[skipped] + d[skipped] < np.inf:
        skipped += 1
    i, j = counts[:1].ctypes.data, counts[1:].ctypes.data
    counts[:] = 0  # it makes nothing of a window that it refuses
    last = n - 1 - skipped
    x, y = a[skipped:].ctypes.data, b[skipped:].ctypes.data
    z, w = c[skipped:].ctypes.data, d[skipped:].ctypes.data
    o, p, q = out.ctypes.data, spare[0].ctypes.data, spare[1].ctypes.data
    if last < 0:
        out[:] = np.nan
        return
    if operation == EMA:
        TA_EMA(0, last, x, window, i, j, o)
    elif operation == RSI:
        TA_RSI(0, last, x, window, i, j, o)
    elif operation == TRIX:
        TA_TRIX(0, last, x, window, i, j, o)
    elif operation == LINEARREG_SLOPE:
        TA_SLOPE(0, last, x, window, i, j, o)
    elif operation == CCI:
        TA_CCI(0, last, x, y, z, window, i, j, o)
    elif operation == NATR:
        TA_NATR(0, last, x, y, z, window, i, j, o)
    elif operation == ADX:
        TA_ADX(0, last, x, y, z, window, i, j, o)
    elif operation == PLUS_DI:
        TA_PLUS_DI(0, last, x, y, z, window, i, j, o)
    elif operation == MINUS_DI:
        TA_MINUS_DI(0, last, x, y, z, window, i, j, o)
    elif operation == AROONOSC:
        TA_AROONOSC(0, last, x, y, window, i, j, o)
    elif operation == MFI:
        TA_MFI(0, last, x, y, z, w, window, i, j, o)
    elif operation == ULTOSC:
        TA_ULTOSC(0, last, x, y, z, 7, 14, 28, i, j, o)
    elif operation == MACD:
        TA_MACD(0, last, x, 12, 26, 9, i, j, p, q, o)
    else:  # STOCH
        TA_STOCH(0, last, x, y, z, window, 3, 0, 3, 0, i, j, p, o)
    first = skipped + counts[0] if counts[1] else n
    for k in range(counts[1] - 1, -1, -1):
        out[first + k] = out[k]
    out[:first] = np.nan
