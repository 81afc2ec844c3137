"""The mean of several ONNX graphs that take the same windows, as one graph."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from tapeline.onnx_model import PROBABILITY, WINDOWS, to_bytes


def mean_of_graphs(graphs: Sequence[bytes]) -> bytes:
    """ONNX bytes that take `windows` (B, T, F), and give the mean of what `graphs` give of them, (B,).

    Names within each are prefixed by its place, m0, m1...; operators are of the latest of their versions.
    """
    members = [
        compose.add_prefix(onnx.load_from_string(graph), f"m{k}.", inplace=True)
        for k, graph in enumerate(graphs)
    ]
    joined = onnx.GraphProto(name="ensemble")
    taken = next(iter(members[0].graph.input))
    shape = [each.dim_param or each.dim_value for each in taken.type.tensor_type.shape.dim]
    joined.input.append(
        helper.make_tensor_value_info(WINDOWS, TensorProto.FLOAT, [_free(shape[0]), *shape[1:]])
    )
    joined.output.append(helper.make_tensor_value_info(PROBABILITY, TensorProto.FLOAT, [_free(shape[0])]))
    for k, member in enumerate(members):
        joined.node.append(helper.make_node("Identity", [WINDOWS], [f"m{k}.{WINDOWS}"]))
        joined.node.extend(member.graph.node)
        joined.initializer.extend(member.graph.initializer)
    outputs = [f"m{k}.{PROBABILITY}" for k in range(len(members))]
    joined.initializer.append(numpy_helper.from_array(np.array(1 / len(members), np.float32), "share"))
    joined.node.append(helper.make_node("Sum", outputs, ["total"]))
    joined.node.append(helper.make_node("Mul", ["total", "share"], [PROBABILITY]))
    made = helper.make_model(
        joined,
        producer_name=members[0].producer_name,
        ir_version=max(member.ir_version for member in members),
        opset_imports=_latest(members),
        functions=[function for member in members for function in member.functions],
    )
    onnx.checker.check_model(made)
    return to_bytes(made)


def _free(size: str | int) -> str:
    """The name of the batch's size, which prefixes have changed."""
    return str(size).rpartition(".")[2]


def _latest(members: Sequence[onnx.ModelProto]) -> list[onnx.OperatorSetIdProto]:
    versions: dict[str, int] = {}
    for member in members:
        for each in member.opset_import:
            versions[each.domain] = max(each.version, versions.get(each.domain, 0))
    return [helper.make_opsetid(domain, version) for domain, version in sorted(versions.items())]
