"""What a feature's function is given when its recipe is asked for: candles without numbers.

A `Series` stands for an array that ends with the newest candle. Arithmetic, comparisons and NumPy's functions
on it make another `Series`, so calling a feature's function once tells what it computes, and `program.py` has
that computed by compiled code. Whatever else is tried (a look at a number, an index, a library that wants
an array) raises an error: such a function is called with arrays instead, each time anew.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tapeline.features.kernel import FIRST_BINARY, FIRST_WINDOW, OPERATIONS

UFUNCS = frozenset(OPERATIONS[FIRST_BINARY:FIRST_WINDOW]) - {"ratio", "where"}


class Series(NDArrayOperatorsMixin):
    """One operation of `kernel.OPERATIONS` on others; `option`, `number` and `made_by` are its parameters.

    made_by : of what is looked up, the function that makes the table and its arguments
    clock : minutes of a candle, 1 for those that come in whatever their length
    """

    __hash__ = object.__hash__
    operation: str
    clock: int

    def __init__(
        self, operation: str, *inputs: "Series", option: int = 0, number: float = 0.0,
        made_by: tuple[Callable[..., Any], tuple[Any, ...]] | None = None, clock: int | None = None,
    ) -> None:  # fmt: skip
        clocks = {each.clock for each in inputs if each.operation != "constant"} or {1}
        if clock is None and len(clocks) > 1:
            raise TypeError("candles of two lengths can't be combined")
        self.operation, self.inputs, self.made_by = operation, inputs, made_by
        self.option, self.number, self.clock = option, number, clocks.pop() if clock is None else clock

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> "Series":
        """One of UFUNCS called plainly, or a power of 2."""
        name = ufunc.__name__
        if name == "power" and inputs[1:] == (2,):
            name, inputs = "square", inputs[:1]
        if method != "__call__" or options or name not in UFUNCS:
            raise TypeError(f"{name} is nothing that is compiled")
        return Series(name, *map(as_series, inputs))

    def __array_function__(self, function: Any, _: Any, inputs: Any, options: Any) -> "Series":
        """`np.where` and `np.clip`; of `np.abs` and the like NumPy asks `__array_ufunc__`."""
        if function is np.where and len(inputs) == 3 and not options:
            return Series("where", *map(as_series, inputs))
        if function is np.clip and len(inputs) == 3 and not options:
            values, low, high = inputs
            return np.minimum(np.maximum(values, low), high)  # type: ignore[no-any-return]
        raise TypeError(f"{function.__name__} is nothing that is compiled")

    def __array__(self, *_: Any, **__: Any) -> Any:
        """There are no numbers."""
        raise TypeError("a recipe holds no numbers")

    def __bool__(self) -> bool:
        raise TypeError("a recipe is neither true nor false")

    def is_like(self, other: "Series") -> bool:
        """Whether both are the same operations on the same."""
        return self is other or (
            (self.operation, self.option, self.number, self.made_by, self.clock, len(self.inputs))
            == (other.operation, other.option, other.number, other.made_by, other.clock, len(other.inputs))
            and all(one.is_like(two) for one, two in zip(self.inputs, other.inputs, strict=True))
        )

    def astype(self, kind: type) -> "Series":
        """Itself: every number is a float."""
        if kind not in (float, np.float64):
            raise TypeError(f"there are no numbers of {kind}")
        return self


def as_series(value: Any) -> Series:
    """A series as it is, a number as one that never changes; TypeError for anything else."""
    if isinstance(value, Series):
        return value
    if isinstance(value, bool | int | float | np.number | np.bool_):
        return Series("constant", number=float(value))
    raise TypeError(f"{type(value).__name__} is neither a series nor a number")
