"""A calibration's written graph gives every logit the value that torch gives it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.nets.calibration import Calibration
from tapeline.nets.calibration_graph import calibrated
from tapeline.nets.nodes import Nodes
from tapeline.onnx_model import make_model
from tests.nets.graphs import served

LOGITS = np.concatenate([np.linspace(-12, 12, 500), [-100, -0.0, 0, 100, -1e-7, 1e-7]]).astype(np.float32)


def said(record):
    """Values that the graph of a calibration gives LOGITS: windows of one candle with one feature."""
    nodes = Nodes()
    logits = nodes.add("Squeeze", "windows", nodes.constant([1, 2]))
    calibrated(nodes, Calibration(record), logits, "probability")
    model = make_model("calibration", nodes.nodes, nodes.constants, (1, 1))
    return served(model, torch.from_numpy(LOGITS)[:, None, None])


def expected(record):
    """Values that torch gives LOGITS."""
    return Calibration(record)(torch.from_numpy(LOGITS)).numpy()


def test_none_is_the_sigmoid():
    """Whatever else the record tells."""
    record = {"kind": "none", "why": "told"}
    np.testing.assert_allclose(said(record), expected(record), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("slope", "intercept"), [(0.4, 0.3), (-1.7, -0.2), (3.0, 0.0), (0.0, 1.0)])
def test_platts_line_is_torchs(slope, intercept):
    """Rising or falling."""
    record = {"kind": "platt", "slope": slope, "intercept": intercept}
    np.testing.assert_allclose(said(record), expected(record), rtol=0, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 40), is_symmetric=st.booleans(), seed=st.integers(0, 10**6))
def test_the_isotonic_map_is_torchs(n, is_symmetric, seed):
    """Of one knot or many, the same for both sides or not; beyond its knots too.

    Where it is steep, a sigmoid that is off in its last bit, 1.2e-7, is off by as much more.
    """
    rng = np.random.default_rng(seed)
    least = 0.5 if is_symmetric else 0.0
    raw, values = (np.sort(rng.uniform(least, 1, n)) for _ in range(2))
    record = {"kind": "isotonic", "raw": raw.tolist(), "calibrated": values.tolist()}
    record |= {"is_symmetric": True} if is_symmetric else {}
    steepest = max(np.diff(values) / np.diff(raw), default=0.0)
    np.testing.assert_allclose(said(record), expected(record), rtol=0, atol=1e-6 + 1.2e-7 * steepest)


@pytest.mark.parametrize("is_symmetric", [False, True])
def test_what_is_served_is_never_beyond_0_or_1(is_symmetric):
    """Where the map ends at both, too, and the sum of its rises is rounded to more than 1."""
    rng = np.random.default_rng(0)
    raw, values = (np.sort(rng.uniform(0.5 if is_symmetric else 0.0, 1, 30)) for _ in range(2))
    values[-1] = 1.0
    record = {"kind": "isotonic", "raw": raw.tolist(), "calibrated": values.tolist()}
    found = said(record | {"is_symmetric": is_symmetric})
    assert found.min() >= 0.0
    assert found.max() == 1.0
