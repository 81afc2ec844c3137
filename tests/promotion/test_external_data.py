"""Values of a graph that lie in another file: found wherever a graph may keep them, and never loaded."""

import json

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from tapeline.errors import ArtifactError
from tapeline.promotion.bundle import open_bundle, pack
from tapeline.promotion.external_data import external_data

INNER = [helper.make_tensor("inner", 1, [2], [1.0, 2.0])]


def outside(name="w", location="/etc/passwd"):
    """A tensor of four numbers that are said to lie in another file."""
    tensor = TensorProto(name=name, data_type=1, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", "16")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return tensor


def model(initializers=(), nodes=()):
    """A graph that adds the first initializer, or itself, to its input."""
    value = helper.make_tensor_value_info
    first = initializers[0].name if initializers else "windows"
    add = helper.make_node("Add", ["windows", first], ["y"])
    graph = helper.make_graph(
        [*nodes, add], "g", [value("windows", 1, [1, 4])], [value("y", 1, None)], list(initializers)
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def nested(tensor):
    """A node whose branch holds a constant of `tensor`."""
    constant = helper.make_node("Constant", [], ["c"], value=tensor)
    branch = helper.make_graph([constant], "b", [], [helper.make_tensor_value_info("c", 1, None)])
    return helper.make_node("If", ["cond"], ["z"], then_branch=branch, else_branch=branch)


def in_function(tensor):
    """A graph with a function that holds a constant of `tensor`."""
    whole = model()
    constant = helper.make_node("Constant", [], ["c"], value=tensor)
    whole.functions.append(helper.make_function("d", "F", [], ["c"], [constant], []))
    return whole


def sparse(tensor):
    """A graph whose sparse weights' values are `tensor`."""
    whole = model()
    weights = whole.graph.sparse_initializer.add()
    weights.values.CopyFrom(tensor)
    return whole


PLACES = {
    "initializer": lambda tensor: model([tensor]),
    "constant": lambda tensor: model(nodes=[helper.make_node("Constant", [], ["c"], value=tensor)]),
    "branch": lambda tensor: model(nodes=[nested(tensor)]),
    "function": in_function,
    "sparse": sparse,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_tensor_in_another_file_is_found(place):
    """Name and file, and nothing where all is inside."""
    assert external_data(PLACES[place](outside()).SerializeToString())[0] == "w in /etc/passwd"
    assert external_data(PLACES[place](INNER[0]).SerializeToString()) == []


@pytest.mark.parametrize("location", ["/etc/passwd", "model.onnx", "../x", "*/_ORT_MEM_ADDR_/*", ""])
def test_a_bundle_whose_graph_keeps_values_elsewhere_is_refused(tmp_path, location):
    """In one line, with the file that it names, whichever that is."""
    told = open_packed(tmp_path, model([outside(location=location)]).SerializeToString())
    where = (
        f"{tmp_path / 'b'}: no whole bundle: model.onnx keeps 'w in {location or 'another file'}': a bundle"
    )
    assert told.startswith(where)


@pytest.mark.parametrize(
    ("graph", "word"),
    [
        (b"", "can't be loaded"),
        (b"\xff" * 20, "is no protobuf"),
        (b"\x3a\x7f", "is cut short"),
        (model([helper.make_tensor("w", 1, [4], [0.0] * 4)]).SerializeToString(), "must take windows of"),
        (helper.make_model(helper.make_graph([], "g", [], [])).SerializeToString(), "model.onnx "),
    ],
)
def test_a_graph_that_is_none_is_refused_in_one_line(tmp_path, graph, word):
    """What it is instead, and nothing is printed beside it."""
    assert word in open_packed(tmp_path, graph)


def open_packed(folder, graph):
    """What opening a bundle with that graph says."""
    description = {
        "network": "lstm", "context": {"sequence_length": 20}, "features": ["a"], "label": "direction",
        "horizon": 15, "interval": "1m", "span": {}, "made_from": {}, "scaler": {"mean": [0.0], "std": [1.0]},
    }  # fmt: skip
    contract = {
        "artifact": "lstm-direction", "lookback": 3, "sequence_length": 20,
        "input": {"columns": ["timestamp"], "interval": "1m", "leader": None, "symbols": ["A"], "max_fill": 5,
                  "max_filled_share": 0.1},
        "label": {"name": "direction", "horizon": 15},
        "output": {"name": "probability", "meaning": "", "low": 0.0, "high": 1.0},
    }  # fmt: skip
    files = {"model.json": json.dumps(description).encode(), "contract.json": json.dumps(contract).encode()}
    pack(folder / "b", files | {"model.onnx": graph}, {})
    with pytest.raises(ArtifactError) as caught:
        open_bundle(folder / "b")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@given(at=st.integers(0, 400), junk=st.binary(max_size=4))
def test_broken_bytes_are_no_graph_or_one(at, junk):
    """Nothing but ValueError is raised, whatever the bytes."""
    content = bytearray(PLACES["branch"](outside()).SerializeToString())
    content[at : at + len(junk)] = junk
    try:
        assert isinstance(external_data(bytes(content)), list)
    except ValueError:
        return


def test_the_walk_finds_what_the_library_finds():
    """On a graph of the exporter's size, with every tensor in another file."""
    tensors = [onnx.numpy_helper.from_array(np.ones((3, k), np.float32), f"t{k}") for k in range(1, 6)]
    whole = model(tensors)
    onnx.external_data_helper.convert_model_to_external_data(whole, size_threshold=0, location="w.bin")
    assert external_data(whole.SerializeToString()) == [f"t{k} in w.bin" for k in range(1, 6)]
