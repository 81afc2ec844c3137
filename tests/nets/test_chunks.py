"""Chunks: every label once, nothing across a border, nothing ahead."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from tapeline.nets.chunks import Series, reached, spans_within, tile

SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=6)


def series_of(n):
    """A series whose one feature and label are the row's number."""
    return Series(torch.arange(float(n))[:, None], torch.arange(float(n)), torch.ones(n))


@given(sizes=SIZES, seed=st.integers(0, 99))
def test_spans_are_the_longest_of_one_segment(sizes, seed):
    """Every kept row lies in one span; a span ends where the segment does or the next row is outside."""
    segment = np.repeat(np.arange(len(sizes)), sizes)
    is_kept = np.random.default_rng(seed).random(segment.size) < 0.7
    spans = spans_within(segment, is_kept)
    covered = np.concatenate([np.arange(a, b) for a, b in spans]) if len(spans) else np.arange(0)
    np.testing.assert_array_equal(covered, np.flatnonzero(is_kept))
    for first, end in spans:
        assert np.unique(segment[first:end]).size == 1
        assert first == 0 or not is_kept[first - 1] or segment[first - 1] != segment[first]
        assert end == segment.size or not is_kept[end] or segment[end] != segment[first]


@given(
    sizes=SIZES,
    length=st.integers(1, 12),
    context=st.integers(1, 12),
    offset=st.integers(0, 11),
    seed=st.integers(0, 99),
)
def test_every_row_with_its_context_is_scored_once_and_reads_its_own_segment(
    sizes, length, context, offset, seed
):
    """Scored are the rows with `context` rows of their span up to them, each once; none reads outside it."""
    context = min(context, length)
    offset = min(offset, length - context)
    segment = np.repeat(np.arange(len(sizes)), sizes)
    is_kept = np.random.default_rng(seed).random(segment.size) < 0.9
    spans = spans_within(segment, is_kept)
    chunks = tile(spans, length, context, offset)
    x, y, w = series_of(segment.size).batch(torch.from_numpy(chunks), length, context)
    torch.testing.assert_close(x[..., 0], y)
    expected = [row for a, b in spans for row in range(a + context - 1, b)]
    assert sorted(y[w > 0].int().tolist()) == expected
    for chunk in x[..., 0].int().numpy():
        assert is_kept[chunk].all()
        assert np.unique(segment[chunk]).size == 1
        assert (np.diff(chunk) >= 0).all()


def test_a_planted_border_crossing_is_seen():
    """Chunks cut from one span over two segments read both: what the property above must turn red on."""
    segment = np.repeat([0, 1], [6, 6])
    chunks = tile(np.array([[0, 12]]), 8, 3)
    rows = series_of(12).batch(torch.from_numpy(chunks), 8, 3)[0][..., 0].int().numpy()
    assert any(np.unique(segment[chunk]).size > 1 for chunk in rows)


def test_an_empty_chunk_weighs_nothing():
    """It makes up the numbers where a step's chunks can't be shared out evenly."""
    _, _, w = series_of(5).batch(torch.tensor([[0, 0], [0, 5]]), 6, 2)
    assert w.tolist() == [[0.0] * 6, [0.0, 1.0, 1.0, 1.0, 1.0, 0.0]]


@given(sizes=SIZES, length=st.integers(1, 9), seed=st.integers(0, 99))
def test_what_a_prediction_reaches(sizes, length, seed):
    """The `length` rows of a segment up to any of the rows."""
    segment = np.repeat(np.arange(len(sizes)), sizes)
    rows = np.flatnonzero(np.random.default_rng(seed).random(segment.size) < 0.2)
    expected = {
        k for row in rows for k in range(max(0, row - length + 1), row + 1) if segment[k] == segment[row]
    }
    assert set(np.flatnonzero(reached(segment, rows, length)).tolist()) == expected
