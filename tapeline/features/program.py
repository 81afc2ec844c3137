"""Features as one program for the compiled kernel: what they share is computed once, for a row or for all.

Serving asks for the newest row, a build for all of them, and so does a test of a single feature: the same
lines are run, over as many candles as the rows asked for need. A feature whose function can't be traced
(`series.py`) stands beside the others and is called with arrays.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapeline.features import kernel
from tapeline.features.kernel import OPERATIONS, Lines, Space, Tables
from tapeline.features.series import Series, as_series

FloatArray = NDArray[np.float64]
BLOCK = 2048  # rows at a time
EVERY = 1 << 40  # more candles than there are
HOURS = 28 * 24  # of a table of sessions; hours are made so many at once
INDICATORS = frozenset(OPERATIONS[kernel.FIRST_INDICATOR :])
WINDOWS = frozenset(("sum", "squares", "correlation", "lowest", "highest", "run"))


@dataclass(frozen=True)
class _Step:
    """A series by number: what it is, and the numbers of what it takes."""

    operation: str
    inputs: tuple[int, ...]
    option: int
    number: float
    made_by: Any
    clock: int


@dataclass(frozen=True)
class _Plan:
    """Lines for a number of rows, and the slots and candles that they fill."""

    whole: Lines
    blocks: Lines
    n_whole: int
    widths: tuple[int, int]
    n_slots: int
    block: int


class Program:
    """The recipes `roots`, each the last step of one result; `reaches` are the candles that fix each."""

    def __init__(self, roots: Sequence[Series], reaches: Sequence[int]) -> None:
        self._steps: list[_Step] = []
        self._numbers: dict[_Step, int] = {}
        seen: dict[Series, int] = {}
        self._roots = [self._number(root, seen) for root in roots]
        self._reaches = list(reaches)
        row_of = {root: row for row, root in enumerate(self._roots)}
        self._same = [(row, row_of[root]) for row, root in enumerate(self._roots) if row != row_of[root]]
        self._hours = list(dict.fromkeys(s.made_by for s in self._steps if s.operation == "hour"))
        self._constants = _constants(self._steps)
        windows = [step.option for step in self._steps if step.operation in WINDOWS]
        self._longest = max(windows, default=1)
        self._reciprocals = 1 / np.maximum(np.arange(self._longest + 1, dtype=np.float64), 1)
        self._tables: tuple[int, int, Tables] = 0, 0, self._make_tables(0, 0)
        self._plans: dict[int, _Plan] = {}
        self._space: Space | None = None

    def fill(self, columns: FloatArray, at: int, out: FloatArray) -> None:
        """Fill `out`, (F, rows), with the results at the last `rows` candles of `columns`, (k, n).

        at : candles since 1970 of the newest. What remembers where it began begins with the first candle.
        """
        self._run(self._plan(EVERY), columns, at, out, None)

    def newest(self, columns: FloatArray, at: int) -> FloatArray:
        """Results (F,) at the newest candle; what remembers where it began begins `reaches` before."""
        plan, out = self._plan(1), np.empty((len(self._roots), 1))
        if self._space is None:
            self._space = self._make_space(plan, plan.widths[0])
        self._run(plan, columns, at, out, self._space)
        return out[:, 0]

    def _run(self, plan: _Plan, columns: FloatArray, at: int, out: FloatArray, space: Space | None) -> None:
        if not columns.shape[1] or not out.size:
            return
        if space is None:
            space = self._make_space(plan, min(plan.widths[0], columns.shape[1]))
        minute = columns[kernel.MINUTE]
        ends = (minute[0], minute[-1]) if plan.block == 1 else (minute.min(), minute.max())
        tables = self._tables_for(*ends) if self._hours else self._tables[2]
        kernel.compiled_run()(columns, at, plan.whole, plan.blocks, tables, space, plan.block, out)
        for row, last in self._same:  # a line is one result
            out[row] = out[last]

    def _make_space(self, plan: _Plan, width: int) -> Space:
        return Space(
            np.empty((plan.n_whole + 2, width)),  # two more for what TA-Lib computes beside
            np.zeros(plan.n_whole, np.int64),
            np.empty((plan.n_slots, plan.widths[1])),
            np.zeros(plan.n_slots, np.int64),
            np.empty((6, self._longest + 1)),
            np.zeros(2, np.int32),
        )

    def _number(self, series: Series, seen: dict[Series, int]) -> int:
        """Number of a series, which equal ones share."""
        if series not in seen:
            inputs = tuple(self._number(each, seen) for each in series.inputs)
            step = _Step(series.operation, inputs, series.option, series.number, series.made_by, series.clock)
            if step not in self._numbers:
                self._numbers[step] = len(self._steps)
                self._steps.append(step)
            seen[series] = self._numbers[step]
        return seen[series]

    def _plan(self, rows: int) -> _Plan:
        """Lines for `rows` rows: 1, or EVERY for any number of them, BLOCK at a time."""
        if rows not in self._plans:
            self._plans[rows] = self._make_plan(rows, min(rows, BLOCK))
        return self._plans[rows]

    def _make_plan(self, rows: int, block: int) -> _Plan:
        n = len(self._steps)
        # From each result down: how many candles of each step the rows of a block need.
        needed, begun = [0] * n, [0] * n
        for root, reach in zip(self._roots, self._reaches, strict=True):
            needed[root] = max(needed[root], block)
            for step in self._below(root):
                if self._steps[step].operation in INDICATORS:
                    begun[step] = max(begun[step], reach - 1 + rows)
        self._spread(needed, stop=INDICATORS)
        self._spread(begun, stop=frozenset())
        whole = [step for step in range(n) if begun[step]]
        slot_of = {step: slot for slot, step in enumerate(whole)}
        carried = [step for step in whole if self._steps[step].operation in INDICATORS and needed[step]]
        blocks = [step for step in range(n) if needed[step]]
        slots, n_slots = self._assign_slots(blocks, set(carried))
        lines = [
            self._line(step, slots, needed[step], slot_of[step] if step in carried else None)
            for step in blocks
        ]
        for row, root in enumerate(self._roots):
            lines[blocks.index(root)][0][kernel.RESULT] = row
        return _Plan(
            _as_lines([self._line(step, slot_of, begun[step], None) for step in whole]),
            _as_lines(lines),
            len(whole),
            (max((begun[step] for step in whole), default=0), max(needed)),
            n_slots,
            block,
        )

    def _below(self, root: int) -> set[int]:
        found, pending = set(), [root]
        while pending:
            step = pending.pop()
            if step not in found:
                found.add(step)
                pending += self._steps[step].inputs
        return found

    def _spread(self, needed: list[int], stop: frozenset[str]) -> None:
        """Add what steps need of others to `needed`, candles by step; those in `stop` need nothing."""
        for number in range(len(self._steps) - 1, -1, -1):
            step, rows = self._steps[number], needed[number]
            if not rows or step.operation in stop:
                continue
            for each in step.inputs:
                needed[each] = max(needed[each], _rows_of_inputs(step, rows))

    def _assign_slots(self, steps: Sequence[int], carried: set[int]) -> tuple[dict[int, int], int]:
        """A slot for each step, free again after the last that takes it; and how many there are."""
        last = {step: step for step in steps}
        for step in steps:
            for each in () if step in carried else self._steps[step].inputs:
                last[each] = step
        slots: dict[int, int] = {}
        free: list[int] = []
        n_slots = 0
        ending: dict[int, list[int]] = {}
        for step, end in last.items():
            ending.setdefault(end, []).append(step)
        for step in steps:
            if free:
                slots[step] = free.pop()
            else:
                slots[step], n_slots = n_slots, n_slots + 1
            free += [slots[each] for each in ending.get(step, ())]
        return slots, n_slots

    def _line(
        self, number: int, slots: dict[int, int], rows: int, carried: int | None
    ) -> tuple[list[int], float]:
        step = self._steps[number]
        line = [0] * kernel.N_LINE
        operation, option, inputs = step.operation, step.option, list(step.inputs)
        if carried is not None:
            operation, option, inputs = "carried", carried, []
        if operation == "hour":
            option = self._hours.index(step.made_by)
        elif operation == "lookup":
            option = self._constants[0][step.made_by]
        taken = [slots[each] for each in inputs]
        taken += [taken[0] if taken else 0] * (4 - len(taken))
        line[kernel.OPERATION], line[kernel.SLOT] = OPERATIONS.index(operation), slots[number]
        line[kernel.LENGTH], line[kernel.OPTION] = rows, option
        line[kernel.FIRST : kernel.FOURTH + 1] = taken
        line[kernel.CLOCK], line[kernel.RESULT] = step.clock, -1
        return line, step.number

    def _tables_for(self, first_minute: float, last_minute: float) -> Tables:
        """Tables that hold every hour from one time to the other."""
        first, last = first_minute // 60, last_minute // 60
        if not self._tables[0] <= first <= last < self._tables[1]:
            begin, end = int(first // HOURS), int(last // HOURS) + 1
            self._tables = begin * HOURS, end * HOURS, self._make_tables(begin, end)
        return self._tables[2]

    def _make_tables(self, begin: int, end: int) -> Tables:
        parts = [[_hours(made_by, each) for each in range(begin, end)] for made_by in self._hours]
        hours = np.array([np.concatenate(part) for part in parts]) if begin < end else np.empty((0, 0))
        return Tables(self._constants[1], hours, begin * HOURS, self._reciprocals)


def _rows_of_inputs(step: _Step, rows: int) -> int:
    """Candles that a step takes of each input for `rows` of its own."""
    if step.operation == "lag":
        return rows + step.option
    if step.operation in WINDOWS:
        return rows + step.option - 1
    if step.operation.startswith("closed_"):
        return rows * step.clock + step.clock - 1
    if step.operation == "last_closed":
        return (rows + step.option - 2) // step.option + 1
    return rows


def _as_lines(lines: Sequence[tuple[list[int], float]]) -> Lines:
    code = np.array([line for line, _ in lines], np.int64).reshape(-1, kernel.N_LINE)
    return Lines(code, np.array([number for _, number in lines], np.float64))


def _constants(steps: Sequence[_Step]) -> tuple[dict[Any, int], FloatArray]:
    """Where each table that is looked up begins, and all of them one after the other."""
    tables = {s.made_by: s.made_by[0](*s.made_by[1]) for s in steps if s.operation == "lookup"}
    starts, values, n = {}, [np.empty(0)], 0
    for made_by, table in tables.items():
        starts[made_by], n = n, n + len(table)
        values.append(np.asarray(table, np.float64))
    return starts, np.concatenate(values)


@lru_cache(maxsize=4096)
def _hours(made_by: tuple[Callable[..., Any], tuple[Any, ...]], number: int) -> FloatArray:
    """Values of the hours of one table of HOURS, the `number`-th since 1970."""
    function, arguments = made_by
    return np.asarray(function(number * HOURS, (number + 1) * HOURS, *arguments), np.float64)


@cache
def _alone(operation: str, n_inputs: int, **parameters: Any) -> Program:
    inputs = [Series("column", option=k) for k in range(n_inputs)]
    return Program([Series(operation, *inputs, **parameters)], [1])


def apply(operation: str, *inputs: Any, **parameters: Any) -> Any:
    """An operation of the kernel, `parameters` those of a `Series`, on series or on arrays (n,)."""
    if any(isinstance(each, Series) for each in inputs):
        return Series(operation, *map(as_series, inputs), **parameters)
    if operation == "last_closed" or operation.startswith("closed_"):
        raise TypeError("longer candles are known to features that can be compiled alone")
    n = len(inputs[0])
    out = np.empty((1, n))
    columns = np.array(inputs, np.float64)
    _alone(operation, len(columns), **parameters).fill(columns, n - 1, out)
    return out[0]


def by_hour(minute: Any, of_hours: Callable[..., Any], *about: Any) -> Any:
    """For each time, in minutes since 1970, the value that `of_hours(first, after, *about)` gives its hour.

    It is asked for all hours from the `first` since 1970 to the one before `after`, and gives one value each.
    """
    return apply("hour", minute, made_by=(of_hours, about))


def look_up(position: Any, make_table: Callable[..., Any], *about: Any) -> Any:
    """Values at each position of the table that `make_table(*about)` makes."""
    return apply("lookup", position, made_by=(make_table, about))
