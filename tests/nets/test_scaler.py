"""A scaler fitted in passes is, to the bit, the one that sees all rows of eight columns at once."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.nets import scaler
from tapeline.nets.scaler import fit_scaler


def at_once(features, rows):
    """Mean and standard deviation by NumPy's own, of eight columns side by side."""
    parts = [features[rows, k : k + 8].astype(np.float64) for k in range(0, features.shape[1], 8)]
    return [np.concatenate([getattr(part, name)(axis=0) for part in parts]) for name in ("mean", "std")]


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 40_000), n_columns=st.integers(1, 19), seed=st.integers(0, 99))
def test_a_fit_in_passes_is_that_of_all_rows_at_once(n, n_columns, seed):
    """Also of one column beside whole eights, which NumPy adds in another order."""
    rng = np.random.default_rng(seed)
    features = rng.normal(3, 1e3, (n, n_columns)).astype(np.float32)
    rows = np.flatnonzero(rng.random(n) < 0.7)
    if rows.size > 1:
        found, (mean, std) = fit_scaler(features, rows), at_once(features, rows)
        assert (found.mean.tobytes(), found.std.tobytes()) == (mean.tobytes(), std.tobytes())


def test_eight_columns_alone_have_the_statistics_that_they_have_among_all():
    """The audit fits eight at a time, training all; or else it would audit another scaler."""
    rng = np.random.default_rng(0)
    features = rng.normal(3, 1e3, (30_000, 25)).astype(np.float32)
    rows = np.flatnonzero(rng.random(30_000) < 0.7)
    whole = fit_scaler(features, rows)
    for first in range(0, 25, scaler.COLUMNS_AT_ONCE):
        some = slice(first, first + scaler.COLUMNS_AT_ONCE)
        assert fit_scaler(features[:, some], rows).std.tobytes() == whole.std[some].tobytes()
