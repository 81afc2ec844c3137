"""Spans of time and the months on disk that know theirs."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.download.months import ChunkFolder, merge_spans, show_time, split_months, to_milliseconds

STEP = 60_000
START = to_milliseconds(pd.Timestamp("2023-12-31T23:00Z"))  # an hour before a month and a year begin
N = 120
SPANS = st.lists(st.tuples(st.integers(0, N), st.integers(0, N)).map(sorted).filter(lambda s: s[0] < s[1]))


def covered(spans):
    """The whole numbers that lie in `spans`."""
    return {k for start, stop in spans for k in range(start, stop)}


@given(SPANS)
def test_merged_spans_cover_the_same_and_do_not_touch(spans):
    """The fewest spans, in order."""
    merged = merge_spans([tuple(span) for span in spans])
    assert covered(merged) == covered(spans)
    assert all(a[1] < b[0] for a, b in pairwise(merged))


def test_a_span_is_cut_where_months_begin():
    """Whole months, leap days and years included, without rest."""
    start, stop = (
        to_milliseconds(pd.Timestamp("2023-11-15T01:00Z")),
        to_milliseconds(pd.Timestamp("2024-03-02T00:00Z")),
    )
    months = list(split_months((start, stop)))
    assert [show_time(month[0])[:10] for month in months] == [
        "2023-11-15", "2023-12-01", "2024-01-01", "2024-02-01", "2024-03-01",
    ]  # fmt: skip
    assert merge_spans(months) == [(start, stop)]
    assert months[3][1] - months[3][0] == 29 * 86_400_000


@settings(max_examples=25)
@given(spans=SPANS, holes=st.sets(st.integers(0, N - 1)))
def test_what_is_missing_and_added_ends_as_added_at_once(tmp_path_factory, spans, holes):
    """In whatever order parts come, a folder has the bytes of one that got everything in one piece."""
    parts, whole = tmp_path_factory.mktemp("parts"), tmp_path_factory.mktemp("whole")
    times = np.array([START + k * STEP for k in range(N) if k not in holes], dtype=np.int64)
    values = np.outer(times / STEP, np.arange(1.0, 6.0))

    def fill(folder, span):
        chunks = ChunkFolder(folder, "1m")
        for start, stop in chunks.missing(span):
            inside = (times >= start) & (times < stop)
            chunks.add((start, stop), times[inside], values[inside])
        return chunks

    all_of_it = (START, START + N * STEP)
    for start, stop in spans:
        fill(parts, (START + start * STEP, START + stop * STEP))
    chunks = fill(parts, all_of_it)
    fill(whole, all_of_it)
    assert {p.name: p.read_bytes() for p in parts.iterdir()} == {
        p.name: p.read_bytes() for p in whole.iterdir()
    }
    np.testing.assert_array_equal(chunks.read_times(all_of_it), times)


def test_a_file_says_what_was_fetched_of_its_month(tmp_path):
    """Also where the exchange has no candle; a month without any has no file."""
    chunks = ChunkFolder(tmp_path, "1m")
    hour = 60 * STEP
    chunks.add((START, START + 2 * hour), np.array([START]), np.ones((1, 5)))
    (path,) = tmp_path.iterdir()
    assert path.name == "1m-2023-12.parquet"
    assert pq.read_schema(path).metadata == {b"fetched": b"2023-12-31T23:00:00Z/2024-01-01T00:00:00Z"}
    assert chunks.missing((START - hour, START + 2 * hour)) == [
        (START - hour, START), (START + STEP, START + 2 * hour),
    ]  # fmt: skip
