"""What every graph has in common, whatever it was made of."""

import numpy as np
import onnx
import pytest
from onnx import helper

from tapeline.onnx_model import make_model, to_bytes

LAST = [
    helper.make_node("Gather", ["windows", "last"], ["candle"], axis=1),
    helper.make_node("ReduceSum", ["candle", "axis"], ["probability"], keepdims=0),
]
CONSTANTS = {"last": np.array(2), "axis": np.array([1])}


def test_a_model_takes_windows_of_any_batch_and_says_nothing_of_its_making():
    """Names and shapes of both ends; the same bytes twice; no time, no host, no path."""
    model = make_model("sums", LAST, CONSTANTS, (3, 2))
    (taken,), (given,) = model.graph.input, model.graph.output
    shape = [dim.dim_param or dim.dim_value for dim in taken.type.tensor_type.shape.dim]
    assert (taken.name, shape, given.name) == ("windows", ["batch", 3, 2], "probability")
    assert not model.doc_string
    assert not model.metadata_props
    assert to_bytes(model) == to_bytes(make_model("sums", LAST, CONSTANTS, (3, 2)))


def test_a_graph_that_lacks_a_constant_is_refused():
    """Before it is written, not where it is served."""
    with pytest.raises(onnx.checker.ValidationError, match="axis"):
        make_model("sums", LAST, {"last": np.array(2)}, (3, 2))
