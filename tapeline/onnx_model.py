"""What every model's ONNX graph has in common: its ends, its versions, how it becomes bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET, ML_OPSET, IR_VERSION = 18, 3, 9
PRODUCER = "tapeline"
WINDOWS, PROBABILITY = "windows", "probability"  # what a graph takes, and what it gives


def make_model(
    name: str,
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, NDArray[Any]],
    window: tuple[int, int],
    has_trees: bool = False,
) -> onnx.ModelProto:
    """A checked model of `nodes`, which take WINDOWS (B, T, F), any B, and give PROBABILITY (B,).

    window : (T, F); constants : by the names that nodes call them; has_trees : whether nodes are of ONNX's
    classical models, too
    """
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(WINDOWS, TensorProto.FLOAT, ["batch", *window])],
        [helper.make_tensor_value_info(PROBABILITY, TensorProto.FLOAT, ["batch"])],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()],
    )
    versions = {"": OPSET} | ({"ai.onnx.ml": ML_OPSET} if has_trees else {})
    opsets = [helper.make_opsetid(domain, version) for domain, version in versions.items()]
    model = helper.make_model(graph, producer_name=PRODUCER, ir_version=IR_VERSION, opset_imports=opsets)
    onnx.checker.check_model(model)
    return model


def to_bytes(model: onnx.ModelProto) -> bytes:
    """The file's content, the same for the same model."""
    content: bytes = model.SerializeToString(deterministic=True)
    return content
