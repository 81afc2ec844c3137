"""What is handed over comes out as it went in: arrays, functions of scripts, and mapped files as such."""

from functools import partial

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tapeline.cluster.handover import ARRAYS, read_work, write_work

ANY = arrays.arrays(
    st.sampled_from(["f4", "f8", "i8", "?", "M8[us]"]), arrays.array_shapes(min_side=0, max_side=4)
)


@given(st.lists(ANY, max_size=4), st.booleans())
def test_items_come_out_as_they_went_in(tmp_path_factory, items, is_turned):
    """Of any type and shape, transposed too; and the work with them."""
    folder = tmp_path_factory.mktemp("handover")
    items = [each.T if is_turned else each for each in items]
    write_work(folder, partial(np.add, 1), items)
    work, found = read_work(folder)
    assert work.func is np.add
    for before, after in zip(items, found, strict=True):
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after, before)


def test_what_one_process_changes_no_other_sees(tmp_path):
    """Arrays can be written to, and the file stays as it is."""
    write_work(tmp_path, len, [np.zeros(100)])
    _, (first,) = read_work(tmp_path)
    first += 1
    _, (second,) = read_work(tmp_path)
    assert (first.sum(), second.sum()) == (100, 0)


def test_a_mapped_matrix_is_not_copied(tmp_path):
    """Only where it lies; a part of it, whose place is another, is."""
    np.arange(1000, dtype="f4").tofile(tmp_path / "matrix")
    whole = np.memmap(tmp_path / "matrix", "f4", "r", shape=(100, 10))
    write_work(tmp_path, len, [whole])
    assert (tmp_path / ARRAYS).stat().st_size < 10
    _, (found,) = read_work(tmp_path)
    np.testing.assert_array_equal(found, whole)
    assert isinstance(found, np.memmap)
    write_work(tmp_path, len, [whole[50:], whole[:, 3]])
    _, parts = read_work(tmp_path)
    np.testing.assert_array_equal(parts[0], whole[50:])
    np.testing.assert_array_equal(parts[1], whole[:, 3])
