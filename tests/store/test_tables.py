"""Tables of several symbols read as one, and which of their rows count."""

import pandas as pd
import pytest

from tapeline.errors import DataError
from tapeline.outputs import write_table
from tapeline.store.tables import is_scorable, read_table, read_tables


def test_tables_come_below_each_other_with_their_symbol(tmp_path):
    """In the order asked for, a categorical `symbol` in front, an empty table included."""
    for name, values in (("A", [1.0]), ("B", [2.0, 3.0]), ("C", [])):
        write_table(tmp_path / f"{name}.parquet", pd.DataFrame({"x": values}, dtype="float64"))
    merged = read_tables(tmp_path, ("B", "C", "A"))
    assert merged["symbol"].tolist() == ["B", "B", "A"]
    assert merged["x"].tolist() == [2.0, 3.0, 1.0]
    assert list(merged["symbol"].cat.categories) == ["B", "C", "A"]


def test_a_missing_or_broken_table_is_named(tmp_path):
    """The message names the file, and what is there instead."""
    (tmp_path / "A.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match=r"B\.parquet: no such table; .* holds A"):
        read_table(tmp_path, "B")
    with pytest.raises(DataError, match=r"A\.parquet: not readable as Parquet"):
        read_table(tmp_path, "A")


def test_a_row_counts_if_it_has_a_label_and_a_real_candle():
    """A missing label or a filled candle leaves a row out."""
    table = pd.DataFrame({"y": [1.0, None, 0.0, None], "is_filled": [False, False, True, True]})
    assert is_scorable(table, "y").tolist() == [True, False, False, False]
