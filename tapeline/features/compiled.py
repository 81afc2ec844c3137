"""Declared features as one compiled program, and beside it those that are plain Python."""

from collections.abc import Iterator
from dataclasses import fields
from functools import lru_cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tapeline.features.declare import Candles, Feature, FloatArray
from tapeline.features.program import Program
from tapeline.features.series import Series

COLUMNS = tuple(field.name for field in fields(Candles))  # as the program has them, the minute first
RECIPE = Candles(**{name: Series("column", option=k) for k, name in enumerate(COLUMNS)})  # type: ignore[arg-type]
# Candles computed at a time, from the longest lookback before them on, whatever the history.
CHUNK = 65_536


def recipe(feature: Feature) -> Series | None:
    """What a feature computes, told by its own function; None where it must be called with arrays.

    A function that says one thing now and another then, by a clock or by chance, must be.
    """
    try:
        with np.errstate(all="ignore"):  # what takes a recipe for numbers computes with none
            made, again = (cast("Any", feature.function(RECIPE)) for _ in range(2))
    except Exception:  # of whatever it called with something that is no array; with arrays it will be seen
        return None
    is_recipe = isinstance(made, Series) and isinstance(again, Series) and made.clock == 1
    return cast("Series", made) if is_recipe and made.is_like(again) else None


class FeatureProgram:
    """`features` in their order; the compiled ones are computed together.

    lookback : the longest of all; plain : positions of those that are called with arrays
    """

    def __init__(self, features: tuple[Feature, ...]) -> None:
        self.features = features
        self.lookback = max(feature.lookback for feature in features)
        recipes = [recipe(feature) for feature in features]
        self.plain = [k for k, made in enumerate(recipes) if made is None]
        self._compiled = [k for k, made in enumerate(recipes) if made is not None]
        roots = [made for made in recipes if made is not None]
        self._program = Program(roots, [features[k].lookback for k in self._compiled]) if roots else None

    def chunks(
        self, candles: Candles, n_rows: int, kind: type[np.floating]
    ) -> Iterator[tuple[slice, NDArray[np.floating]]]:
        """Yield some of the last `n_rows` of consecutive `candles`, and their features, (F, rows), as `kind`.

        A chunk of rows is computed from as many candles before it as there are before the first row. Between
        two of them nothing is held.
        """
        before = len(candles.close) - n_rows
        for start in range(0, n_rows, CHUNK):
            stop = min(start + CHUNK, n_rows)
            yield slice(start, stop), self._made(candles.rows(start, stop + before), stop - start, kind)

    def newest(self, candles: Candles) -> FloatArray:
        """Features (F,) of the last of `candles`, each from no more than its lookback."""
        n = len(candles.close)
        if self._program is None or self.plain:
            out = np.empty(len(self.features))
            if self._program is not None:
                out[self._compiled] = self._program.newest(*_columns(candles))
            for k in self.plain:
                feature = self.features[k]
                out[k] = feature.function(candles.rows(n - feature.lookback, n))[-1]
            return out
        return self._program.newest(*_columns(candles))

    def _made(self, chunk: Candles, n_rows: int, kind: type[np.floating]) -> NDArray[np.floating]:
        out = np.empty((len(self.features), n_rows))
        self._fill(chunk, out)
        return out.astype(kind, copy=False)

    def _fill(self, chunk: Candles, out: FloatArray) -> None:
        rows = out.shape[1]
        if self._program is not None:
            columns, at = _columns(chunk)
            if self.plain:
                made = np.empty((len(self._compiled), rows))
                self._program.fill(columns, at, made)
                out[self._compiled] = made
            else:
                self._program.fill(columns, at, out)
        for k in self.plain:
            out[k] = self.features[k].function(chunk)[len(chunk.minute) - rows :]


@lru_cache(maxsize=64)
def program_of(features: tuple[Feature, ...]) -> FeatureProgram:
    """The program of `features`, kept for the next call."""
    return FeatureProgram(features)


def compute(feature: Feature, candles: Candles) -> FloatArray:
    """Values of one feature at each of consecutive `candles`, shape (n,); NaN where it can't be known."""
    out = np.empty((1, len(candles.close)))
    program = program_of((feature,))
    program._fill(candles, out)
    values: FloatArray = out[0]
    return values


def _columns(candles: Candles) -> tuple[FloatArray, int]:
    """Columns as the program takes them, and the newest candle's place, in candles since 1970."""
    n = len(candles.minute)
    step = int(candles.minute[-1] - candles.minute[-2]) if n > 1 else 1
    matrix = np.empty((len(COLUMNS), n))
    for k, name in enumerate(COLUMNS):
        matrix[k] = getattr(candles, name)
    return matrix, int(candles.minute[-1]) // step if n else 0
