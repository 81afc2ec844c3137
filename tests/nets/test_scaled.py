"""Features scaled as they are taken are, to the bit, those that were scaled all at once."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.nets.scaled import ScaledFeatures, scaled_on
from tapeline.nets.scaler import fit_scaler

N = 5000
FEATURES = np.random.default_rng(0).normal(3, 50, (N, 7)).astype(np.float32)
SCALER = fit_scaler(FEATURES, np.arange(0, N, 3))
WHOLE = torch.from_numpy(SCALER.transform(FEATURES))


@settings(max_examples=60, deadline=None)
@given(
    first=st.one_of(st.lists(st.integers(0, last), max_size=40) for last in (100, N - 61)),
    length=st.integers(1, 60),
)
def test_windows_taken_are_those_of_all_that_is_scaled(first, length):
    """Far apart and overlapping, in any order, twice, and none."""
    rows = torch.tensor(first, dtype=torch.int64)[:, None] + torch.arange(length)
    assert ScaledFeatures(FEATURES, SCALER)[rows].numpy().tobytes() == WHOLE[rows].numpy().tobytes()


def test_on_another_device_they_lie_scaled():
    """A block at a time, and all there: of a device whose numbers can be had, the same ones."""
    meta = scaled_on(torch.device("meta"), FEATURES, SCALER)
    assert (meta.shape, meta.device.type) == ((N, 7), "meta")
    assert isinstance(scaled_on(torch.device("cpu"), FEATURES, SCALER), ScaledFeatures)
