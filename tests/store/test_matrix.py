"""The matrix in a file is the one in memory, and its file goes with it, whatever happens."""

import gc
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import DataError
from tapeline.parallel import side_by_side
from tapeline.store.feature_store import FeatureStore
from tapeline.store.matrix import map_matrix
from tapeline.store.stored_table import StoredTable

SYMBOLS, COLUMNS = ("C", "B", "A"), ["b", "a"]
SCHEMA = {"feature_version": "v", "horizon": 15, "interval": "1m", "features": []}


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Three symbols in several row groups, one of them without rows."""
    monkeypatch.setattr("tapeline.store.table_schema.ROW_GROUP_SIZE", 7)
    made, rng = FeatureStore(tmp_path / "store"), np.random.default_rng(2)
    for symbol, n in (("A", 20), ("B", 0), ("C", 9)):
        times = pd.date_range("2026-01-01", periods=n, freq="min", tz="UTC", unit="us")
        values = {name: rng.normal(size=n).astype(np.float32) for name in ("a", "b")}
        made.write(symbol, pd.DataFrame({"timestamp": times} | values), SCHEMA)
    return made


def test_it_is_the_matrix_in_memory(store, tmp_path):
    """Of all symbols, and of one that has no rows."""
    for symbols in (SYMBOLS, ("B",)):
        mapped = map_matrix(store, symbols, COLUMNS, tmp_path / "run")
        np.testing.assert_array_equal(mapped, store.read_matrix(symbols, COLUMNS))


def total_of(matrix, column):
    """The sum of a column, and whether a file is behind it."""
    return float(matrix[:, column].sum()), isinstance(matrix, np.memmap)


class Total:
    """Work that holds a matrix."""

    def __init__(self, matrix):
        self.matrix = matrix

    def __call__(self, column):
        """The sum of a column."""
        return total_of(self.matrix, column)


def test_other_processes_map_the_same_file(store, tmp_path):
    """However small it is, and with sharing of arrays switched off."""
    mapped = map_matrix(store, SYMBOLS, COLUMNS, tmp_path)
    expected = [total_of(mapped, column) for column in (0, 1)]
    assert all(is_mapped for _, is_mapped in expected)
    assert list(side_by_side(Total(mapped), [0, 1], 2, shares_above=None)) == expected


def test_the_file_goes_with_the_last_of_the_array(store, tmp_path):
    """Not before: a part of it still reads."""
    mapped = map_matrix(store, SYMBOLS, COLUMNS, tmp_path)
    expected, part = store.read_matrix(SYMBOLS, COLUMNS)[:3], mapped[:3]
    del mapped
    np.testing.assert_array_equal(part, expected)
    assert len(list(tmp_path.glob(".features-*"))) == 1
    del part
    gc.collect()
    assert not list(tmp_path.glob(".features-*"))


def test_a_store_that_can_not_be_read_leaves_no_file(store, tmp_path):
    """The error is the store's."""
    with pytest.raises(DataError, match="no column 'x'"):
        map_matrix(store, SYMBOLS, ["a", "x"], tmp_path)
    assert not list(tmp_path.glob(".features-*"))


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(store, tmp_path):
    """By the process that each file is of."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, own = (tmp_path / f".features-{pid}-x.f32" for pid in (ended.pid, os.getpid()))
    left.touch(), own.touch()
    map_matrix(store, SYMBOLS, COLUMNS, tmp_path)
    assert (left.exists(), own.exists()) == (False, True)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_stored_table_is_the_table_that_is_read(store, symbol):
    """Its columns, its rows by position, across row groups and beyond the end, and their number."""
    whole, table = store.read(symbol).drop(columns="symbol"), StoredTable(store, symbol)
    assert len(table) == len(whole)
    for name in whole:
        pd.testing.assert_series_equal(table[name], whole[name])
    for begin, end in ((0, 1), (3, 16), (5, 5), (0, 30), (25, 30)):
        pd.testing.assert_frame_equal(table.iloc[begin:end], whole.iloc[begin:end].reset_index(drop=True))
